"""`/api/spans`: finished spans of applications, acknowledged once they are in the database.

The body is a msgpack array of maps with the fields of `call.Span`. Whose they are is the server's to say.
"""

from typing import NamedTuple, Self

import msgspec
from fastapi import APIRouter, Request

from pilothouse.api.caller import Caller
from pilothouse.api.observe.inbound import Inbound
from pilothouse.call import Recorder, Span
from pilothouse.errors import InvalidRequest
from pilothouse.observe import Prices
from pilothouse.observe.arrival.intake import Flushes, Intake, Received
from pilothouse.observe.arrival.reception import Reception
from pilothouse.principal import Principal
from pilothouse.types import Json

__all__ = ["SpanRooms", "routes"]

_MOST_SPANS = 10_000
_MOST_REASONS = 5

_split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.msgpack.Decoder(Span).decode


class SpanRooms(NamedTuple):
    """What the routes that take spans work with."""

    inbound: Inbound
    reception: Reception
    intake: Intake

    @classmethod
    def over(cls, recorder: Recorder, drainer: Flushes, prices: Prices, max_body_bytes: int) -> Self:
        """For spans that go into `recorder` and become rows through `drainer`."""
        return cls(Inbound(max_body_bytes), Reception(prices), Intake(recorder, drainer))


def routes(rooms: SpanRooms) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/api/spans", tags=["spans"])

    @router.post("")
    async def take(request: Request, caller: Caller) -> Json:
        """Keep them; the same span twice counts once. What is rejected of them is counted and explained."""
        async with rooms.inbound.body(request) as body:
            spans, rejected = await rooms.intake.take(lambda: _read(body, caller, rooms.reception))
        return {"accepted": len(spans), "rejected": len(rejected), "reasons": rejected[:_MOST_REASONS]}

    return router


def _read(body: bytes, caller: Principal, reception: Reception) -> Received:
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
            reception.admit(span, caller)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, InvalidRequest) as error:
            rejected.append(f"span {number}: {error}")
            continue
        span.source = "sdk"
        spans.append(span)
    return Received(spans, rejected)
