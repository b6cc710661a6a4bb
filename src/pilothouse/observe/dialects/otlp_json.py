"""OTLP in its JSON encoding: ids in hex, names in camelCase, 64-bit numbers as strings, unknown fields left alone.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Knows nothing of HTTP, nor of what attributes mean.
"""

import re
from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.observe.dialects.lenient import read_json
from pilothouse.observe.dialects.otel import DEEPEST, Decoded, Event, LogRecord, Origin, OtelSpan, Rejected, check_count

__all__ = ["answer_logs", "answer_traces", "read_logs", "read_traces", "status"]

_TRACE_ID, _SPAN_ID = re.compile(r"(?!0{32})[0-9a-f]{32}"), re.compile(r"(?!0{16})[0-9a-f]{16}")
_FAILED = (2, "STATUS_CODE_ERROR")
_LARGEST = 2**64


def read_traces(body: bytes) -> Decoded:
    """The spans of an ExportTraceServiceRequest. Raises InvalidRequest for what is no JSON object, BodyTooLarge."""
    found = Decoded()
    for span, origin in _things(body, ("resourceSpans", "scopeSpans", "spans")):
        try:
            found.spans.append(_span(span, origin))
        except Rejected as error:
            found.rejected.append(f"span '{str(span.get('name'))[:80]}': {error}")
    return found


def read_logs(body: bytes) -> Decoded:
    """The records of an ExportLogsServiceRequest. Raises InvalidRequest for what is no JSON object, BodyTooLarge."""
    found = Decoded()
    for record, origin in _things(body, ("resourceLogs", "scopeLogs", "logRecords")):
        try:
            found.records.append(_record(record, origin))
        except Rejected as error:
            found.rejected.append(f"log record: {error}")
    return found


def answer_traces(rejected: int, why: str) -> bytes:
    """An ExportTraceServiceResponse; nothing rejected is an empty object."""
    return _answer("rejectedSpans", rejected, why)


def answer_logs(rejected: int, why: str) -> bytes:
    """An ExportLogsServiceResponse; nothing rejected is an empty object."""
    return _answer("rejectedLogRecords", rejected, why)


def status(code: int, message: str) -> bytes:
    """A google.rpc.Status."""
    return msgspec.json.encode({"code": code, "message": message})


def _answer(counted: str, rejected: int, why: str) -> bytes:
    told = {"partialSuccess": {counted: str(rejected), "errorMessage": why}} if rejected else {}
    return msgspec.json.encode(told)


def _things(body: bytes, path: tuple[str, str, str]) -> list[tuple[dict[str, Any], Origin]]:
    """The spans or records of a request, each with its origin."""
    parsed = read_json(body)
    if not isinstance(parsed, dict):
        raise InvalidRequest("The body is JSON, but no object. Nothing of it was kept.")
    outer, middle, inner = path
    found = []
    for group in _objects(parsed, outer):
        resource = _attributes(_object(group, "resource"))
        for part in _objects(group, middle):
            origin = Origin(resource, str(_object(part, "scope").get("name") or ""))
            found += [(thing, origin) for thing in _objects(part, inner)]
    check_count(len(found), "spans" if inner == "spans" else "log records")
    return found


def _span(span: dict[str, Any], origin: Origin) -> OtelSpan:
    status, parent = _object(span, "status"), span.get("parentSpanId")
    return OtelSpan(
        _id(span, "traceId", _TRACE_ID), _id(span, "spanId", _SPAN_ID),
        parent.lower() if isinstance(parent, str) and _SPAN_ID.fullmatch(parent.lower()) else None,
        str(span.get("name") or ""), _micros(span, "startTimeUnixNano"), _micros(span, "endTimeUnixNano"),
        status.get("code") in _FAILED, str(status.get("message") or ""), _attributes(span),
        [Event(str(e.get("name") or ""), _micros(e, "timeUnixNano"), _attributes(e)) for e in _objects(span, "events")],
        origin,
    )  # fmt: skip


def _record(record: dict[str, Any], origin: Origin) -> LogRecord:
    return LogRecord(
        _id(record, "traceId", _TRACE_ID) if record.get("traceId") else "",
        _id(record, "spanId", _SPAN_ID) if record.get("spanId") else "", str(record.get("eventName") or ""),
        _micros(record, "timeUnixNano") or _micros(record, "observedTimeUnixNano"), _value(record.get("body")),
        _attributes(record), origin,
    )  # fmt: skip


def _id(given: dict[str, Any], name: str, shape: re.Pattern[str]) -> str:
    value = given.get(name)
    text = value.lower() if isinstance(value, str) else ""
    if shape.fullmatch(text) is None:
        digits = 32 if shape is _TRACE_ID else 16
        raise Rejected(f"its {name} {str(value)[:40]!r} is not {digits} hex digits, or all zero")
    return text


def _micros(given: dict[str, Any], name: str) -> int:
    value = given.get(name) or 0
    try:
        nanos = int(value)
    except (TypeError, ValueError, OverflowError):
        nanos = -1
    if not 0 <= nanos < _LARGEST:
        raise Rejected(f"its {name} {str(value)[:40]!r} is no count of nanoseconds since 1970")
    return nanos // 1000


def _object(given: dict[str, Any], name: str) -> dict[str, Any]:
    value = given.get(name)
    return value if isinstance(value, dict) else {}


def _objects(given: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = given.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _attributes(given: dict[str, Any]) -> dict[str, Any]:
    pairs = given.get("attributes")
    if not isinstance(pairs, list):
        return {}
    return {str(pair.get("key")): _value(pair.get("value")) for pair in pairs if isinstance(pair, dict)}


def _value(value: Any, depth: int = 0) -> Any:
    """An AnyValue; what is none counts as absent."""
    if not isinstance(value, dict) or not value:
        return None
    kind, given = next(iter(value.items()))
    if kind in ("intValue", "doubleValue"):
        try:
            return int(given) if kind == "intValue" else float(given)
        except (TypeError, ValueError, OverflowError):
            return str(given)
    if kind in ("arrayValue", "kvlistValue"):
        if depth >= DEEPEST:
            return "(nested too deeply)"
        if not isinstance(given, dict):
            return None
        if kind == "arrayValue":
            items = given.get("values")
            return [_value(item, depth + 1) for item in items] if isinstance(items, list) else []
        return {str(pair.get("key")): _value(pair.get("value"), depth + 1) for pair in _objects(given, "values")}
    return given if isinstance(given, str | bool) else None
