"""Which recorded call a score is about, and where what was asked is read. Plain functions over the spans of a trace."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from pilothouse.gateway.shadow import OPERATION

__all__ = ["NEEDED", "Trace", "asked_at", "call_of", "source_of"]

NEEDED = (
    "trace_id", "id", "parent_id", "kind", "operation", "status", "request_model", "response_model", "deployment",
    "session_id", "user_id", "cost_nano", "cost_known", "attributes", "payload_day",
)  # fmt: skip
"""Columns of a span that are read here and by whoever goes on."""

Trace = Mapping[str, RowMapping]
"""The spans of a trace by their id."""

_CHATS = (None, "chat", "text_completion", "messages", "responses")
_NOT_THE_MODELS = ("cache", "degraded", "stale")


def call_of(trace: Trace, span_id: str | None) -> RowMapping | str:
    """The call that a score of this span, or of the whole trace, is about; else why there is none. Shadow traffic is
    what a score is about only where it names that."""
    named = None if span_id is None else trace.get(span_id)
    if not trace or (span_id is not None and named is None):
        return "their calls are not recorded"
    if named is not None and named["kind"] == "llm":
        calls = [named]
    else:
        inside = trace.values() if named is None else _below(trace, named["id"])
        shadows = named is not None and named["operation"] == OPERATION
        calls = [row for row in inside if row["kind"] == "llm" and (shadows or not _told(row).get("shadow"))]
    answered = [row for row in calls if row["status"] == "ok" and row["operation"] in _CHATS]
    if len(answered) != 1:
        return "they judge several calls together" if answered else "no chat was answered"
    call = answered[0]
    told = _told(call)
    if any(told.get(name) for name in _NOT_THE_MODELS):
        return "a cache answered, or no model"
    return "its prompt was another" if _is_of_another_prompt(trace, call) else call


def _below(trace: Trace, root: str) -> Iterator[RowMapping]:
    for row in trace.values():
        above, seen = row["parent_id"], {row["id"]}
        while above is not None and above != root and above in trace and above not in seen:
            seen.add(above)
            above = trace[above]["parent_id"]
        if above == root:
            yield row


def _mirror(trace: Trace, call: RowMapping) -> RowMapping | None:
    """The span that holds a shadow's answer beside the live one's."""
    above = trace.get(call["parent_id"] or "")
    return above if above is not None and above["operation"] == OPERATION else None


def _is_of_another_prompt(trace: Trace, call: RowMapping) -> bool:
    mirror = _mirror(trace, call)
    return mirror is not None and _told(mirror).get("shadow_model") != call["request_model"]


def _told(span: RowMapping) -> dict[str, Any]:
    return msgspec.json.decode(span["attributes"])  # type: ignore[no-any-return]


def asked_at(trace: Trace, call: RowMapping) -> RowMapping:
    """The span with the request of a call: of a shadow the live call, in whose dialect it came."""
    mirror = _mirror(trace, call)
    live = None if mirror is None else trace.get(mirror["parent_id"] or "")
    return call if live is None else live


def source_of(trace: Trace, call: RowMapping) -> str:
    """The session that a call came from, else its user, else its trace; what it does not say itself, its trace may."""
    for name in ("session_id", "user_id"):
        for row in (call, *trace.values()):
            if row[name]:
                return f"{name} {row[name]}"
    return f"trace {call['trace_id']}"
