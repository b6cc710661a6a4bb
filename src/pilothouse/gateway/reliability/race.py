"""Attempts side by side: the first to begin its answer wins, the others are cancelled.

Knows nothing of why there are several: see attempts.py.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from pilothouse.gateway.reliability.attempt import Attempt
from pilothouse.gateway.routing.plan import Deployment

__all__ = ["Race", "Runner"]

Runner = Coroutine[Any, Any, Attempt | None]
"""Asks a deployment; None where that failed."""


class Race:
    """Call `end` always: it leaves no task behind."""

    def __init__(self, deployment: Deployment, runner: Runner) -> None:
        self._runners = {asyncio.ensure_future(runner): deployment}
        self._won: asyncio.Future[Attempt | None] | None = None

    def add(self, deployment: Deployment, runner: Runner) -> None:
        """One more at the start."""
        self._runners[asyncio.ensure_future(runner)] = deployment

    async def begun(self, seconds: float) -> bool:
        """Whether the first has begun, or failed, within that time."""
        done, _ = await asyncio.wait(self._runners, timeout=seconds)
        return bool(done)

    async def winner(self) -> Attempt | None:
        """The first to begin; None once all failed. Raises what one of them raises."""
        waiting = set(self._runners)
        while waiting:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for runner in self._runners:
                if runner.done() and runner.result() is not None:
                    self._won = runner
                    return runner.result()
        return None

    async def end(self) -> Deployment | None:
        """Cancel all but the winner, upstream too. The deployment among them that was asked last and in vain, None
        where none was: one that failed by itself was not."""
        losers = {runner: deployment for runner, deployment in self._runners.items() if runner is not self._won}
        vain = [deployment for runner, deployment in losers.items() if runner.cancel()]
        try:
            for attempt in await asyncio.gather(*losers, return_exceptions=True):
                if isinstance(attempt, Attempt):
                    await attempt.close(asyncio.CancelledError())
                    vain.append(attempt.deployment)
        except asyncio.CancelledError as error:  # the caller left meanwhile: nobody will hear the winner
            won = None if self._won is None else self._won.result()
            if won is not None:
                await won.close(error)
            raise
        return vain[-1] if vain else None
