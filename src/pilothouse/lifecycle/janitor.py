"""Lets what is too old go while the server runs, and makes the sheets of days that are over: now and then, a step at a
time, in one process of all that share a database. Knows nothing of what goes.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from pilothouse.lifecycle.live import LiveConfig
from pilothouse.observe.privacy.retention import Gone, Retention
from pilothouse.observe.sums.overnight import Overnight
from pilothouse.privacy import RetentionConfig
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn

__all__ = ["Janitor"]

_FIRST, _AGAIN, _BETWEEN, _TURN = 60.0, 3600.0, 0.05, 600.0  # seconds
Step = TypeVar("Step")
_log = logging.getLogger(__name__)


class Janitor:
    """`run` for as long as the process serves. Between two steps it rests, so that writers never wait for several."""

    def __init__(
        self, retention: Retention, ages: Callable[[], RetentionConfig], turn: Turn, overnight: Overnight
    ) -> None:  # fmt: skip
        self._retention = retention
        self._overnight = overnight
        self._ages = ages
        self._turn = turn

    @classmethod
    def over(cls, store: Store, live: LiveConfig) -> "Janitor":
        """Of this store, by the configuration as it is at the time."""
        turn = Turn(store.control, "retention", seconds=_TURN)
        return cls(Retention(store), lambda: live.snapshot.config.retention, turn, Overnight(store))

    async def run(self) -> None:
        """Never ends by itself."""

        async def work() -> float:
            await self.sweep()
            await self.tidy()
            return _AGAIN

        await asyncio.sleep(_FIRST)
        await self._turn.serve(work, again=_AGAIN, failing="What is too old stays for now", logger=_log)

    async def sweep(self) -> Gone:
        """Everything that is too old now; nothing where another process is at it."""
        gone = Gone()
        async for step in self._each(self._retention.run(self._ages())):
            gone.add(step)
        if gone:
            _log.info("Too old, and gone: %s", gone)
        return gone

    async def tidy(self) -> int:
        """Make the sheets that are missing; of how many days. None where another process is at it."""
        return len([day async for day in self._each(self._overnight.run())])

    async def _each(self, steps: Iterator[Step]) -> AsyncIterator[Step]:
        while await asyncio.to_thread(self._turn.take):
            step = await asyncio.to_thread(next, steps, None)
            if step is None:
                return
            yield step
            await asyncio.sleep(_BETWEEN)
