"""OTLP in its binary encoding. Knows nothing of HTTP, nor of what attributes mean.

https://opentelemetry.io/docs/specs/otlp/; the messages come from PyPI `opentelemetry-proto`.
"""

import base64
from collections.abc import Iterable
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from pilothouse.errors import InvalidRequest
from pilothouse.observe.dialects.lenient import read_protobuf
from pilothouse.observe.dialects.otel import DEEPEST, Decoded, Event, LogRecord, Origin, OtelSpan, Rejected, check_count

__all__ = ["answer_logs", "answer_traces", "read_logs", "read_traces", "status"]

_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)
_FAILED = 2  # Status.STATUS_CODE_ERROR
_M = TypeVar("_M", bound=Message)


def read_traces(body: bytes) -> Decoded:
    """The spans of an ExportTraceServiceRequest. Raises InvalidRequest where the bytes are none, BodyTooLarge."""
    request, found = _parsed(ExportTraceServiceRequest(), body), Decoded()
    check_count(sum(len(s.spans) for group in request.resource_spans for s in group.scope_spans), "spans")
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for inner in group.scope_spans:
            origin = Origin(resource, inner.scope.name)
            for span in inner.spans:
                try:
                    found.spans.append(_span(span, origin))
                except Rejected as error:
                    found.rejected.append(f"span '{span.name[:80]}': {error}")
    return found


def read_logs(body: bytes) -> Decoded:
    """The records of an ExportLogsServiceRequest. Raises InvalidRequest where the bytes are none, BodyTooLarge."""
    request, found = _parsed(ExportLogsServiceRequest(), body), Decoded()
    check_count(sum(len(s.log_records) for group in request.resource_logs for s in group.scope_logs), "log records")
    for group in request.resource_logs:
        resource = _attributes(group.resource.attributes)
        for inner in group.scope_logs:
            origin = Origin(resource, inner.scope.name)
            found.records += [_record(record, origin) for record in inner.log_records]
    return found


def answer_traces(rejected: int, why: str) -> bytes:
    """An ExportTraceServiceResponse; nothing rejected is an empty message."""
    answer = ExportTraceServiceResponse()
    if rejected:
        answer.partial_success.rejected_spans = rejected
        answer.partial_success.error_message = _valid(why)
    return answer.SerializeToString()


def answer_logs(rejected: int, why: str) -> bytes:
    """An ExportLogsServiceResponse; nothing rejected is an empty message."""
    answer = ExportLogsServiceResponse()
    if rejected:
        answer.partial_success.rejected_log_records = rejected
        answer.partial_success.error_message = _valid(why)
    return answer.SerializeToString()


def status(code: int, message: str) -> bytes:
    """A google.rpc.Status, which is no part of the package; this message has the same fields by number and type."""
    return ExportTracePartialSuccess(rejected_spans=code, error_message=_valid(message)).SerializeToString()


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _parsed(message: _M, body: bytes) -> _M:
    try:
        read_protobuf(message, body)
    except DecodeError as error:
        name = type(message).__name__
        raise InvalidRequest(f"The body is no {name} in protobuf encoding: {error}. Nothing of it was kept.") from None
    return message


def _span(span: Any, origin: Origin) -> OtelSpan:
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        raise Rejected("its trace_id is not 16 bytes, or all zero")
    if len(span_id) != 8 or span_id == _NO_SPAN:
        raise Rejected("its span_id is not 8 bytes, or all zero")
    failed, message, events = False, "", []
    if span.HasField("status"):
        status = span.status
        failed, message = status.code == _FAILED, status.message
    if span.events:
        events = [Event(e.name, e.time_unix_nano // 1000, _attributes(e.attributes)) for e in span.events]
    return OtelSpan(
        trace_id.hex(), span_id.hex(), parent.hex() if len(parent) == 8 and parent != _NO_SPAN else None, span.name,
        span.start_time_unix_nano // 1000, span.end_time_unix_nano // 1000, failed, message,
        _attributes(span.attributes), events, origin,
    )  # fmt: skip


def _record(record: Any, origin: Origin) -> LogRecord:
    trace_id, span_id = record.trace_id, record.span_id
    return LogRecord(
        trace_id.hex() if len(trace_id) == 16 and trace_id != _NO_TRACE else "",
        span_id.hex() if len(span_id) == 8 and span_id != _NO_SPAN else "", record.event_name,
        (record.time_unix_nano or record.observed_time_unix_nano) // 1000, _value(record.body),
        _attributes(record.attributes), origin,
    )  # fmt: skip


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    made = {}
    for pair in pairs:
        value = pair.value
        made[pair.key] = value.string_value or _value(value)  # most are texts, and to ask which one it is costs more
    return made


def _value(value: Any, depth: int = 0) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    given = getattr(value, kind)
    if kind == "array_value":
        return [_value(item, depth + 1) for item in given.values] if depth < DEEPEST else "(nested too deeply)"
    if kind == "kvlist_value":
        if depth >= DEEPEST:
            return "(nested too deeply)"
        return {pair.key: _value(pair.value, depth + 1) for pair in given.values}
    return base64.b64encode(given).decode() if kind == "bytes_value" else given
