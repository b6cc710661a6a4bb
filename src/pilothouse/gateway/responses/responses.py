"""`/v1/responses`: create, get, delete, input items, cancel. Each answer comes down the one path of every call.

Answers are kept here, whichever provider gave them, so that a conversation may go on at another. Knows nothing of the
formats of items or events: see dialects/.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs

import msgspec

from pilothouse.call import Call
from pilothouse.errors import InvalidRequest, NotFound, PilothouseError, ProviderError, ProviderTimeout, StorageError
from pilothouse.gateway.dialects.responses import parse_response_request, response_request
from pilothouse.gateway.dialects.responses_items import as_items, continued, full_items
from pilothouse.gateway.http import ErrorShape, Exchange, Headers
from pilothouse.gateway.responses.background import Background, Tell
from pilothouse.gateway.responses.streams import refuse_beyond
from pilothouse.gateway.responses.turn import ENDINGS, Turn, response_key
from pilothouse.gateway.routes import Route
from pilothouse.protocols import Chat
from pilothouse.storage.responses import RUNNING, ResponseStore
from pilothouse.types import ChatChunk, ChatRequest, Json

__all__ = ["Responses"]

_log = logging.getLogger("pilothouse.gateway")
_PATH = "/v1/responses"
_PAGE = 20
_LARGEST_PAGE = 100
_GOES_ON = (
    "This stream ends at the server's time limit of a request. The response goes on: get it with 'stream' and "
    "'starting_after'."
)
_NOT_SENT = ("previous_response_id", "background", "background_options")


class Responses:
    """The handlers. `identity` gives the headers that say which call this was and what answered it; `may` raises what
    would be wrong with a request, before it is asked in the background."""

    def __init__(
        self, chat: Chat, store: ResponseStore, max_body_bytes: int, identity: Callable[[Call], Headers],
        may: Callable[[ChatRequest, Call], Awaitable[object]],
    ) -> None:  # fmt: skip
        self._chat = chat
        self._may = may
        self._store = store
        self._max_body_bytes = max_body_bytes
        self._identity = identity
        self._background = Background(store, self._made)

    @property
    def routes(self) -> list[Route]:
        return [
            Route("POST", _PATH, self.create),
            Route("GET", _PATH + "/{id}", self.retrieve),
            Route("DELETE", _PATH + "/{id}", self.delete),
            Route("GET", _PATH + "/{id}/input_items", self.input_items),
            Route("POST", _PATH + "/{id}/cancel", self.cancel),
        ]

    async def aclose(self) -> None:
        """Stop what runs in the background: it is then marked as failed."""
        await self._background.aclose()

    async def create(self, exchange: Exchange, call: Call) -> None:
        turn = await self._turn(parse_response_request(await exchange.body(self._max_body_bytes)), call)
        if turn.background:
            await self._may(turn.request, call)  # while there is one to be told
            begun = await self._background.start(turn, call)
            if turn.request.stream:
                await self._follow(exchange, call, turn.id, -1)
            else:
                await exchange.json(msgspec.json.encode(begun), self._identity(call))
        elif turn.request.stream:
            await self._stream(exchange, call, turn)
        else:
            answer = await self._whole(turn, call)
            await self._keep(turn, call)
            raw = msgspec.json.encode(turn.response) if turn.changed else answer.raw
            await exchange.json(raw, self._identity(call))

    async def retrieve(self, exchange: Exchange, call: Call) -> None:
        stored = await asyncio.to_thread(self._store.get, call.project_id, exchange.parts["id"])
        if _query(exchange, "stream") != "true":
            await exchange.json(msgspec.json.encode(stored.response), self._identity(call))
            return
        after = _starting_after(exchange)
        last = await asyncio.to_thread(self._store.events.last, call.project_id, stored.id)
        if last is None:
            why = "Only a response made with 'background' and 'stream' is streamed again: get it without 'stream'."
            raise InvalidRequest(why, param="stream")
        if stored.status not in RUNNING:
            refuse_beyond(stored, last, after)
        await self._follow(exchange, call, stored.id, after)

    async def delete(self, exchange: Exchange, call: Call) -> None:
        identity = exchange.parts["id"]
        await asyncio.to_thread(self._store.delete, call.project_id, identity)
        self._background.cancel(call.project_id, identity)
        body = {"id": identity, "object": "response", "deleted": True}
        await exchange.json(msgspec.json.encode(body), self._identity(call))

    async def cancel(self, exchange: Exchange, call: Call) -> None:
        """Stop a background response, whichever worker makes it; one that has ended stays as it is."""
        stored = await asyncio.to_thread(self._store.get, call.project_id, exchange.parts["id"])
        if not stored.response.get("background"):
            raise InvalidRequest("Only a background response can be cancelled; close the connection of another.")
        stored = await asyncio.to_thread(self._store.cancel, call.project_id, stored.id)
        self._background.cancel(call.project_id, stored.id)
        await exchange.json(msgspec.json.encode(stored.response), self._identity(call))

    async def input_items(self, exchange: Exchange, call: Call) -> None:
        """What the response was made from: the items of those before it, then its own; newest first by default."""
        stored = await asyncio.to_thread(self._store.get, call.project_id, exchange.parts["id"])
        items = stored.input
        if stored.previous_id is not None:
            items = [*await asyncio.to_thread(self._store.chain, call.project_id, stored.previous_id), *items]
        page, more = _page(exchange, items)
        body = {
            "object": "list", "data": page, "has_more": more,
            "first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None,
        }  # fmt: skip
        await exchange.json(msgspec.json.encode(body), self._identity(call))

    async def _stream(self, exchange: Exchange, call: Call, turn: Turn) -> None:
        """The call is recorded and its answer kept before the last event leaves."""
        ending: bytes | None = None
        try:
            async with aclosing(self._chat(turn.request, call)) as chunks:
                async for chunk in chunks:
                    data = turn.told(chunk)
                    if chunk.event in ENDINGS:
                        ending = chunk.event
                        continue
                    if not exchange.started:
                        await exchange.start_events(self._identity(call))
                        exchange.errors = ErrorShape(turn.failed, lambda error: error.status, b"response.failed")
                    await exchange.event(data, chunk.event)
            if ending is None or not exchange.started:
                raise ProviderError("The provider gave no answer.")
        except PilothouseError as error:
            if turn.fail(error):
                await self._keep(turn, call)
            raise
        await self._keep(turn, call)
        await exchange.end_events(turn.last_event(), ending)

    async def _follow(self, exchange: Exchange, call: Call, response_id: str, after: int) -> None:
        """Stream what a background response tells after this event, to its end. It goes on whoever leaves."""
        exchange.errors = ErrorShape(_error_event, lambda error: error.status, b"error")
        await exchange.start_events(self._identity(call))
        try:
            async with aclosing(self._background.follow(call.project_id, response_id, after)) as events:
                async for event in events:
                    await exchange.event(event.data.encode(), event.name.encode())
        except asyncio.CancelledError:
            if exchange.expired:
                raise ProviderTimeout(_GOES_ON) from None
            raise
        await exchange.send_piece(b"", more=False)

    async def _made(self, turn: Turn, call: Call, tell: Tell) -> None:
        """The answer of a background response."""
        if not turn.request.stream:
            await self._whole(turn, call)
            return
        ended = False
        async with aclosing(self._chat(turn.request, call)) as chunks:
            async for chunk in chunks:
                data, ended = turn.told(chunk), chunk.event in ENDINGS
                if not ended:
                    tell(chunk.event or b"", data)
        if not ended:
            raise ProviderError("The provider gave no answer.")

    async def _whole(self, turn: Turn, call: Call) -> ChatChunk:
        """The answer in one piece; `turn.response` is then the response."""
        answer: ChatChunk | None = None
        async with aclosing(self._chat(turn.request, call)) as chunks:
            async for chunk in chunks:
                answer = chunk
        if answer is None:
            raise ProviderError("The provider gave no answer.")
        turn.ended(answer)
        return answer

    async def _keep(self, turn: Turn, call: Call) -> None:
        """Keep the answer where that is wanted. It is given in any case, since it has been paid for."""
        if not turn.store:
            return
        try:
            await asyncio.to_thread(self._store.put, call.project_id, turn.stored())
        except StorageError as error:
            _log.warning("response %s is not kept: %s", turn.response.get("id"), error.message)
            turn.unkept()

    async def _turn(self, body: Json, call: Call) -> Turn:
        """The request to send: what came before and what is referred to is put into its input."""
        previous, own = body.get("previous_response_id"), as_items(body.get("input"))
        before: list[Json] = []
        if previous is not None:
            before = await asyncio.to_thread(self._store.chain, call.project_id, previous)
        own = [await self._resolved(item, before, call.project_id) for item in own]
        sent = {name: value for name, value in body.items() if name not in _NOT_SENT}
        if before or not isinstance(body.get("input"), str):
            sent["input"] = [*continued(before), *own]
        identity = f"resp_{response_key(call.request_id)}"
        return Turn(response_request(sent), full_items(own), identity, previous, bool(body.get("background")))

    async def _resolved(self, item: Json, before: list[Json], project_id: str) -> Json:
        """An `item_reference` as the item that it means: one of those before, or of a response made here."""
        if item.get("type") != "item_reference" and item.keys() != {"id"}:
            return item
        identity = str(item.get("id") or "")
        found = next((known for known in before if known.get("id") == identity), None)
        if found is None:
            found = await asyncio.to_thread(_made_here, self._store, project_id, identity)
        return next(iter(continued([found] if found else [])), item)


def _made_here(store: ResponseStore, project_id: str, identity: str) -> Json | None:
    """An output item by its id, which holds that of its response (see dialects/responses_output.py)."""
    _, _, key = identity.partition("_")
    try:
        stored = store.get(project_id, f"resp_{key[:-3]}")
    except NotFound:
        return None
    return next((item for item in stored.items if item.get("id") == identity), None)


def _error_event(error: PilothouseError, request_id: str) -> bytes:
    """The data of the event `error`: the stream ends here, not the response."""
    told = {"code": error.code, "message": f"{error.message} (request {request_id})", "param": error.param}
    return msgspec.json.encode({"type": "error", **told, "sequence_number": 0})


def _starting_after(exchange: Exchange) -> int:
    given = _query(exchange, "starting_after")
    if given is None:
        return -1
    if not (given.isascii() and given.isdecimal()):
        raise InvalidRequest("'starting_after' must be the number of an event.", param="starting_after")
    return int(given.lstrip("0")[:9] or "0")


def _query(exchange: Exchange, name: str) -> str | None:
    given: Any = exchange.scope.get("query_string") or b""
    return next(iter(parse_qs(given.decode("latin-1")).get(name, ())), None)


def _page(exchange: Exchange, items: list[Json]) -> tuple[list[Json], bool]:
    """(items of the page asked for, whether there are more). Raises InvalidRequest naming the parameter."""
    order, limit, after = (_query(exchange, name) for name in ("order", "limit", "after"))
    if order not in (None, "asc", "desc"):
        raise InvalidRequest("'order' must be asc or desc.", param="order")
    size = int(limit) if limit is not None and limit.isascii() and limit.isdigit() else _PAGE if limit is None else 0
    if not 1 <= size <= _LARGEST_PAGE:
        raise InvalidRequest(f"'limit' must be a number from 1 to {_LARGEST_PAGE}.", param="limit")
    ordered = items if order == "asc" else items[::-1]
    if after is not None:
        at = next((i for i, item in enumerate(ordered) if item.get("id") == after), None)
        if at is None:
            raise InvalidRequest(f"There is no item '{after[:128]}' to list after.", param="after")
        ordered = ordered[at + 1 :]
    return ordered[:size], len(ordered) > size
