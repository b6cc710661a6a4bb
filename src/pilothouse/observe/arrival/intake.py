"""Takes spans that others recorded: acknowledged once they are in the database, and not before.

Many requests share one transaction: whoever appended before a flush began is acknowledged by it. Knows nothing of how
the spans came.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from pilothouse.call import Recorder, Span
from pilothouse.errors import Overloaded

__all__ = ["Flushes", "Intake", "Received"]

_PATIENCE = 8.0  # seconds; OTLP's exporters give up after 10


class Received(NamedTuple):
    """What was read of a request: the spans to keep, and for each thing that cannot be kept, why."""

    spans: Sequence[Span]
    rejected: Sequence[str]


class Flushes(Protocol):
    """Moves to the database what was recorded so far. Raises StorageError where it cannot."""

    def flush(self) -> None: ...


class Intake:
    """Records spans and waits for the commit, `patience` seconds at most. For one event loop."""

    def __init__(self, recorder: Recorder, drainer: Flushes, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._record = recorder.record
        self._flush: Callable[[], None] = drainer.flush
        self._reading = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def take(self, read: Callable[[], Received]) -> Received:
        """Read in a thread, one request at a time since reading is all computing, and record. Once this returns, the
        spans can be queried, and survive whatever becomes of this process.

        Raises what `read` raises, Overloaded when the spool is full or the wait is long, StorageError when the database
        does not take them now. What was recorded by then may still arrive: sent again it counts once.
        """
        async with self._reading:
            received = await asyncio.to_thread(self._receive, read)
        if received.spans:
            try:
                await asyncio.wait_for(asyncio.shield(self._committed()), self._patience)
            except TimeoutError:
                raise Overloaded("The database takes too long. Send this again a little later.") from None
        return received

    def _receive(self, read: Callable[[], Received]) -> Received:
        received = read()
        for span in received.spans:
            self._record(span)
        return received

    def _committed(self) -> asyncio.Task[None]:
        """The next flush to begin: it takes everything appended so far."""
        if self._next is None:
            self._next = asyncio.create_task(self._flush_after(self._running))
            self._next.add_done_callback(_seen)
        return self._next

    async def _flush_after(self, running: asyncio.Task[None] | None) -> None:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        await asyncio.to_thread(self._flush)


def _seen(task: asyncio.Task[None]) -> None:
    """Take note of an error that nobody waits for any more: each of those who left will send again."""
    if not task.cancelled():
        task.exception()
