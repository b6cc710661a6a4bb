"""`/v1/traces` and `/v1/logs`: OTLP over HTTP, in protobuf and in JSON, acknowledged once it is in the database.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from collections.abc import Awaitable, Callable
from functools import partial
from types import ModuleType

from fastapi import APIRouter, Request, Response

from pilothouse.api.caller import Caller
from pilothouse.api.observe.one_by_one import OneByOne
from pilothouse.api.observe.spans import SpanRooms
from pilothouse.call import Span
from pilothouse.errors import InvalidRequest, PilothouseError, UnsupportedMedia
from pilothouse.evals.datasets.experiments import Experiments, of_experiment
from pilothouse.gateway.http import error_headers
from pilothouse.observe.arrival.intake import Received
from pilothouse.observe.arrival.reception import Reception
from pilothouse.observe.dialects import otlp_json, otlp_protobuf
from pilothouse.observe.dialects.logs import read_records
from pilothouse.observe.dialects.mapping import to_span
from pilothouse.observe.scores import Score, Scores
from pilothouse.principal import Principal

__all__ = ["OTLP", "RETRY_AFTER", "is_otlp", "refusal", "routes"]

OTLP = ("/v1/traces", "/v1/logs", "/api/public/otel/v1/traces")
"""The paths that speak OTLP; the last is where the Langfuse SDK looks for it."""

_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_ENCODINGS: dict[str, ModuleType] = {_PROTOBUF: otlp_protobuf, _JSON: otlp_json}
_CODES = {401: 16, 403: 7, 404: 5, 429: 8, 503: 14}
"""gRPC's code of an HTTP status: https://grpc.github.io/grpc/core/md_doc_statuscodes.html"""
_INVALID, _INTERNAL = 3, 13
_MOST_REASONS = 5
RETRY_AFTER = "2"
"""Seconds after which to ask again what could not be served just now."""


def routes(rooms: SpanRooms, scores: Scores, turn: OneByOne, experiments: Experiments) -> APIRouter:
    """The routes; scores are written in `turn`. `experiments` is told of what was kept."""
    router = APIRouter(tags=["otlp"])

    @router.post("/api/public/otel/v1/traces", include_in_schema=False)
    @router.post("/v1/traces", response_class=Response)
    async def take_traces(request: Request, caller: Caller) -> Response:
        """An ExportTraceServiceRequest. What is rejected of it is counted and explained in the answer."""

        ran: list[Span] = []

        def read(body: bytes, encoding: ModuleType) -> Received:
            found = encoding.read_traces(body)
            received = _admitted([to_span(span) for span in found.spans], found.rejected, caller, rooms.reception)
            ran.extend(span for span in received.spans if of_experiment(span))
            return received

        async def keep() -> None:
            if ran:
                await turn.run(partial(experiments.note, caller.project_id, ran))

        return await _export(rooms, request, read, "answer_traces", keep)

    @router.post("/v1/logs", response_class=Response)
    async def take_logs(request: Request, caller: Caller) -> Response:
        """An ExportLogsServiceRequest: GenAI's events among its records are kept, other records are rejected."""

        judged: list[Score] = []

        def read(body: bytes, encoding: ModuleType) -> Received:
            found = encoding.read_logs(body)
            logged = read_records(found.records)
            judged.extend(logged.scores)
            return _admitted(logged.spans, [*found.rejected, *logged.rejected], caller, rooms.reception)

        async def keep() -> None:
            if judged:
                await turn.run(partial(scores.put, caller.project_id, judged))

        return await _export(rooms, request, read, "answer_logs", keep)

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


async def _export(
    rooms: SpanRooms, request: Request, read: Callable[[bytes, ModuleType], Received], answer: str,
    keep: Callable[[], Awaitable[None]] | None = None,
) -> Response:  # fmt: skip
    """Read, keep (also what is no span, by `keep`), and answer in the encoding of the request, errors too."""
    media = _media(request.headers.get("content-type"))
    try:
        encoding = _ENCODINGS.get(media)
        if encoding is None:
            raise UnsupportedMedia(f"No support for content-type '{media}'; send {_PROTOBUF} or {_JSON}.")
        async with rooms.inbound.body(request) as body:
            received = await rooms.intake.take(lambda: read(body, encoding))
        if keep is not None:
            await keep()
    except PilothouseError as error:
        return refusal(error, media)
    return Response(getattr(encoding, answer)(*_told(received)), media_type=media)


def _admitted(made: list[Span], rejected: list[str], sender: Principal, reception: Reception) -> Received:
    spans: list[Span] = []
    for span in made:
        try:
            reception.admit(span, sender)
        except InvalidRequest as error:
            rejected.append(f"span '{span.name[:80]}': {error}")
            continue
        spans.append(span)
    return Received(spans, rejected)


def _told(received: Received) -> tuple[int, str]:
    rejected = received.rejected
    return len(rejected), "; ".join(rejected[:_MOST_REASONS]) + ("; and more" if len(rejected) > _MOST_REASONS else "")


def _media(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()
