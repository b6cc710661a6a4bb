"""Spans as flat records, one for each: the columns of every export to files. Knows nothing of file formats.

trace_id, span_id, parent_id   ids; parent_id is null at the root
start_us, duration_us, ttft_us microseconds, the first since 1970 (UTC)
*_tokens                       numbers; null on what calls no model
cost_nano                      nano-USD; null where no price is known (cost_known is false) or nothing is billed
tags                           list of texts
versions, attributes, input, output   JSON as text; the last two null where nothing was kept or asked for
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from pilothouse.call import Span
from pilothouse.observe import Filters, Traces

__all__ = ["COLUMNS", "Export"]

COLUMNS: dict[str, str] = {
    "project_id": "text", "trace_id": "text", "span_id": "text", "parent_id": "text", "name": "text", "kind": "text",
    "start_us": "time", "duration_us": "integer", "status": "text", "error_code": "text", "error_message": "text",
    "request_id": "text", "key_id": "text", "team_id": "text", "user_id": "text", "session_id": "text",
    "feature": "text", "environment": "text", "release": "text", "prompt": "text", "tags": "texts", "source": "text",
    "endpoint": "text", "operation": "text", "provider": "text", "request_model": "text", "response_model": "text",
    "deployment": "text", "input_tokens": "integer", "output_tokens": "integer", "cached_tokens": "integer",
    "cache_write_tokens": "integer", "reasoning_tokens": "integer", "usage_estimated": "boolean", "ttft_us": "integer",
    "cost_nano": "integer", "cost_known": "boolean", "manifest_id": "text", "versions": "text", "attributes": "text",
    "input": "text", "output": "text",
}  # fmt: skip
"""Every column and what it holds, in their order."""

_OF_USAGE = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_OTHER = frozenset((*_OF_USAGE, "usage_estimated", "span_id", "versions", "attributes", "input", "output", "tags"))
_SAME = tuple(name for name in COLUMNS if name not in _OTHER)
_PAGE = 200


class Export:
    """The spans of the traces that fit the filters, the newest trace first: in memory is one page of traces at most.

    `truncated` counts traces of which a part was left out, since they have more spans than are read at once.
    """

    def __init__(
        self, traces: Traces, project: str, filters: Filters, *, payload: bool = True, limit: int | None = None
    ) -> None:
        self._traces = traces
        self._project = project
        self._filters = filters
        self._payload = payload
        self._limit = limit
        self.traces = self.spans = self.truncated = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        before: str | None = None
        while self._limit is None or self.traces < self._limit:
            page = self._traces.list(self._project, _PAGE, before, self._filters)
            for row in page.rows if self._limit is None else page.rows[: self._limit - self.traces]:
                trace = self._traces.get(row.trace_id, self._project, payload=self._payload)
                self.traces += 1
                self.truncated += trace.truncated
                for span in trace.spans:
                    self.spans += 1
                    yield _record(span)
            before = page.next
            if before is None:
                return


def _record(span: Span) -> dict[str, Any]:
    usage = span.usage
    record: dict[str, Any] = {name: getattr(span, name) for name in _SAME}
    record |= {name: None if usage is None else getattr(usage, name) for name in _OF_USAGE}
    record["usage_estimated"] = None if usage is None else usage.estimated
    record |= {"span_id": span.id, "tags": list(span.tags), "versions": _json(span.versions)}
    record |= {"attributes": _json(span.attributes), "input": _kept(span.input), "output": _kept(span.output)}
    return {name: record[name] for name in COLUMNS}


def _kept(body: Any) -> str | None:
    return None if body is None else _json(body)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
