"""Lets what is too old go while the server runs: now and then, a step at a time, in one process of all that share a
database. Knows nothing of what goes.
"""

import asyncio
import logging
from collections.abc import Callable

from pilothouse.lifecycle.live import LiveConfig
from pilothouse.observe.retention import Gone, Retention
from pilothouse.privacy import RetentionConfig
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn

__all__ = ["Janitor"]

_FIRST, _AGAIN, _BETWEEN, _TURN = 60.0, 3600.0, 0.05, 600.0  # seconds
_log = logging.getLogger(__name__)


class Janitor:
    """`run` for as long as the process serves. Between two steps it rests, so that writers never wait for several."""

    def __init__(self, retention: Retention, ages: Callable[[], RetentionConfig], turn: Turn) -> None:
        self._retention = retention
        self._ages = ages
        self._turn = turn

    @classmethod
    def over(cls, store: Store, live: LiveConfig) -> "Janitor":
        """Of this store, by the configuration as it is at the time."""
        turn = Turn(store.control, "retention", seconds=_TURN)
        return cls(Retention(store), lambda: live.snapshot.config.retention, turn)

    async def run(self) -> None:
        """Never ends by itself."""

        async def work() -> float:
            await self.sweep()
            return _AGAIN

        await asyncio.sleep(_FIRST)
        await self._turn.serve(work, again=_AGAIN, failing="What is too old stays for now", logger=_log)

    async def sweep(self) -> Gone:
        """Everything that is too old now; nothing where another process is at it."""
        gone, steps = Gone(), self._retention.run(self._ages())
        while await asyncio.to_thread(self._turn.take):
            step = await asyncio.to_thread(next, steps, None)
            if step is None:
                break
            gone.add(step)
            await asyncio.sleep(_BETWEEN)
        if gone:
            _log.info("Too old, and gone: %s", gone)
        return gone
