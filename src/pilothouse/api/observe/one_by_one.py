"""Work that waits for the database, piece after piece: one thread of it at a time, not every thread there is."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pilothouse.errors import Overloaded

__all__ = ["OneByOne"]

_T = TypeVar("_T")
_PATIENCE = 8.0  # seconds; OTLP's exporters give up after 10


class OneByOne:
    """For one event loop. Nobody waits longer than `patience`, in seconds, also where the database is locked."""

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._turn = asyncio.Lock()
        self._patience = patience

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` gives, in its turn and in a thread. Raises what it raises, Overloaded after too long a wait: what
        had begun by then goes on, so it must count once where it comes again."""
        try:
            async with asyncio.timeout(self._patience):
                await self._turn.acquire()
                working = asyncio.ensure_future(asyncio.to_thread(work))
                working.add_done_callback(self._done)
                return await asyncio.shield(working)
        except TimeoutError:
            raise Overloaded("The database takes too long. Send this again a little later.") from None

    def _done(self, working: "asyncio.Future[_T]") -> None:
        self._turn.release()
        if not working.cancelled():
            working.exception()  # whoever left will send again
