"""Follows the rules of review queues while a server runs: each queue as often as it says, in one process of all that
share a database. Knows nothing of what the rules mean.
"""

import asyncio
import logging
from collections.abc import Callable

from pilothouse.errors import PilothouseError, StorageError
from pilothouse.evals.review.filling import Filling
from pilothouse.ids import now_us
from pilothouse.storage.database import Store
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.storage.turns import Turn

__all__ = ["ReviewFilling"]

_FIRST, _TURN, _AGAIN = 30.0, 600.0, 60.0  # seconds
_log = logging.getLogger(__name__)


class ReviewFilling:
    """`run` for as long as the process serves. `clock` gives UTC microseconds."""

    def __init__(self, store: Store, turn: Turn, clock: Callable[[], int] = now_us) -> None:
        self._queues = Reviews(store, clock).queues
        self._filling = Filling(store, clock)
        self._turn = turn

    @classmethod
    def over(cls, store: Store) -> "ReviewFilling":
        """Of this store."""
        return cls(store, Turn(store.control, "reviews", seconds=_TURN))

    async def run(self) -> None:
        """Never ends by itself."""

        async def work() -> float:
            await self.tick()
            return _AGAIN

        await asyncio.sleep(_FIRST)
        await self._turn.serve(work, again=_AGAIN, failing="Review queues are not filled", logger=_log)

    async def tick(self) -> int:
        """Fill the queues that are due; how many items came. Nothing where another process is at it."""
        added = 0
        if not await asyncio.to_thread(self._turn.take):
            return added
        for project, queue in await asyncio.to_thread(self._queues.due):
            if not await asyncio.to_thread(self._turn.take):
                break
            try:
                added += (await asyncio.to_thread(self._filling.follow, project, queue)).added
            except StorageError:
                raise
            except PilothouseError as error:  # of this queue alone
                _log.warning("The review queue '%s' of project '%s' is not filled: %s", queue.name, project, error)
                await asyncio.to_thread(self._queues.filled, project, queue, queue.cursors)
        return added
