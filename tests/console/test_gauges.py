"""How much of a budget is used."""

from decimal import Decimal

import pytest

from pilothouse.access.budgets import BudgetStanding
from pilothouse.access.purses import Purse
from pilothouse.config import Budget
from pilothouse.console.gauges import Gauge, fullest, gauges


def standing(nano: int = 0, held: int = 0) -> BudgetStanding:
    purse = Purse("key:x", "default", "month", [Budget(usd=Decimal(5))])
    return BudgetStanding(purse, nano, 0, held, 0)


@pytest.mark.parametrize(
    ("used", "held", "limit", "state", "widths"),
    [
        (0, 0, 100, "ok", (0, 0)),
        (79, 10, 100, "ok", (790, 100)),
        (80, 50, 100, "soft", (800, 200)),
        (100, 0, 100, "over", (1000, 0)),
        (500, 9, 100, "over", (1000, 0)),
        (0, 0, 0, "over", (1000, 0)),
    ],
)
def test_bars(used: int, held: int, limit: int, state: str, widths: tuple[float, float]) -> None:
    gauge = Gauge(used, held, limit, round(limit * 0.8), "tokens")
    assert gauge.state == state
    assert (gauge.used_width, gauge.held_width) == widths
    assert gauge.soft_x == (800 if limit else None)


def test_a_bar_for_each_unit_the_fuller_first() -> None:
    purse = Purse("key:x", "default", "month", [Budget(usd=Decimal(10), tokens=100)])
    found = gauges(BudgetStanding(purse, 10**9, 90, 0, 0))
    assert [(gauge.unit, gauge.fullness) for gauge in found] == [("tokens", 0.9), ("usd", 0.1)]


def test_the_one_with_least_room() -> None:
    assert fullest([]) is None
    loose, tight = standing(nano=1), standing(held=4_000_000_000)
    found = fullest([loose, tight])
    assert found is not None
    assert found[0] is tight
