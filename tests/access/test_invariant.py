"""What counters say is always what the ledger has plus what open calls hold, to the nano-USD.

Random calls against a real spool, drainer, database and counters: reserved, settled, cut off, cancelled, drained, and
the process killed in between, with counters that are lost then (in memory) or stay (as in Redis).
"""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from pilothouse.access.budgets import Budgets, Hold
from pilothouse.access.purses import Accounts
from pilothouse.call import Call, Progress, Reservation, Span
from pilothouse.config import Budget
from pilothouse.errors import BudgetExceeded
from pilothouse.ids import new_id, new_span_id
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.costs.charges import day_of
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.principal import Level, Principal
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store
from pilothouse.storage.memory_counters import MemoryCounters
from pilothouse.testing.record import MemoryRecorder
from pilothouse.types import Usage

START = 1_795_000_000_000_000
DAY_US = 86_400_000_000
AMOUNTS = st.integers(0, 300)
BUDGETS = (Budget(period="day", usd="0.0000008"), Budget(period="total", usd="0.000003", tokens=100_000))  # type: ignore[arg-type]
ACME = Level("org:acme", budgets=BUDGETS[1:])
PRINCIPALS = [
    Principal("default", name, "caller", levels=[ACME, Level(f"key:{name}", budgets=BUDGETS)]) for name in ("a", "b")
]


class _Open:
    """A call that is running: what it holds, and what was recorded of its output."""

    def __init__(self, reservation: Reservation, accounts: Accounts, hold: Hold) -> None:
        self.reservation, self.accounts, self.hold = reservation, accounts, hold
        self.recorded: int | None = None


class CountersAndLedger(RuleBasedStateMachine):
    """`spent` is what each (account, day) has truly cost so far, `running` the calls without an end."""

    calls = Bundle("calls")

    @initialize(keep=st.booleans())
    def begin(self, keep: bool) -> None:
        self.keep = keep
        self.now = START
        self.home = Path(tempfile.mkdtemp(prefix="pilothouse-invariant-"))
        self.store = open_store(Settings(home=self.home))
        self.ledger = Ledger(self.store)
        self.loop = asyncio.Runner()
        self.counters = MemoryCounters(lambda: self.now)
        self.spent: dict[tuple[str, int], int] = {}
        self.running: dict[str, _Open] = {}
        self.undrained = False
        self._start()

    def _start(self) -> None:
        if not self.keep:
            self.counters = MemoryCounters(lambda: self.now)
        self.budgets = Budgets(self.counters, self.ledger, clock=lambda: self.now)
        self.spool = Spool.open(self.home, 1 << 24)
        self.drainer = Drainer(
            self.spool, self.store, self.home, posted=self.budgets.posted, clock=lambda: self.now
        )  # fmt: skip
        self.recorder = SpoolRecorder(self.spool)

    @rule(target=calls, who=st.sampled_from(PRINCIPALS), nano=AMOUNTS)
    def reserve(self, who: Principal, nano: int) -> object:
        accounts = self.budgets.accounts(Call(MemoryRecorder(), who), "fast")
        reservation = Reservation(
            new_id(), "default", new_id(), self.now, self.now + 100 * DAY_US, accounts.charged("d"), nano, nano
        )  # fmt: skip
        try:
            hold = self.loop.run(self.budgets.reserve(reservation, accounts))
        except BudgetExceeded:
            return multiple()
        self.recorder.record(reservation)
        self.running[reservation.id] = _Open(reservation, accounts, hold)
        return reservation.id

    @rule(call=calls, nano=AMOUNTS)
    def make_progress(self, call: str, nano: int) -> None:
        if call in self.running:
            self.recorder.record(Progress(call, "default", nano, nano, 0))
            self.running[call].recorded = nano

    @rule(call=consumes(calls), nano=AMOUNTS, twice=st.booleans())
    def settle(self, call: str, nano: int, twice: bool) -> None:
        """Also for more than was reserved; recorded once or, by a mishap, twice."""
        if call in self.running:
            self._settle(call, nano, Usage(nano, 0), twice)

    @rule(call=consumes(calls))
    def fail_before_the_provider_answers(self, call: str) -> None:
        if call in self.running:
            self._settle(call, None, None, False)

    def _settle(self, call: str, nano: int | None, usage: Usage | None, twice: bool) -> None:
        ended = self.running.pop(call)
        r = ended.reservation
        span = Span(
            id=new_span_id(), trace_id=r.trace_id, project_id="default", name="chat", kind="llm", start_us=r.at_us,
            end_us=self.now, charge_id=r.id, accounts=ended.accounts.charged("d"), cost_nano=nano, usage=usage,
        )  # fmt: skip
        ended.hold.settle(nano, usage.input_tokens if usage else 0, "d")
        for _ in range(1 + twice):
            self.recorder.record(span)
        ended.hold.cancel()
        self._spend(r, nano or 0)

    def _spend(self, reservation: Reservation, nano: int) -> None:
        for account in reservation.accounts:
            key = account, day_of(reservation.at_us)
            self.spent[key] = self.spent.get(key, 0) + nano

    @rule()
    def drain(self) -> None:
        self.drainer.flush()

    @rule()
    def sleep_until_tomorrow(self) -> None:
        self.drainer.flush()
        self.now += DAY_US

    @rule()
    def be_killed_and_start_again(self) -> None:
        """What the kernel does when a process is killed: its files stay, its locks go."""
        os.close(self.spool._fd)
        os.close(self.spool._claim)
        for lost in self.running.values():
            r = lost.reservation
            self._spend(r, (r.nano or 0) if lost.recorded is None else lost.recorded)
        self.running.clear()
        self._start()
        self.drainer.take_over()
        self.drainer.flush()

    @invariant()
    def counters_are_the_ledger_and_what_is_open(self) -> None:
        today = day_of(self.now)
        due = [((name, day), nano) for (name, day), nano in self.spent.items()]
        for call in self.running.values():
            r = call.reservation
            due += [((account, day_of(r.at_us)), r.nano or 0) for account in r.accounts]
        for who in PRINCIPALS:
            for purse in self.budgets.accounts(Call(MemoryRecorder(), who), "fast").purses:
                days = purse.window(today)
                expected = [n for (name, day), n in due if name == purse.account and days.first <= day < days.end]
                standing = self.loop.run(self.counters.standings([purse.fund(today).name]))[0]
                if standing is not None:
                    assert standing.settled_nano + standing.held_nano == sum(expected), purse.account

    def teardown(self) -> None:
        if not hasattr(self, "home"):
            return
        self.drainer.stop()
        for call in self.running.values():
            self._spend(call.reservation, (call.reservation.nano or 0) if call.recorded is None else call.recorded)
        for (account, day), nano in self.spent.items():
            rows = self.ledger.spend(account, day, day + 1)
            assert sum(row.nano for row in rows) == nano, account
        assert self.ledger.rebuild().corrected == 0
        assert self.ledger.open_calls() == []
        self.spool.close()
        self.store.close()
        self.loop.close()
        shutil.rmtree(self.home)


TestCountersAndLedger = CountersAndLedger.TestCase
TestCountersAndLedger.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
