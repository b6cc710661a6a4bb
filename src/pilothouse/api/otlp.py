"""`/v1/traces`: OTLP over HTTP, in protobuf and in JSON, acknowledged once it is in the database.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from types import ModuleType

from fastapi import APIRouter, Request, Response

from pilothouse.api.caller import Caller
from pilothouse.api.spans import SpanRooms
from pilothouse.call import Span
from pilothouse.errors import InvalidRequest, PilothouseError, UnsupportedMedia
from pilothouse.gateway.http import error_headers
from pilothouse.observe.dialects import otlp_json, otlp_protobuf
from pilothouse.observe.dialects.mapping import to_span
from pilothouse.observe.intake import Received
from pilothouse.observe.reception import Reception
from pilothouse.principal import Principal

__all__ = ["OTLP", "RETRY_AFTER", "is_otlp", "refusal", "routes"]

OTLP = ("/v1/traces", "/api/public/otel/v1/traces")
"""The paths that speak OTLP; the second is where the Langfuse SDK looks for it."""

_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_ENCODINGS: dict[str, ModuleType] = {_PROTOBUF: otlp_protobuf, _JSON: otlp_json}
_CODES = {401: 16, 403: 7, 404: 5, 429: 8, 503: 14}
"""gRPC's code of an HTTP status: https://grpc.github.io/grpc/core/md_doc_statuscodes.html"""
_INVALID, _INTERNAL = 3, 13
_MOST_REASONS = 5
RETRY_AFTER = "2"
"""Seconds after which to ask again what could not be served just now."""


def routes(rooms: SpanRooms) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["otlp"])

    @router.post("/api/public/otel/v1/traces", include_in_schema=False)
    @router.post("/v1/traces", response_class=Response)
    async def take_traces(request: Request, caller: Caller) -> Response:
        """An ExportTraceServiceRequest. What is rejected of it is counted and explained in the answer."""
        media = _media(request.headers.get("content-type"))
        try:
            encoding = _ENCODINGS.get(media)
            if encoding is None:
                raise UnsupportedMedia(f"No support for content-type '{media}'; send {_PROTOBUF} or {_JSON}.")
            async with rooms.inbound.body(request) as body:
                received = await rooms.intake.take(lambda: _read(body, encoding, caller, rooms.reception))
        except PilothouseError as error:
            return refusal(error, media)
        return Response(encoding.answer_traces(*_told(received)), media_type=media)

    return router


def is_otlp(path: str) -> bool:
    """Whether this path speaks OTLP, whose errors have a shape of their own."""
    return path in OTLP


def refusal(error: PilothouseError, content_type: str | None) -> Response:
    """A google.rpc.Status in the encoding of the request, with the HTTP status that says whether to send again."""
    code = _CODES.get(error.status, _INTERNAL if error.status >= 500 else _INVALID)
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    if error.status == 503:
        headers.setdefault("retry-after", RETRY_AFTER)
    media = _JSON if _media(content_type) == _JSON else _PROTOBUF
    return Response(_ENCODINGS[media].status(code, error.message), error.status, headers, media)


def _read(body: bytes, encoding: ModuleType, sender: Principal, reception: Reception) -> Received:
    found = encoding.read_traces(body)
    spans: list[Span] = []
    rejected: list[str] = found.rejected
    for otel in found.spans:
        try:
            span = to_span(otel)
            reception.admit(span, sender)
        except InvalidRequest as error:
            rejected.append(f"span '{otel.name[:80]}': {error}")
            continue
        spans.append(span)
    return Received(spans, rejected)


def _told(received: Received) -> tuple[int, str]:
    rejected = received.rejected
    return len(rejected), "; ".join(rejected[:_MOST_REASONS]) + ("; and more" if len(rejected) > _MOST_REASONS else "")


def _media(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()
