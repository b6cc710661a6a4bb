"""`/v1/batches`: create, get, list, cancel, in OpenAI's shape. What is in a batch is checked once it is worked off.

Knows nothing of how that goes: see runner.py.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from pilothouse.access.policy import check
from pilothouse.call import Call
from pilothouse.errors import InvalidRequest, NotFound, Unsupported
from pilothouse.gateway.batch.files import Files, page_size
from pilothouse.gateway.batch.lines import ENDPOINTS
from pilothouse.gateway.batch.message_batches import MessageBatches
from pilothouse.gateway.batch.runner import BatchRunner
from pilothouse.gateway.http import Exchange, Headers
from pilothouse.gateway.routes import Route
from pilothouse.storage.batches import BETAS, Batch, BatchStore
from pilothouse.storage.files import FileStore
from pilothouse.types import Json, check_body, decode_body

__all__ = ["Batches", "Batching"]

_PATH = "/v1/batches"
_PAGE, _LARGEST_PAGE = 20, 100
_BODY = 64 * 1024

_Name = Annotated[str, msgspec.Meta(max_length=64)]
_Value = Annotated[str, msgspec.Meta(max_length=512)]


class _Body(msgspec.Struct):
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Annotated[dict[_Name, _Value], msgspec.Meta(max_length=16)] | None = None
    output_expires_after: Any = None


@dataclass(frozen=True, slots=True)
class Batching:
    """What files and batches need: their stores, what works batches off, and the most bytes of a file."""

    files: FileStore
    batches: BatchStore
    runner: BatchRunner
    limit: Callable[[], int]

    def routes(self, identity: Callable[[Call], Headers]) -> list[Route]:
        """Every path of files and batches. `identity` gives the headers that say which call this was."""
        files = Files(self.files, self.limit, identity)
        messages = MessageBatches(self.batches, self.files, self.runner, self.limit, identity)
        return [*files.routes, *Batches(self.batches, self.files, self.runner, identity).routes, *messages.routes]


class Batches:
    """The handlers. `identity` gives the headers that say which call this was; `runner` is told what is new."""

    def __init__(
        self, store: BatchStore, files: FileStore, runner: BatchRunner, identity: Callable[[Call], Headers]
    ) -> None:
        self._store = store
        self._files = files
        self._runner = runner
        self._identity = identity

    @property
    def routes(self) -> list[Route]:
        return [
            Route("POST", _PATH, self.create),
            Route("GET", _PATH, self.list),
            Route("GET", _PATH + "/{id}", self.retrieve),
            Route("POST", _PATH + "/{id}/cancel", self.cancel),
        ]

    async def create(self, exchange: Exchange, call: Call) -> None:
        body = decode_body(await exchange.body(_BODY))
        given = check_body(body, _Body)
        _check(given)
        check(call.principal, endpoint=given.endpoint, client_ip=call.client_ip)
        batch = await asyncio.to_thread(self._create, given, call)
        self._runner.wake()
        await self._answer(exchange, call, batch.to_json())

    async def list(self, exchange: Exchange, call: Call) -> None:
        size = page_size(exchange, _PAGE, _LARGEST_PAGE)
        after = exchange.query("after")
        if after is not None and not after.startswith("batch_"):
            raise NotFound(f"No batch found with id '{after[:128]}'.", param="after")
        found = await asyncio.to_thread(self._store.list, call.project_id, limit=size + 1, after=after)
        page = found[:size]
        body = {
            "object": "list", "data": [batch.to_json() for batch in page], "has_more": len(found) > size,
            "first_id": page[0].id if page else None, "last_id": page[-1].id if page else None,
        }  # fmt: skip
        await self._answer(exchange, call, body)

    async def retrieve(self, exchange: Exchange, call: Call) -> None:
        batch = await asyncio.to_thread(self._store.get, call.project_id, exchange.parts["id"])
        await self._answer(exchange, call, batch.to_json())

    async def cancel(self, exchange: Exchange, call: Call) -> None:
        """It is `cancelling` until what is being asked has stopped."""
        batch = await asyncio.to_thread(self._store.cancel, call.project_id, exchange.parts["id"])
        self._runner.cancelled(batch.project_id, batch.id)
        await self._answer(exchange, call, batch.to_json())

    def _create(self, given: _Body, call: Call) -> Batch:
        try:
            stored = self._files.get(call.project_id, given.input_file_id)
        except NotFound as error:
            raise NotFound(error.message, param="input_file_id") from None
        if stored.purpose != "batch":
            why = f"File '{stored.id}' was uploaded for '{stored.purpose}': upload it with the purpose 'batch'."
            raise InvalidRequest(why, param="input_file_id")
        return self._store.create(
            call.project_id, key_id=call.key_id or "", client_ip=call.client_ip, endpoint=given.endpoint,
            input_file_id=stored.id, metadata=given.metadata,
        )  # fmt: skip

    async def _answer(self, exchange: Exchange, call: Call, body: Json) -> None:
        await exchange.json(msgspec.json.encode(body), self._identity(call))


def _check(given: _Body) -> None:
    if given.endpoint not in ENDPOINTS:
        raise InvalidRequest(f"'endpoint' must be one of {', '.join(ENDPOINTS)}.", param="endpoint")
    if given.completion_window != "24h":
        raise InvalidRequest("'completion_window' must be 24h.", param="completion_window")
    betas = (given.metadata or {}).get(BETAS, "")
    if not (betas.isascii() and betas.isprintable()):  # it is sent as a header
        raise InvalidRequest(f"'metadata.{BETAS}' must be printable ASCII.", param=f"metadata.{BETAS}")
    if given.output_expires_after is not None:
        why = "The files of results are kept for 30 days: leave 'output_expires_after' out, and delete them when done."
        raise Unsupported(why, param="output_expires_after")
