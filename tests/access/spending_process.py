"""A process that spends until it is killed: calls that end, and at last three that never do.

python spending_process.py HOME [DATABASE_URL]; prints one line once all of it is recorded.
"""

import asyncio
import sys
import threading
from pathlib import Path

from pilothouse.access.budgets import Budgets, Hold
from pilothouse.call import Call, Progress, Reservation
from pilothouse.config import Budget
from pilothouse.ids import new_id
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.principal import Level, Principal
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store
from pilothouse.storage.memory_counters import MemoryCounters
from pilothouse.types import Usage

PRINCIPAL = Principal("default", "k", "caller", levels=[Level("key:k", budgets=(Budget(usd=1),))])
ENDED, COST = 40, 1_000
BOUND, RECORDED = 5_000, 2_000


class Spending:
    """One server's worth of spending."""

    def __init__(self, settings: Settings) -> None:
        self.store = open_store(settings)
        self.ledger = Ledger(self.store)
        self.counters = MemoryCounters()
        self.budgets = Budgets(self.counters, self.ledger)
        self.spool = Spool.open(settings.home, 1 << 28)
        self.drainer = Drainer(self.spool, self.store, settings.home, posted=self.budgets.posted)
        self.recorder = SpoolRecorder(self.spool, self.drainer.wake)

    async def reserve(self) -> tuple[Call, Hold, Reservation]:
        """A call that is reserved, in the counters alone."""
        call = Call(self.recorder, PRINCIPAL)
        accounts = self.budgets.accounts(call, "fast")
        at = Call(self.recorder).start("", "llm").start_us
        reservation = Reservation(
            new_id(), "default", call.trace_id, at, at + 10**9, accounts.charged(None), BOUND, BOUND, model="m"
        )  # fmt: skip
        return call, await self.budgets.reserve(reservation, accounts), reservation

    async def begin(self) -> tuple[Call, Hold]:
        """A call that is reserved, in the counters and in the spool."""
        call, hold, reservation = await self.reserve()
        self.recorder.record(reservation)
        return call, hold

    async def end(self, call: Call, hold: Hold) -> None:
        span = call.start("chat fast", "llm")
        span.charge_id, span.accounts, span.cost_nano, span.usage = hold.id, ["key:k"], COST, Usage(10, 5)
        hold.settle(COST, 15)
        call.finish(span)


async def main(home: Path, database_url: str | None) -> None:
    spending = Spending(Settings(home=home, database_url=database_url))
    spending.drainer.start()
    for _ in range(ENDED):
        await spending.end(*await spending.begin())
    for _ in range(2):
        _, hold = await spending.begin()
        spending.recorder.record(Progress(hold.id, "default", RECORDED // 2, 10, 5))
        spending.recorder.record(Progress(hold.id, "default", RECORDED, 10, 10))
    await spending.begin()
    sys.stdout.write("spent\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
