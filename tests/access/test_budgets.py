"""Holding, settling and refusing, over the counters in memory and a ledger that is a dictionary."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from pilothouse.access.alerts import Alert
from pilothouse.access.budgets import Budgets, Hold
from pilothouse.access.purses import Accounts
from pilothouse.call import Call, Reservation
from pilothouse.config import Budget, Config
from pilothouse.errors import BudgetExceeded, ConfigError, StorageError
from pilothouse.observe import Metrics
from pilothouse.observe.costs.charges import Charge, day_of
from pilothouse.observe.costs.ledger import Place, Spent
from pilothouse.principal import Level, Principal
from pilothouse.storage.memory_counters import MemoryCounters
from pilothouse.testing.record import MemoryRecorder

NOW = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()) * 1_000_000
DOLLAR = 10**9
KEY = "key:abc"


@dataclass
class _Balances:
    """A ledger in memory: what each account spent by day."""

    days: dict[tuple[str, str, int], list[int]] = field(default_factory=dict)
    away: bool = False
    asked: list[Sequence[Place]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def add(self, charge: Charge) -> None:
        self.ids.add(charge.id)
        for account in charge.accounts:
            home = "*" if account.startswith(("org:", "deployment:")) else charge.project_id
            row = self.days.setdefault((home, account, charge.day), [0, 0, 0])
            row[0] += charge.nano or 0
            row[1] += charge.input_tokens + charge.output_tokens
            row[2] += 1

    def entered(self, project_id: str, ids: Sequence[str]) -> set[str]:
        return self.ids.intersection(ids)

    def spent(self, places: Sequence[Place]) -> list[Spent]:
        if self.away:
            raise StorageError("the database is away")
        self.asked.append(places)
        found = []
        for place in places:
            rows = [
                row
                for (home, account, day), row in self.days.items()
                if (home, account) == (place.project_id, place.account) and place.first <= day < place.end
            ]
            found.append(Spent(*(sum(column) for column in zip(*rows, strict=True))) if rows else Spent())
        return found


@pytest.fixture
def counters() -> MemoryCounters:
    return MemoryCounters(lambda: NOW)


@pytest.fixture
def balances() -> _Balances:
    return _Balances()


@pytest.fixture
def budgets(counters: MemoryCounters, balances: _Balances) -> Budgets:
    return Budgets(counters, balances, clock=lambda: NOW)


def a_call(*budgets: Budget, user: str | None = None, levels: Sequence[Level] = ()) -> Call:
    principal = Principal("default", "abc", "caller", levels=[*levels, Level(KEY, budgets=budgets)])
    return Call(MemoryRecorder(), principal, user_id=user)


def reservation(identifier: str = "1", nano: int | None = DOLLAR, tokens: int = 100) -> Reservation:
    return Reservation(
        identifier, "default", "t", NOW, NOW + 60_000_000, [], nano, tokens, provider="openai", model="gpt-4o"
    )  # fmt: skip


def charge(hold: Hold | str, accounts: Sequence[str], nano: int, tokens: int = 0) -> Charge:
    return Charge(hold if isinstance(hold, str) else hold.id, "default", NOW, accounts, nano, tokens, 0)


async def state(budgets: Budgets, accounts: Accounts) -> list[tuple[int, int]]:
    return [(s.nano, s.held_nano) for s in await budgets.standings(accounts.purses)]


async def test_held_then_settled_then_entered(budgets: Budgets, balances: _Balances) -> None:
    accounts = budgets.accounts(a_call(Budget(usd=10)), "fast")
    hold = await budgets.reserve(reservation(), accounts)
    assert await state(budgets, accounts) == [(0, DOLLAR)]
    hold.settle(DOLLAR // 4, 10)
    assert await state(budgets, accounts) == [(0, DOLLAR // 4)]
    entry = charge(hold, accounts.charged("a/b"), DOLLAR // 4, 10)
    balances.add(entry)
    budgets.posted([entry], foreign=False)
    assert await state(budgets, accounts) == [(DOLLAR // 4, 0)]


async def test_settling_twice_or_after_the_ledger_changes_nothing(budgets: Budgets, balances: _Balances) -> None:
    accounts = budgets.accounts(a_call(Budget(usd=10)), "fast")
    hold = await budgets.reserve(reservation(), accounts)
    hold.settle(5, 1)
    hold.settle(7, 1)
    hold.cancel()
    assert await state(budgets, accounts) == [(0, 5)]
    late = await budgets.reserve(reservation("2"), accounts)
    entries = [charge(name, accounts.names, 5) for name in ("1", "2")]
    for entry in entries:
        balances.add(entry)
    budgets.posted(entries, foreign=False)
    late.settle(5, 1)
    assert await state(budgets, accounts) == [(10, 0)]


async def test_a_cancelled_call_holds_nothing(budgets: Budgets) -> None:
    accounts = budgets.accounts(a_call(Budget(usd=10)), "fast")
    (await budgets.reserve(reservation(), accounts)).cancel()
    assert await state(budgets, accounts) == [(0, 0)]


async def test_a_refusal_says_which_budget_and_holds_nothing_anywhere(budgets: Budgets, balances: _Balances) -> None:
    team = Level("team:t", budgets=(Budget(period="day", usd=100),))
    call = a_call(Budget(usd=5), levels=[team])
    accounts = budgets.accounts(call, "fast")
    balances.add(charge("0", ["team:t", KEY], 4_500_000_000))
    with pytest.raises(BudgetExceeded) as refused:
        await budgets.reserve(reservation(), accounts)
    message = refused.value.message
    assert "key:abc for this month" in message
    assert "$4.5000 is spent and $0 is held by running calls, of $5.0000" in message
    assert "up to $1.0000" in message
    assert "lower max_tokens" in message
    assert "2026-12-01 (UTC)" in message
    assert refused.value.headers == (("x-should-retry", "false"),)
    assert refused.value.retry_after is None
    assert [held for _, held in await state(budgets, accounts)] == [0, 0]


async def test_where_only_running_calls_stand_in_the_way_the_caller_may_ask_again(budgets: Budgets) -> None:
    accounts = budgets.accounts(a_call(Budget(period="total", usd=1)), "fast")
    hold = await budgets.reserve(reservation(), accounts)
    with pytest.raises(BudgetExceeded, match="running call has ended") as refused:
        await budgets.reserve(reservation("2"), accounts)
    assert refused.value.retry_after == 1.0
    assert refused.value.headers == (("x-should-retry", "true"),)
    hold.settle(0, 0)
    assert (await budgets.reserve(reservation("3"), accounts)).funds


async def test_a_budget_in_tokens(budgets: Budgets) -> None:
    accounts = budgets.accounts(a_call(Budget(period="week", tokens=150)), "fast")
    await budgets.reserve(reservation(nano=None), accounts)
    with pytest.raises(BudgetExceeded, match=r"this week .* of 150; this call may take up to 200 tokens"):
        await budgets.reserve(reservation("2", None, 200), accounts)


async def test_of_two_budgets_for_one_period_both_count(budgets: Budgets) -> None:
    accounts = budgets.accounts(a_call(Budget(usd=5), Budget(tokens=150), Budget(usd=2)), "fast")
    assert len(accounts.purses) == 1
    assert (accounts.purses[0].nano, accounts.purses[0].tokens) == (2 * DOLLAR, 150)


async def test_without_budgets_nothing_is_asked_but_every_account_is_named(
    budgets: Budgets, balances: _Balances
) -> None:
    levels = [Level("org:acme"), Level("project:default"), Level("team:t")]
    accounts = budgets.accounts(a_call(user="ada", levels=levels), "fast", ["a/b"])
    assert not (await budgets.reserve(reservation(), accounts)).funds
    assert balances.asked == []
    assert accounts.charged("a/b") == [
        "org:acme", "project:default", "team:t", KEY, "user:default/ada", "model:default/fast", "deployment:a/b"
    ]  # fmt: skip


async def test_a_budget_that_comes_later_finds_its_past(budgets: Budgets, balances: _Balances) -> None:
    balances.add(charge("0", [KEY], 4 * DOLLAR))
    accounts = budgets.accounts(a_call(Budget(usd=5)), "fast")
    await budgets.reserve(reservation(), accounts)
    with pytest.raises(BudgetExceeded):
        await budgets.reserve(reservation("2"), accounts)


async def test_a_budget_that_comes_back_finds_what_was_spent_without_it(
    counters: MemoryCounters, balances: _Balances
) -> None:
    """Its fund is there from before, or from what a dead process left; nobody kept it up to date meanwhile."""
    before, heir = (Budgets(counters, balances, clock=lambda: NOW) for _ in range(2))
    accounts = before.accounts(a_call(Budget(period="week", usd=5)), "fast")
    (await before.reserve(reservation(), accounts)).cancel()
    left = charge("dead", accounts.names, DOLLAR)
    balances.add(left)
    heir.posted([left], foreign=True)
    spent = charge("0", accounts.names, 4 * DOLLAR)
    balances.add(spent)
    heir.posted([spent], foreign=False)
    with pytest.raises(BudgetExceeded, match=r"\$5.0000 is spent"):
        await heir.reserve(reservation("2"), accounts)


@pytest.mark.parametrize("restarted", [True, False], ids=["the next one to start", "another, before it refuses a call"])
async def test_what_a_process_entered_and_could_not_say_is_not_held_as_well(
    counters: MemoryCounters, balances: _Balances, restarted: bool
) -> None:
    """Killed between its commit and the counters' learning of it."""
    other, killed = (Budgets(counters, balances, clock=lambda: NOW) for _ in range(2))
    accounts = killed.accounts(a_call(Budget(period="week", usd=5)), "fast")
    if not restarted:
        (await other.reserve(reservation("0"), accounts)).cancel()
    hold, running = await killed.reserve(reservation(), accounts), await killed.reserve(reservation("2"), accounts)
    hold.settle(3 * DOLLAR, 10)
    balances.add(charge(hold, accounts.names, 3 * DOLLAR, 10))
    await other.reserve(reservation("3"), accounts)
    with pytest.raises(BudgetExceeded, match=r"\$3.0000 is spent and \$2.0000 is held"):
        await other.reserve(reservation("4"), accounts)
    assert await state(other, accounts) == [(3 * DOLLAR, 2 * DOLLAR)]
    running.cancel()
    await other.reserve(reservation("5"), accounts)


async def test_who_looks_at_a_budget_sees_nothing_held_that_is_entered(budgets: Budgets, balances: _Balances) -> None:
    accounts = budgets.accounts(a_call(Budget(usd=5)), "fast")
    hold, _ = await budgets.reserve(reservation(), accounts), await budgets.reserve(reservation("2"), accounts)
    hold.settle(5, 1)
    balances.add(charge(hold, accounts.names, 5, 1))
    assert await state(budgets, accounts) == [(5, DOLLAR)]


async def test_a_budget_that_the_counters_know_needs_no_database(counters: MemoryCounters, balances: _Balances) -> None:
    accounts = Budgets(counters, balances).accounts(a_call(Budget(usd=5)), "fast")
    (await Budgets(counters, balances, clock=lambda: NOW).reserve(reservation(), accounts)).cancel()
    balances.away = True
    (await Budgets(counters, balances, clock=lambda: NOW).reserve(reservation("2"), accounts)).cancel()


CONFIG: dict[str, Any] = {
    "providers": {"openai": {}},
    "users": {"budgets": [{"usd": 1, "period": "day"}]},
    "models": {
        "fast": {
            "deployments": [
                {"provider": "openai", "model": "gpt-4o", "budgets": [{"usd": 1}]},
                {"provider": "openai", "model": "gpt-4.1"},
            ],
            "budgets": [{"usd": 50}],
        }
    },
}


async def test_budgets_of_users_aliases_and_deployments(counters: MemoryCounters, balances: _Balances) -> None:
    budgets = Budgets(counters, balances, Config.model_validate(CONFIG), clock=lambda: NOW)
    accounts = budgets.accounts(a_call(user="ada"), "fast", ["openai/gpt-4o", "openai/gpt-4.1"])
    assert [purse.account for purse in accounts.purses] == ["user:default/ada", "model:default/fast"]
    hold = await budgets.reserve(reservation(), accounts)
    with pytest.raises(BudgetExceeded, match="user:default/ada for today"):
        await budgets.reserve(reservation("2"), accounts)
    hold.cancel()
    budgets.configure(Config())
    assert budgets.accounts(a_call(user="ada"), "fast", ["openai/gpt-4o"]).purses == ()


async def test_a_deployment_without_room_is_left_out_while_another_is_there(
    counters: MemoryCounters, balances: _Balances
) -> None:
    budgets = Budgets(counters, balances, Config.model_validate(CONFIG), clock=lambda: NOW)
    both = budgets.accounts(a_call(), "fast", ["openai/gpt-4o", "openai/gpt-4.1"])
    first = await budgets.reserve(reservation(), both)
    assert first.full == frozenset()
    second = await budgets.reserve(reservation("2"), both)
    assert second.full == {"openai/gpt-4o"}
    alone = budgets.accounts(a_call(), "fast", ["openai/gpt-4o"])
    with pytest.raises(BudgetExceeded, match="deployment:openai/gpt-4o"):
        await budgets.reserve(reservation("3"), alone)
    first.settle(DOLLAR, 1, "openai/gpt-4.1")
    assert (await budgets.reserve(reservation("4"), both)).full == frozenset()


async def test_an_unknown_price_against_a_budget_in_usd(counters: MemoryCounters, balances: _Balances) -> None:
    budgets = Budgets(counters, balances, clock=lambda: NOW)
    accounts = budgets.accounts(a_call(Budget(usd=5)), "fast")
    with pytest.raises(ConfigError, match=r"'gpt-4o' at 'openai'.*`prices:`.*unpriced: allow"):
        await budgets.reserve(reservation(nano=None), accounts)
    with pytest.raises(ConfigError, match="'llama' at 'pool'"):
        await budgets.reserve(reservation(), accounts, lambda: "'llama' at 'pool'")
    (await budgets.reserve(reservation("priced"), accounts, lambda: None)).cancel()
    in_tokens = budgets.accounts(a_call(Budget(tokens=500)), "fast")
    (await budgets.reserve(reservation("tokens", nano=None), in_tokens)).cancel()
    budgets.configure(Config(unpriced="allow"))
    (await budgets.reserve(reservation(nano=None), accounts)).settle(None, 5)


async def test_while_the_database_is_away(counters: MemoryCounters, balances: _Balances) -> None:
    balances.away = True
    metrics = Metrics()
    closed = Budgets(counters, balances, clock=lambda: NOW)
    accounts = closed.accounts(a_call(Budget(usd=5)), "fast")
    with pytest.raises(StorageError):
        await closed.reserve(reservation(), accounts)
    opened = Budgets(counters, balances, on_down="open", metrics=metrics, clock=lambda: NOW)
    hold = await opened.reserve(reservation(), accounts)
    hold.settle(5, 5)
    assert opened.unchecked == 1
    assert b"pilothouse_budget_unchecked_calls_total 1.0" in metrics.render()


async def test_funds_that_were_not_used_for_days_are_found_again(balances: _Balances) -> None:
    now = [NOW]
    budgets = Budgets(MemoryCounters(lambda: now[0]), balances, clock=lambda: now[0])
    periods = [Budget(period=period, usd=10) for period in ("total", "month", "week", "day")]
    levels = [Level(f"team:{name}", budgets=tuple(periods)) for name in "abc"]
    for number in range(4):
        at = now[0]
        accounts = budgets.accounts(a_call(*periods, levels=levels), "fast")
        call = Reservation(str(number), "default", "t", at, at + 60_000_000, [], DOLLAR, 1)
        (await budgets.reserve(call, accounts)).cancel()
        now[0] += 2 * 86_400_000_000


async def test_what_could_not_be_posted_is_posted_later(
    budgets: Budgets, counters: MemoryCounters, balances: _Balances
) -> None:
    async def held() -> int:
        (standing,) = await counters.standings([accounts.purses[0].fund(day_of(NOW)).name])
        assert standing is not None
        return standing.held_nano

    accounts = budgets.accounts(a_call(Budget(usd=10)), "fast")
    hold = await budgets.reserve(reservation(), accounts)
    hold.settle(7, 1)
    entry = charge(hold, accounts.names, 7)
    balances.add(entry)
    balances.away = True
    budgets.posted([entry], foreign=False)
    balances.away = False
    assert await held() == 7
    budgets.posted([], foreign=False)
    assert await held() == 0
    assert await state(budgets, accounts) == [(7, 0)]


async def test_a_charge_of_a_dead_process_reaches_the_counters_that_it_shared(
    counters: MemoryCounters, balances: _Balances
) -> None:
    dead, heir = (Budgets(counters, balances, clock=lambda: NOW) for _ in range(2))
    accounts = dead.accounts(a_call(Budget(period="week", usd=10)), "fast")
    hold = await dead.reserve(reservation(), accounts)
    entry = charge(hold, accounts.names, DOLLAR)
    balances.add(entry)
    heir.posted([entry], foreign=True)
    assert await state(dead, accounts) == [(DOLLAR, 0)]
    standing = (await counters.standings([f"{KEY}|week:2026-11-23"]))[0]
    assert standing is not None
    assert standing.settled_nano == DOLLAR


async def test_the_soft_limit_is_told_once(counters: MemoryCounters, balances: _Balances) -> None:
    told: list[Alert] = []
    metrics, now = Metrics(), [NOW]
    budgets = Budgets(counters, balances, metrics=metrics, tell=told.append, clock=lambda: now[0])
    accounts = budgets.accounts(a_call(Budget(period="day", usd=10)), "fast")
    for name, nano in (("1", 7 * DOLLAR), ("2", DOLLAR), ("3", DOLLAR // 2)):
        hold = await budgets.reserve(reservation(name), accounts)
        hold.settle(nano, 0)
        entry = charge(hold, accounts.names, nano)
        balances.add(entry)
        budgets.posted([entry], foreign=False)
        assert len(told) == (name != "1")
    assert told[0].account == KEY
    assert told[0].nano == 8 * DOLLAR
    assert [alert.nano for alert in budgets.alerts()] == [8 * DOLLAR + DOLLAR // 2]
    assert b'pilothouse_budget_alerts_total{account="key:abc",period="day"} 1.0' in metrics.render()
    now[0] += 86_400_000_000
    assert budgets.alerts() == []


async def test_a_budget_already_past_its_soft_limit_is_told_when_it_is_first_met(
    counters: MemoryCounters, balances: _Balances, caplog: pytest.LogCaptureFixture
) -> None:
    budgets = Budgets(counters, balances, clock=lambda: NOW)
    balances.add(charge("0", [KEY], 9, tokens=900))
    await budgets.reserve(reservation(), budgets.accounts(a_call(Budget(tokens=1000)), "fast"))
    assert "key:abc|month:2026-11 has passed its soft limit: 900 of 1,000 tokens" in caplog.text


async def test_posting_from_another_thread(budgets: Budgets, balances: _Balances) -> None:
    accounts = budgets.accounts(a_call(Budget(usd=1000)), "fast")

    def enter(name: str) -> None:
        entry = charge(name, accounts.names, 3)
        budgets.posted([entry], foreign=False)

    names = [str(n) for n in range(50)]
    for name in names:
        (await budgets.reserve(reservation(name), accounts)).settle(3, 0)
        balances.add(charge(name, accounts.names, 3))
    threads = [threading.Thread(target=enter, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert await state(budgets, accounts) == [(150, 0)]
