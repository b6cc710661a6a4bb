"""Two workers at one budget, over one Redis and one database: never more than the budget passes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access.budgets import Budgets, Hold
from pilothouse.call import Call, Reservation, Span
from pilothouse.config import Budget
from pilothouse.errors import BudgetExceeded
from pilothouse.ids import new_id, now_us
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.principal import Level, Principal
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store
from pilothouse.storage.counters import Counters
from pilothouse.storage.redis_counters import RedisCounters
from pilothouse.testing.record import MemoryRecorder
from pilothouse.types import Usage

DOLLAR = 10**9
AT = now_us()
PRINCIPAL = Principal("default", "k", "caller", levels=[Level("key:k", budgets=(Budget(period="total", usd=10),))])


class _Worker:
    """One server's share of the work."""

    def __init__(self, home: Path, counters: Counters) -> None:
        self.counters = counters
        self.store = open_store(Settings(home=home))
        self.budgets = Budgets(counters, Ledger(self.store))
        self.spool = Spool.open(home, 1 << 24)
        self.drainer = Drainer(self.spool, self.store, home, posted=self.budgets.posted)
        self.recorder = SpoolRecorder(self.spool)
        self.accounts = self.budgets.accounts(Call(MemoryRecorder(), PRINCIPAL), "fast")

    async def begin(self) -> Hold | None:
        reservation = Reservation(
            new_id(), "default", new_id(), AT, AT + 3_600_000_000, self.accounts.charged(None), DOLLAR, 10
        )  # fmt: skip
        try:
            hold = await self.budgets.reserve(reservation, self.accounts)
        except BudgetExceeded:
            return None
        self.recorder.record(reservation)
        return hold

    def end(self, hold: Hold, nano: int) -> None:
        span = Span(
            id=new_id()[16:], trace_id=new_id(), project_id="default", name="chat", kind="llm", start_us=AT, end_us=AT,
            charge_id=hold.id, accounts=self.accounts.charged(None), cost_nano=nano, usage=Usage(10, 0),
        )  # fmt: skip
        hold.settle(nano, 10)
        self.recorder.record(span)

    async def standing(self) -> tuple[int, int]:
        """(settled, held) as the counters say, after what this worker told them before."""
        (standing,) = await self.counters.standings(["key:k|total"])
        assert standing is not None
        return standing.settled_nano, standing.held_nano

    def close(self) -> None:
        self.drainer.stop()
        self.spool.close()
        self.store.close()


@pytest.fixture
async def workers(tmp_path: Path, redis_url: str) -> AsyncIterator[list[_Worker]]:
    made = [_Worker(tmp_path / "home", RedisCounters(redis_url)) for _ in range(2)]
    yield made
    for worker in made:
        worker.close()
        await worker.counters.aclose()


async def test_many_at_once(workers: list[_Worker]) -> None:
    holds = await asyncio.gather(*(worker.begin() for _ in range(20) for worker in workers))
    begun = [(worker, hold) for hold, worker in zip(holds, workers * 20, strict=True) if hold is not None]
    assert len(begun) == 10
    for worker, hold in begun:
        worker.end(hold, DOLLAR // 2)
    for worker in workers:
        worker.drainer.flush()
        await worker.standing()  # what it had to say has arrived then
    assert await workers[0].standing() == (5 * DOLLAR, 0)
    again = await asyncio.gather(*(worker.begin() for _ in range(20) for worker in workers))
    assert sum(hold is not None for hold in again) == 5


async def test_a_redis_that_lost_its_data_learns_the_ledger_and_what_is_held(
    workers: list[_Worker], redis_server: Any
) -> None:
    first = [hold for _ in range(6) if (hold := await workers[0].begin()) is not None]
    for hold in first[:4]:
        workers[0].end(hold, DOLLAR)
    workers[0].drainer.flush()
    assert await workers[0].standing() == (4 * DOLLAR, 2 * DOLLAR)
    redis_server.flushall()
    assert await workers[0].begin() is not None
    settled, held = await workers[0].standing()
    assert settled == 4 * DOLLAR
    assert held == 3 * DOLLAR


async def test_what_a_dead_worker_held_is_charged_by_the_one_that_takes_over(workers: list[_Worker]) -> None:
    dead, heir = workers
    assert await dead.begin() is not None
    assert await dead.begin() is not None
    dead.drainer.flush()
    dead.recorder.record(_note())  # something unread, so that the spool stays behind
    dead.spool.close()
    heir.drainer.take_over()
    heir.drainer.flush()
    assert await heir.standing() == (2 * DOLLAR, 0)
    (entry, _) = Ledger(heir.store).entries(kind="orphan").entries
    assert entry.nano == DOLLAR


def _note() -> Span:
    return Span(id="1", trace_id="t", project_id="default", name="x", kind="chain", start_us=AT, end_us=AT)
