"""Spans as rows of the `spans` table, and back. Knows the columns, not the connections.

Payloads and versions live in tables of their own; `to_span` is handed them.
"""

from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from pilothouse.call import Span
from pilothouse.observe.facts import COLUMNS as FACTS
from pilothouse.observe.facts import Fact, told_in
from pilothouse.types import Usage

__all__ = ["COLUMNS", "to_fact", "to_row", "to_span"]

COLUMNS = (
    "project_id", "trace_id", "id", "parent_id", "name", "kind", "start_us", "duration_us", "status", "error_code",
    "error_message", "request_id", "key_id", "user_id", "session_id", "team_id", "endpoint", "operation", "provider",
    "request_model", "response_model", "deployment", "input_tokens", "output_tokens", "cached_tokens",
    "cache_write_tokens", "reasoning_tokens", "usage_estimated", "ttft_us", "cost_nano", "cost_known", "manifest_id",
    "feature", "environment", "release", "prompt", "tags", "source", "attributes",
    "payload_day",
)  # fmt: skip

_USAGE = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_SAME = (
    "project_id", "trace_id", "id", "parent_id", "name", "kind", "start_us", "status", "error_code", "error_message",
    "request_id", "key_id", "user_id", "session_id", "team_id", "endpoint", "operation", "provider", "request_model",
    "response_model", "deployment", "ttft_us", "cost_nano", "manifest_id", "feature", "environment",
    "release", "prompt", "source",
)  # fmt: skip

_OF_FACT = itemgetter(*map(COLUMNS.index, FACTS))
_LARGEST = 2**31 - 1  # token columns are 32 bits wide; a provider that reports more is wrong anyway
_NO_USAGE = (None, None, None, None, None, None)


def to_row(span: Span, payload_day: int | None = None) -> tuple[object, ...]:
    """The values of `COLUMNS`; `payload_day` is the one on which its body came, if it has one.

    NUL characters, which Postgres cannot hold, become U+FFFD.
    """
    s = span
    row = (
        s.project_id, s.trace_id, s.id, s.parent_id, s.name, s.kind, s.start_us, s.duration_us, s.status, s.error_code,
        s.error_message, s.request_id, s.key_id, s.user_id, s.session_id, s.team_id, s.endpoint, s.operation,
        s.provider, s.request_model, s.response_model, s.deployment,
        *(_NO_USAGE if s.usage is None else _usage_row(s.usage)),
        s.ttft_us, s.cost_nano, s.cost_known, s.manifest_id, s.feature, s.environment, s.release, s.prompt,
        msgspec.json.encode(s.tags).decode() if s.tags else "[]", s.source,
        msgspec.json.encode(s.attributes).decode() if s.attributes else "{}", payload_day,
    )  # fmt: skip
    return tuple([value.replace("\0", "\ufffd") if type(value) is str and "\0" in value else value for value in row])


def to_fact(span: Span, row: tuple[object, ...]) -> Fact:
    """The fact of a span whose row is made."""
    return Fact._make((*_OF_FACT(row), *told_in(span.attributes)))


def to_span(row: RowMapping, versions: dict[str, str] | None = None, payload: Any = None) -> Span:
    """The span of a row, with what the other tables hold of it."""
    fields = {name: row[name] for name in _SAME}
    usage = None
    if row["input_tokens"] is not None:
        usage = Usage(**{name: row[name] for name in _USAGE}, estimated=bool(row["usage_estimated"]))
    body = payload or {}
    return Span(
        **fields,
        end_us=row["start_us"] + row["duration_us"],
        cost_known=bool(row["cost_known"]),
        usage=usage,
        versions=versions or {},
        attributes=msgspec.json.decode(row["attributes"]),
        tags=msgspec.json.decode(row["tags"]),
        input=body.get("input"),
        output=body.get("output"),
    )


def _usage_row(usage: Usage) -> tuple[object, ...]:
    u = usage
    row = u.input_tokens, u.output_tokens, u.cached_tokens, u.cache_write_tokens, u.reasoning_tokens, u.estimated
    return row if max(row) <= _LARGEST else tuple([min(number, _LARGEST) for number in row])
