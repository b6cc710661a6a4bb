"""Takes what comes of runs that other programs make over datasets, while it comes: one process for all looks at the
traces and scores of those that go on, and closes a run of which nothing new came for a while.

Knows nothing of how programs report.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from pilothouse.errors import NotFound
from pilothouse.evals.datasets.experiments import external_runs
from pilothouse.evals.datasets.external import ExternalRuns
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn

__all__ = ["ReportedRuns"]

_AGAIN, _TURN = 5.0, 60.0  # seconds
_QUIET = 600.0  # seconds without anything new, after which a run is over
_log = logging.getLogger(__name__)


class ReportedRuns:
    """`run` for as long as the process serves. `clock` gives seconds that only grow."""

    def __init__(self, runs: ExternalRuns, turn: Turn, clock: Callable[[], float] = time.monotonic) -> None:
        self._runs = runs
        self._turn = turn
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[int, float]] = {}

    @classmethod
    def over(cls, store: Store) -> "ReportedRuns":
        """Of this store."""
        return cls(external_runs(store), Turn(store.control, "reported runs", seconds=_TURN))

    async def run(self) -> None:
        """Never ends by itself."""

        async def work() -> float:
            if await asyncio.to_thread(self._turn.take):
                await asyncio.to_thread(self.look)
            return _AGAIN

        await self._turn.serve(work, again=_AGAIN, failing="What other programs' runs showed is late", logger=_log)

    def look(self) -> int:
        """Gather for each run that goes on; how many of them are over now. Blocks on the database."""
        going = self._runs.runs.reported()
        self._seen = {key: seen for key, seen in self._seen.items() if key in {(p, run.id) for p, run in going}}
        closed = 0
        for project, run in going:
            key, now = (project, run.id), self._clock()
            done, since = self._seen.get(key, (-1, now))
            try:
                changed = self._runs.gather(project, run)
                if changed or done != run.done:
                    since = now
                self._seen[key] = (run.done, since)
                if now - since >= _QUIET:
                    self._runs.gather(project, run, close=True)
                    closed += 1
            except NotFound:  # deleted meanwhile
                continue
        return closed
