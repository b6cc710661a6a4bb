"""`/v1/messages/batches`: create, retrieve, list, cancel, delete, results, in Anthropic's shape.

They are the batches of `/v1/batches` with the endpoint `/v1/messages`. Knows nothing of how they are worked off.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from threading import Event
from typing import TypeVar

import msgspec

from pilothouse.access.policy import check
from pilothouse.call import Call
from pilothouse.errors import Cancelled, Conflict, InvalidRequest, NotFound
from pilothouse.gateway.batch.files import page_size
from pilothouse.gateway.batch.message_lines import (
    ENDPOINT,
    batch_id,
    input_lines,
    message_batch,
    result_lines,
    tally,
)
from pilothouse.gateway.batch.runner import BatchRunner
from pilothouse.gateway.http import Exchange, Headers
from pilothouse.gateway.messages import MESSAGES_ERRORS
from pilothouse.gateway.routes import Route
from pilothouse.storage.batches import BETAS, MADE_INPUT, Batch, BatchStore
from pilothouse.storage.files import FileStore
from pilothouse.types import Json

__all__ = ["MessageBatches"]

T = TypeVar("T")

_PATH = "/v1/messages/batches"
_PAGE, _LARGEST_PAGE = 20, 1000
_KEPT = 30 * 86_400.0  # seconds, as that of `/v1/files`
_LINES = 500
_JSONL = b"application/x-jsonl"


class MessageBatches:
    """The handlers. `limit` is the most bytes of a creation, which is held in memory as a whole."""

    def __init__(
        self, store: BatchStore, files: FileStore, runner: BatchRunner, limit: Callable[[], int],
        identity: Callable[[Call], Headers],
    ) -> None:  # fmt: skip
        self._store = store
        self._files = files
        self._runner = runner
        self._limit = limit
        self._identity = identity

    @property
    def routes(self) -> list[Route]:
        one = _PATH + "/{id}"
        return [
            Route("POST", _PATH, self.create, MESSAGES_ERRORS),
            Route("GET", _PATH, self.list, MESSAGES_ERRORS),
            Route("GET", one, self.retrieve, MESSAGES_ERRORS),
            Route("DELETE", one, self.delete, MESSAGES_ERRORS),
            Route("POST", one + "/cancel", self.cancel, MESSAGES_ERRORS),
            Route("GET", one + "/results", self.results, MESSAGES_ERRORS),
        ]

    async def create(self, exchange: Exchange, call: Call) -> None:
        check(call.principal, endpoint=ENDPOINT, client_ip=call.client_ip)
        raw = bytearray()
        async for piece in exchange.pieces(self._limit()):
            raw += piece
        betas = exchange.header(b"anthropic-beta")
        left = Event()
        try:
            batch = await asyncio.to_thread(self._create, bytes(raw), betas, call, left)
        except asyncio.CancelledError:
            left.set()
            raise
        self._runner.wake()
        await self._answer(exchange, call, self._told(batch))

    async def list(self, exchange: Exchange, call: Call) -> None:
        size = page_size(exchange, _PAGE, _LARGEST_PAGE)
        after, before = exchange.query("after_id"), exchange.query("before_id")
        found = await asyncio.to_thread(
            self._store.list, call.project_id, limit=size + 1, after=after and batch_id(after),
            before=before and batch_id(before), endpoint=ENDPOINT,
        )  # fmt: skip
        page = found[-size:] if before else found[:size]
        rows = await asyncio.to_thread(lambda: [self._told(batch) for batch in page])
        body = {
            "data": rows, "has_more": len(found) > size,
            "first_id": rows[0]["id"] if rows else None, "last_id": rows[-1]["id"] if rows else None,
        }  # fmt: skip
        await self._answer(exchange, call, body)

    async def retrieve(self, exchange: Exchange, call: Call) -> None:
        told = await asyncio.to_thread(lambda: self._told(self._found(exchange, call)))
        await self._answer(exchange, call, told)

    async def cancel(self, exchange: Exchange, call: Call) -> None:
        """It is `canceling` until what is being asked has stopped."""
        batch = await asyncio.to_thread(self._found, exchange, call)
        batch = await asyncio.to_thread(_refusing, self._store.cancel, call.project_id, batch.id)
        self._runner.cancelled(batch.project_id, batch.id)
        await self._answer(exchange, call, self._told(batch))

    async def delete(self, exchange: Exchange, call: Call) -> None:
        """Its results go with it, and its requests where they came to `/v1/messages/batches`."""
        batch = await asyncio.to_thread(self._found, exchange, call)
        await asyncio.to_thread(_refusing, self._store.delete, call.project_id, batch.id)
        await self._answer(exchange, call, {"id": exchange.parts["id"], "type": "message_batch_deleted"})

    async def results(self, exchange: Exchange, call: Call) -> None:
        batch = await asyncio.to_thread(self._found, exchange, call)
        if not batch.finished:
            raise InvalidRequest("This batch has not ended: its results are there once its processing_status is ended.")
        lines = self._results(batch)
        piece = await asyncio.to_thread(_next, lines)
        if not piece:
            raise NotFound("The results of this batch are no longer available.")
        await exchange.start(200, [(b"content-type", _JSONL), *self._headers(call)])
        while piece:
            await exchange.send_piece(piece, more=True)
            piece = await asyncio.to_thread(_next, lines)
        await exchange.send_piece(b"", more=False)

    def _found(self, exchange: Exchange, call: Call) -> Batch:
        identity = exchange.parts["id"]
        with suppress(NotFound):
            batch = self._store.get(call.project_id, batch_id(identity))
            if batch.endpoint == ENDPOINT:
                return batch
        raise NotFound(f"No message batch found with id '{identity[:128]}'.")

    def _create(self, raw: bytes, betas: str | None, call: Call, left: Event) -> Batch:
        """The batch and its input, or neither: also where its client has `left` before. Blocks."""
        lines = input_lines(raw)
        writer = self._files.begin(call.project_id, MADE_INPUT, "message_batch.jsonl")
        writer.keep_s = _KEPT
        try:
            for line in lines:
                writer.add(line + b"\n")
                if writer.full:
                    writer.flush()
            writer.flush(last=True)
            if left.is_set():
                raise Cancelled("The client left before its batch was made.")
            return self._store.create(
                call.project_id, key_id=call.key_id or "", client_ip=call.client_ip, endpoint=ENDPOINT,
                input_file_id=writer.id, metadata={BETAS: betas} if betas else None, total=len(lines), made=writer,
            )  # fmt: skip
        except BaseException:
            writer.discard()
            raise

    def _told(self, batch: Batch) -> Json:
        """Blocks where it has ended with errors, which are counted by their kind."""
        counts = tally(batch, self._lines(batch, batch.error_file_id)) if batch.finished else Counter[str]()
        return message_batch(batch, counts, time.time())

    def _results(self, batch: Batch) -> Iterator[bytes]:
        files = (batch.input_file_id, batch.output_file_id, batch.error_file_id)
        return result_lines(batch, *(self._lines(batch, file) for file in files))

    def _lines(self, batch: Batch, file_id: str | None) -> Iterator[bytes]:
        return iter(()) if file_id is None else self._files.lines(batch.project_id, file_id)

    def _headers(self, call: Call) -> Headers:
        return [*self._identity(call), (b"request-id", call.request_id.encode())]

    async def _answer(self, exchange: Exchange, call: Call, body: Json) -> None:
        await exchange.json(msgspec.json.encode(body), self._headers(call))


def _refusing(change: Callable[[str, str], T], project_id: str, identity: str) -> T:
    """Make a change; one that the state of the batch does not allow is a bad request at Anthropic."""
    try:
        return change(project_id, identity)
    except Conflict as error:
        raise InvalidRequest(error.message) from None


def _next(lines: Iterator[bytes]) -> bytes:
    """The next results, empty at the end. Blocks."""
    return b"".join(islice(lines, _LINES))
