"""Responses that are made while nobody waits: the answer goes on in this process, and is kept once it is there.

A running answer is held by a lease in the store, renewed while its process lives; when that runs out the answer counts
as failed. A cancelled or deleted one is noticed at the next renewal, whichever worker was told. Knows nothing of HTTP.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from pilothouse.call import Call
from pilothouse.errors import Overloaded, PilothouseError, ProviderTimeout, StorageError
from pilothouse.gateway.dialects.responses_output import envelope
from pilothouse.gateway.responses.streams import EventLog, follow
from pilothouse.gateway.responses.turn import Turn, failed
from pilothouse.storage.response_events import KeptEvent
from pilothouse.storage.responses import ResponseStore
from pilothouse.storage.trouble import Trouble
from pilothouse.types import Json

__all__ = ["Background", "Tell"]

_log = logging.getLogger("pilothouse.gateway")

Tell = Callable[[bytes, bytes], None]
Answer = Callable[[Turn, Call, Tell], Awaitable[object]]
"""Makes a response. An answer that is streamed tells the name and the data of each event but the last."""


class Background:
    """Makes responses by `answer`. `lease` and `timeout` in seconds: of a process that died, and of a whole answer."""

    def __init__(self, store: ResponseStore, answer: Answer, lease: float = 30.0, timeout: float = 3600.0) -> None:
        self._store = store
        self._answer = answer
        self._lease = lease
        self._timeout = timeout
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._logs: dict[tuple[str, str], EventLog] = {}

    async def start(self, turn: Turn, call: Call) -> Json:
        """Begin; returns the response object as it stands. Raises StorageError where it could not be fetched later."""
        turn.response = envelope(turn.request.body, turn.id, int(time.time()))
        turn.response |= {"background": True, "previous_response_id": turn.previous_id, "model": turn.request.model}
        turn.created = turn.response["created_at"]
        await asyncio.to_thread(self._store.put, call.project_id, turn.stored(), self._lease)
        if turn.request.stream:
            await asyncio.to_thread(self._store.events.begin, call.project_id, turn.id)
        call.deadline = time.monotonic() + self._timeout
        key = (call.project_id, turn.id)
        if turn.request.stream:
            self._logs[key] = EventLog(self._store.events, *key)
        task = asyncio.create_task(self._work(turn, call, dict(turn.response)))
        self._running[key] = task
        task.add_done_callback(lambda _: self._done(key))
        return turn.response

    def follow(self, project_id: str, response_id: str, after: int) -> AsyncGenerator[KeptEvent]:
        """The events of a streamed response after number `after`, to its end, whichever process makes it."""
        key = (project_id, response_id)
        return follow(
            self._store, project_id, response_id, after, lambda: log.news if (log := self._logs.get(key)) else None
        )

    def cancel(self, project_id: str, response_id: str) -> None:
        """Stop the work on it where that goes on in this process."""
        if task := self._running.get((project_id, response_id)):
            task.cancel()

    async def aclose(self) -> None:
        """Stop all work; what it was for is marked as failed."""
        await asyncio.sleep(0)  # a task that is cancelled before it has begun would mark nothing
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, key: tuple[str, str]) -> None:
        self._running.pop(key, None)
        if log := self._logs.pop(key, None):
            log.tell()

    async def _work(self, turn: Turn, call: Call, begun: Json) -> None:
        holding = asyncio.create_task(self._hold(call.project_id, begun["id"], asyncio.current_task()))
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + self._timeout):
                await self._made(turn, call)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - what ended it is told to whoever polls
            turn.response = failed(begun, _told(error, call))
        finally:
            holding.cancel()
        try:
            await asyncio.shield(asyncio.to_thread(self._store.settle, call.project_id, turn.stored()))
        except StorageError as error:  # its lease runs out, and it counts as failed
            _log.warning("response %s is not kept: %s", begun["id"], error.message)

    async def _made(self, turn: Turn, call: Call) -> None:
        log = self._logs.get((call.project_id, turn.id))
        if log is None:
            await self._answer(turn, call, _unheard)
            return
        async with log:
            await self._answer(turn, call, log.add)

    async def _hold(self, project_id: str, response_id: str, work: asyncio.Task[None] | None) -> None:
        """Renew the lease until the work is done, or stop it where the answer is no longer wanted."""
        trouble = Trouble(_log)
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                wanted = await asyncio.to_thread(self._store.renew, project_id, response_id, self._lease)
            except StorageError as error:
                trouble.note("the lease of response %s is not renewed: %s", response_id, error.message)
                continue
            trouble.over()
            if not wanted:
                if work is not None:
                    work.cancel()
                return


def _unheard(name: bytes, data: bytes) -> None:
    """For an answer that is not streamed."""


def _told(error: BaseException, call: Call) -> PilothouseError:
    if isinstance(error, TimeoutError):
        return ProviderTimeout("The response was not complete within its time limit.")
    if isinstance(error, asyncio.CancelledError):
        return Overloaded("The server that worked on this response stopped. Ask again.")
    if isinstance(error, PilothouseError):
        return error
    _log.error("request %s failed in the background", call.request_id, exc_info=error)
    return PilothouseError("Something went wrong in Pilothouse; the log has the request id.")
