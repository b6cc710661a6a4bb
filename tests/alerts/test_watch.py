"""One process evaluates for all, and takes over from one that fell silent; budgets become alerts."""

from collections.abc import AsyncIterator
from datetime import date

import pytest_asyncio

from pilothouse.access.alerts import Alert as BudgetAlert
from pilothouse.alerts.watch import AlertWatch
from pilothouse.monitoring import AlertsConfig
from pilothouse.notify.channels import Senders
from pilothouse.notify.postman import Postman
from pilothouse.storage.turns import Turn

from .conftest import Alarm
from .seeding import hour_of

_BUDGET = BudgetAlert("key:k1", "month", "key:k1/month/2025-11", date(2025, 12, 1), 8 * 10**9, 10**10, 5, None)


@pytest_asyncio.fixture
async def senders() -> AsyncIterator[Senders]:
    senders = Senders()
    yield senders
    await senders.aclose()


def _watch(alarm: Alarm, senders: Senders) -> AlertWatch:
    def config() -> AlertsConfig:
        return alarm.config

    postman = Postman(alarm.outbox, senders, config)
    turn = Turn(alarm.store.control, "alerts", seconds=30, clock=alarm.clock)
    return AlertWatch(
        alarm.evaluator, alarm.drifts, alarm.book, alarm.outbox, postman, turn, config, lambda: ["default"], alarm.clock
    )


async def test_one_of_two_evaluates_until_it_falls_silent(alarm: Alarm, senders: Senders) -> None:
    alarm.config = AlertsConfig()
    alarm.put(hour_of(alarm.clock.hour, 100, failed=40))
    one, other = _watch(alarm, senders), _watch(alarm, senders)
    assert await one.tick() is not None
    assert await other.tick() is None
    assert await one.tick() is None  # it is not due yet
    alarm.clock.forward(2)
    assert await other.tick() is not None
    assert await one.tick() is None
    alarm.clock.forward(2)
    done = await one.tick()
    assert done is not None
    assert done.opened == 1
    assert len(alarm.book.list()) == 1


async def test_a_budget_past_its_soft_limit_is_told_once(alarm: Alarm, senders: Senders) -> None:
    one, other = _watch(alarm, senders), _watch(alarm, senders)
    alarm.config = AlertsConfig()
    for watch in (one, other):
        watch.budget(_BUDGET)
        await watch.tick()
    (alert,) = alarm.book.list()
    assert (alert.rule, alert.subject, alert.link) == ("budget", _BUDGET.fund, "/console/budgets")
    assert alert.text == (
        "The budget key:k1/month/2025-11 has passed its soft limit: $8.0000 of $10.0000. "
        "The period ends before 2025-12-01."
    )
    alarm.clock.forward(8 * 24 * 60)
    await one.tick()
    assert alarm.book.get(alert.id).status == "cleared"


async def test_switched_off_budgets_raise_nothing_either(alarm: Alarm, senders: Senders) -> None:
    alarm.config = AlertsConfig(enabled=False)
    watch = _watch(alarm, senders)
    watch.budget(_BUDGET)
    await watch.tick()
    assert alarm.book.list() == []
