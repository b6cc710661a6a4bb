"""`/api/spans`: finished spans of applications, acknowledged once they are in the database.

The body is a msgpack array of maps with the fields of `call.Span`. Whose they are is the server's to say.
"""

import asyncio
import re
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from fastapi import APIRouter, Request

from pilothouse.api.caller import Caller
from pilothouse.call import Recorder, Span
from pilothouse.errors import BodyTooLarge, InvalidRequest
from pilothouse.observe import Prices
from pilothouse.principal import Principal
from pilothouse.types import Json

__all__ = ["SpanRooms", "routes"]

_MOST_SPANS = 10_000
_MOST_REASONS = 5
_LONGEST_NAME = 500
_LATEST_US = 2**53
_LARGEST = 2**53
_BILLED = ("llm", "embedding", "reranker")
_ANYONE, _PRICED_AS = "openai-compatible", {"vertex": "google"}
_TRACE, _SPAN = re.compile(r"(?!0{32})[0-9a-f]{32}"), re.compile(r"(?!0{16})[0-9a-f]{16}")
_OURS = ("cache", "remote_parent_id")
"""Attributes that say how a call is billed: of the gateway's own spans alone."""

_split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.msgpack.Decoder(Span).decode


class SpanRooms(NamedTuple):
    """What the route works with."""

    recorder: Recorder
    flush: Callable[[], None]
    prices: Prices
    max_body_bytes: int


def routes(rooms: SpanRooms) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/api/spans", tags=["spans"])

    @router.post("")
    async def take(request: Request, caller: Caller) -> Json:
        """Keep them; the same span twice counts once. What is rejected of them is counted and explained."""
        body = _unpacked(await request.body(), request.headers.get("content-encoding", ""), rooms.max_body_bytes)
        spans, rejected = _read(body, caller, rooms.prices)
        if spans:
            await asyncio.to_thread(_keep, spans, rooms)
        return {"accepted": len(spans), "rejected": len(rejected), "reasons": rejected[:_MOST_REASONS]}

    return router


def _keep(spans: Sequence[Span], rooms: SpanRooms) -> None:
    """Raises Overloaded when the spool is full, StorageError when the database does not take them now."""
    for span in spans:
        rooms.recorder.record(span)
    rooms.flush()


def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its gzip, never more than `limit` bytes of it."""
    if encoding.lower() in ("", "identity"):
        return body
    if encoding.lower() != "gzip":
        raise InvalidRequest(f"No support for content-encoding '{encoding}'; use gzip or none.")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidRequest(f"The request body cannot be unpacked: {error}.") from None
    if len(unpacked) > limit:
        raise BodyTooLarge(f"The request body is larger than the limit of {limit} bytes; send fewer spans at once.")
    if not unpacker.eof:
        raise InvalidRequest("The request body ends before its packed data does.")
    return unpacked


def _read(body: bytes, caller: Principal, prices: Prices) -> tuple[list[Span], list[str]]:
    try:
        parts = _split(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidRequest(f"The request body is no msgpack array of spans: {error}.") from None
    if len(parts) > _MOST_SPANS:
        raise InvalidRequest(f"{len(parts)} spans at once are too many; send at most {_MOST_SPANS}.")
    spans, rejected = [], []
    for number, part in enumerate(parts):
        try:
            span = _decode(part)
            _check(span)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, InvalidRequest) as error:
            rejected.append(f"span {number}: {error}")
            continue
        _stamp(span, caller)
        _price(span, prices)
        spans.append(span)
    return spans, rejected


def _check(span: Span) -> None:
    if not _TRACE.fullmatch(span.trace_id) or not _SPAN.fullmatch(span.id):
        raise InvalidRequest("`trace_id` must be 32 hex digits and `id` 16.")
    if not (0 < span.start_us < _LATEST_US and 0 <= span.end_us < _LATEST_US):
        raise InvalidRequest("`start_us` and `end_us` must be microseconds since 1970.")
    usage = msgspec.structs.astuple(span.usage) if span.usage is not None else ()
    if any(not 0 <= number < _LARGEST for number in (*usage, span.ttft_us or 0, span.cost_nano or 0)):
        raise InvalidRequest("tokens, `ttft_us` and `cost_nano` must not be negative, nor beyond 2**53.")


def _price(span: Span, prices: Prices) -> None:
    """Set the cost of a call of a model that told its tokens but no cost; unknown stays unknown."""
    if span.cost_nano is not None or span.usage is None or span.kind not in _BILLED:
        return
    kind, name = _PRICED_AS.get(span.provider or "", span.provider or _ANYONE), span.provider or ""
    for model in filter(None, (span.response_model, span.request_model)):
        if span.cost_nano is None:
            span.cost_nano = prices.cost(kind, model, span.usage, span.start_us, provider=name)
    span.cost_known = span.cost_nano is not None


def _stamp(span: Span, caller: Principal) -> None:
    """What the sender does not get to say: whose it is, and that it settles nothing."""
    span.project_id, span.key_id, span.team_id = caller.project_id, caller.key_id or None, caller.team_id
    span.source, span.charge_id, span.accounts = "sdk", None, []
    span.request_id = span.endpoint = span.deployment = span.manifest_id = None
    span.cost_known, span.versions, span.body = True, {}, None
    span.name = span.name[:_LONGEST_NAME] or "unnamed"
    if span.end_us < span.start_us:
        span.end_us = span.start_us
    for name in [name for name in span.attributes if name in _OURS or name.startswith("pilothouse.")]:
        span.attributes[f"metadata.{name}"] = span.attributes.pop(name)
