"""What webhooks are told: a trace that has finished, a score below its limit. Knows nothing of queues."""

from collections.abc import Mapping
from typing import Any

from pilothouse.call import Span
from pilothouse.notify.message import Message

__all__ = ["finished", "too_low"]


def finished(span: Span) -> Message:
    """`trace.finished`, of the trace with this root."""
    usage = span.usage
    return Message(
        event="trace.finished",
        about=span.trace_id,
        title=span.name,
        text=f"{span.name}: {span.status}" + (f" ({span.error_code})" if span.error_code else ""),
        at_us=span.end_us,
        project_id=span.project_id,
        data={
            "trace_id": span.trace_id, "status": span.status, "error_code": span.error_code, "start_us": span.start_us,
            "duration_us": span.duration_us, "request_model": span.request_model, "deployment": span.deployment,
            "user_id": span.user_id, "session_id": span.session_id, "feature": span.feature,
            "input_tokens": None if usage is None else usage.input_tokens,
            "output_tokens": None if usage is None else usage.output_tokens, "cost_nano": span.cost_nano,
        },
    )  # fmt: skip


def too_low(row: Mapping[str, Any], limit: float) -> Message:
    """`score.below`, of a row of `scores`."""
    said = ("trace_id", "span_id", "session_id", "name", "value", "source", "author", "comment")
    return Message(
        event="score.below",
        about=row["trace_id"] or row["session_id"] or row["id"],
        title=f"{row['name']} is low",
        text=f"{row['name']}: {row['value']:g}, below {limit:g}.",
        at_us=row["at_us"],
        project_id=row["project_id"],
        data={"score_id": row["id"], **{name: row[name] for name in said}, "limit": limit},
    )
