"""The pace of a run: how many calls at once and in a second, what all of them may cost, waiting when a vendor says so,
and no more calls once the run is to halt.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pilothouse.errors import BudgetExceeded, Cancelled
from pilothouse.evals.runs.turns import Turn

__all__ = ["CapReached", "Throttle"]


class CapReached(BudgetExceeded):
    """What a run may cost is spent."""


class Throttle:
    """`cap_nano` is checked before each call: against what was spent, and what those under way may yet cost, taken as
    the dearest so far. `spent_nano` counts what is known; `unpriced` the calls of which it is not."""

    def __init__(
        self,
        concurrency: int,
        per_second: float | None = None,
        cap_nano: int | None = None,
        spent_nano: int = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._room = asyncio.Semaphore(concurrency)
        self._every = None if per_second is None else 1 / per_second
        self._cap = cap_nano
        self._clock, self._sleep = clock, sleep or self._rest
        self._halting = asyncio.Event()
        self._next = self._paused_until = float("-inf")
        self._dearest = 0
        self._halted: str | None = None
        self.spent_nano = spent_nano
        self.unpriced = 0
        self.running = 0
        self.waits = 0

    def halt(self, why: str) -> None:
        """No more calls: who asks for one gets Cancelled with this sentence."""
        self._halted = self._halted or why
        self._halting.set()

    def pause(self, seconds: float) -> None:
        """Begin no call for so long: a vendor asked for that."""
        self.waits += 1
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    async def enter(self, turn: Turn) -> None:
        """Wait for a place among the calls; `leave` gives it back. Raises Cancelled, CapReached."""
        began = self._clock()
        try:
            await self._room.acquire()
            try:
                while (seconds := self._due() - self._clock()) > 0 and self._halted is None:
                    await self._sleep(seconds)
                self._admit()
            except BaseException:
                self._room.release()
                raise
        except asyncio.CancelledError:
            turn.cut = True
            raise
        finally:
            turn.waited_s += self._clock() - began

    def leave(self, cost_nano: int | None) -> None:
        """A call has ended, and cost this; None where its price is not known."""
        self.running -= 1
        self._room.release()
        self.spend(cost_nano)

    def spend(self, cost_nano: int | None) -> None:
        """Count what was paid."""
        if cost_nano is None:
            self.unpriced += 1
        else:
            self.spent_nano += cost_nano
            self._dearest = max(self._dearest, cost_nano)

    async def _rest(self, seconds: float) -> None:
        """Wait, unless the run is to halt."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._halting.wait(), seconds)

    def _due(self) -> float:
        return max(self._paused_until, self._next)

    def _admit(self) -> None:
        if self._halted is not None:
            raise Cancelled(self._halted)
        if self._cap is not None and self.spent_nano + (self.running + 1) * self._dearest > self._cap:
            raise CapReached(
                f"The run has spent ${self.spent_nano / 1e9:.4f}, and another call may bring it over its cap of "
                f"${self._cap / 1e9:g} (max_cost_usd). Raise the cap and resume it."
            )
        if self._every is not None:
            self._next = max(self._next, self._clock()) + self._every
        self.running += 1
