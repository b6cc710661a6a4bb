"""Spans as OTLP says them, in protobuf or JSON: https://opentelemetry.io/docs/specs/otlp/ (1.5).

Attributes have the names of observe.names. Ids of spans that came from elsewhere may be no W3C ids: those are hashed,
always to the same ones. Knows nothing of HTTP.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from pilothouse import __version__
from pilothouse.call import Scalar, Span
from pilothouse.observe.names import to_attributes
from pilothouse.types import Json

__all__ = ["in_json", "in_protobuf"]

_INTERNAL, _SERVER, _CLIENT = 1, 2, 3  # Span.SpanKind
_ERROR = 2  # Status.StatusCode
_CALLS = frozenset(("llm", "embedding", "reranker"))
_RESOURCE: Mapping[str, Scalar] = {"service.name": "pilothouse", "service.version": __version__}
_SCOPE = "pilothouse"
_TRACE, _SPAN = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{16}")


def in_json(spans: Iterable[Span]) -> bytes:
    """An ExportTraceServiceRequest in OTLP's JSON: ids in hex, 64-bit integers as text."""
    resource = {"attributes": [_json_attribute(*pair) for pair in _RESOURCE.items()]}
    scope = {"scope": {"name": _SCOPE, "version": __version__}, "spans": [_json_span(span) for span in spans]}
    return msgspec.json.encode({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})


def in_protobuf(spans: Sequence[Span]) -> bytes:
    """The same in protobuf."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 - 30 ms, for exports alone
        ExportTraceServiceRequest,
    )
    from opentelemetry.proto.trace.v1.trace_pb2 import Status  # noqa: PLC0415

    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    _add_attributes(group.resource.attributes, _RESOURCE)
    scope = group.scope_spans.add()
    scope.scope.name, scope.scope.version = _SCOPE, __version__
    for span in spans:
        made = scope.spans.add()
        made.trace_id, made.span_id = bytes.fromhex(_trace_id(span)), bytes.fromhex(_span_id(span.id))
        if parent := _parent(span):
            made.parent_span_id = bytes.fromhex(parent)
        made.name, made.kind = span.name, _kind(span)
        made.start_time_unix_nano, made.end_time_unix_nano = _times(span)
        _add_attributes(made.attributes, _attributes(span))
        if span.status == "error":
            made.status.message = span.error_message or ""
            made.status.code = Status.STATUS_CODE_ERROR
    serialized: bytes = request.SerializeToString()
    return serialized


def _json_span(span: Span) -> Json:
    start, end = _times(span)
    made: Json = {
        "traceId": _trace_id(span), "spanId": _span_id(span.id), "name": span.name, "kind": _kind(span),
        "startTimeUnixNano": str(start), "endTimeUnixNano": str(end),
        "attributes": [_json_attribute(*pair) for pair in _attributes(span).items()],
    }  # fmt: skip
    if parent := _parent(span):
        made["parentSpanId"] = parent
    if span.status == "error":
        made["status"] = {"code": _ERROR, "message": span.error_message or ""}
    return made


def _attributes(span: Span) -> dict[str, Scalar]:
    """What `to_attributes` gives, and what traces are grouped by elsewhere."""
    more: dict[str, Scalar] = {
        "pilothouse.team.id": span.team_id, "pilothouse.feature": span.feature, "pilothouse.prompt": span.prompt,
        "deployment.environment.name": span.environment, "service.instance.release": span.release,
        "pilothouse.tags": span.tags or None,
    }  # fmt: skip
    found = {**to_attributes(span), **{name: value for name, value in more.items() if value is not None}}
    return {name: value for name, value in found.items() if value is not None}


def _times(span: Span) -> tuple[int, int]:
    """Nanoseconds since 1970, none below zero."""
    start = max(0, span.start_us)
    return start * 1000, (start + span.duration_us) * 1000


def _kind(span: Span) -> Any:
    if span.kind in _CALLS:
        return _CLIENT
    return _SERVER if span.parent_id is None and span.endpoint else _INTERNAL


def _parent(span: Span) -> str | None:
    parent = span.parent_id or span.attributes.get("remote_parent_id")
    return _span_id(str(parent)) if parent else None


def _trace_id(span: Span) -> str:
    return span.trace_id if _TRACE.fullmatch(span.trace_id) else _hashed(span.trace_id, 16)


def _span_id(identifier: str) -> str:
    return identifier if _SPAN.fullmatch(identifier) else _hashed(identifier, 8)


def _hashed(identifier: str, size: int) -> str:
    return blake2b(identifier.encode("utf-8", "replace"), digest_size=size).hexdigest()


def _json_attribute(name: str, value: Scalar) -> Json:
    return {"key": name, "value": _json_value(value)}


def _json_value(value: Any) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_json_value(item) for item in value]}}
    return {"stringValue": str(value)}


def _add_attributes(into: Any, attributes: Mapping[str, Scalar]) -> None:
    for name, value in attributes.items():
        pair = into.add()
        pair.key = name
        _set_value(pair.value, value)


def _set_value(into: Any, value: Any) -> None:
    if isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int):
        into.int_value = max(-(2**63), min(2**63 - 1, value))
    elif isinstance(value, float):
        into.double_value = value
    elif isinstance(value, list):
        for item in value:
            _set_value(into.array_value.values.add(), item)
    else:
        into.string_value = str(value).encode("utf-8", "replace").decode()
