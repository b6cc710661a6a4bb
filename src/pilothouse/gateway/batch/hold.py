"""A claimed batch while this process works on it: the lease is renewed, and the work stopped once it is lost or the
batch cancelled. Knows nothing of what the work is.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pilothouse.errors import StorageError
from pilothouse.storage.batch_leases import BatchLeases, Result, Standing
from pilothouse.storage.batches import Batch
from pilothouse.storage.trouble import Trouble
from pilothouse.types import Json

__all__ = ["Ended", "Held", "unbroken"]

T = TypeVar("T")
_PATIENCE = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds between tries, in all less than a lease
_log = logging.getLogger("pilothouse.gateway")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a batch ended; `errors` are those of the whole, in OpenAI's shape."""

    status: str
    errors: list[Json] | None = field(default=None)


class Held:
    """`batch` is as it was last read. `standing` is no longer held once the work was stopped for that reason."""

    def __init__(self, leases: BatchLeases, batch: Batch) -> None:
        self.batch = batch
        self.standing: Standing = "cancel" if batch.status == "cancelling" else "held"
        self._leases = leases
        self._task: asyncio.Task[object] | None = None
        self._stoppable = True

    async def run(self, work: Coroutine[object, object, T], *, stoppable: bool = True) -> T | None:
        """Do `work` while the lease holds; None where it was stopped: because the lease is lost or, if it is
        `stoppable`, the batch is to be cancelled."""
        self._stoppable = stoppable
        me = asyncio.current_task()
        self._task = task = asyncio.create_task(work)
        renewing = asyncio.create_task(self._renew())
        try:
            return await task
        except asyncio.CancelledError:
            if me is not None and me.cancelling():
                raise  # this process stops
            return None
        finally:
            renewing.cancel()
            if not task.done():
                task.cancel()
            await asyncio.gather(task, renewing, return_exceptions=True)

    async def add(self, results: Sequence[Result]) -> None:
        """Write results, which have been paid for: even when the work is stopped meanwhile, and as soon as a database
        that is away for some seconds is back."""
        self.note(await asyncio.shield(self._add(results)))

    async def _add(self, results: Sequence[Result]) -> Standing:
        for wait in _PATIENCE:
            try:
                return await asyncio.to_thread(self._leases.add, self.batch, results)
            except StorageError as error:
                _log.warning("results of %s are not written yet: %s", self.batch.id, error.message)
            await asyncio.sleep(wait)
        return await asyncio.to_thread(self._leases.add, self.batch, results)

    def note(self, standing: Standing) -> None:
        """Stop the work where it should not go on."""
        if standing == "held" or standing == self.standing or self.standing == "lost":
            return
        self.standing = standing
        if self._task is not None and (standing == "lost" or self._stoppable):
            self._task.cancel()

    async def look(self) -> None:
        """Extend the lease, and stop the work where it should not go on."""
        self.note(await asyncio.to_thread(self._leases.renew, self.batch))

    async def _renew(self) -> None:
        trouble = Trouble(_log)
        while True:
            await asyncio.sleep(self._leases.seconds / 3)
            try:
                await self.look()
                trouble.over()
            except StorageError as error:  # it may be back before the lease ends; if not, results are refused
                trouble.note("the lease of %s is not renewed: %s", self.batch.id, error.message)


async def unbroken(work: Coroutine[object, object, T]) -> T:
    """The result of `work`, which is over before a cancellation goes on; a second cancellation breaks it off."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
