"""Says how good a trace or a session was. Scores travel with the spans."""

from typing import Any

from pilothouse.ids import new_id, now_us
from pilothouse.tracing.capture import capture
from pilothouse.tracing.spans import ActiveSpan, current
from pilothouse.tracing.tracer import TRACER

__all__ = ["score_current_span", "score_current_trace", "score_session", "score_trace"]

Value = float | int | bool | str


def score_current_trace(
    name: str, value: Value, *, comment: str | None = None, id: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Score the trace that runs now; nothing where none does. A text is a label, True and False count as 1 and 0.

    The same `id` again replaces a score.
    """
    running = current.get()
    if running is not None and running.trace.sampled:
        _send(name, value, comment, id, metadata, running.trace.id, None)


def score_current_span(
    name: str, value: Value, *, comment: str | None = None, id: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """The same for the step that runs now."""
    running = current.get()
    if isinstance(running, ActiveSpan) and running.trace.sampled:
        _send(name, value, comment, id, metadata, running.trace.id, running.id)


def score_trace(
    trace_id: str, name: str, value: Value, *, comment: str | None = None, id: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """The same for a trace that ended, such as by a thumb."""
    _send(name, value, comment, id, metadata, trace_id, None)


def score_session(
    session_id: str, name: str, value: Value, *, comment: str | None = None, id: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """The same for a session as a whole, whether or not it goes on."""
    _send(name, value, comment, id, metadata, None, None, str(session_id)[:200])


def _send(
    name: str, value: Value, comment: str | None, identifier: str | None, metadata: dict[str, Any] | None,
    trace_id: str | None, span_id: str | None, session_id: str | None = None,
) -> None:  # fmt: skip
    number = float(value) if isinstance(value, bool | int | float) else None
    kind = "boolean" if isinstance(value, bool) else "numeric" if number is not None else "categorical"
    given = {
        "id": str(identifier or new_id()), "trace_id": trace_id, "span_id": span_id, "session_id": session_id,
        "name": str(name)[:200], "kind": kind, "value": number,
        "label": None if number is not None else str(capture(value, 500)),
        "comment": None if comment is None else str(capture(comment, 10_000)),
        "metadata": capture(metadata or {}), "source": "sdk", "at_us": now_us(),
    }  # fmt: skip
    TRACER.score(given)
