"""Spending over days, as drawings: a budget's burn-down, and bars for days. Plain arithmetic over days since 1970.

The projection goes on as the last days went: their mean, added for each day that is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["BurnDown", "DayBar", "burn_down", "day_bars", "projected"]

CHART_WIDTH, CHART_HEIGHT = 480, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 4, 476, 14, 132
_HEADROOM = 1.08
_MEAN_OF = 7  # days
_BARS_HEIGHT = 60

Spending = Sequence[tuple[int, int]]
"""(day, amount), of days with calls alone, in order."""


@dataclass(frozen=True, slots=True)
class BurnDown:
    """The lines of a chart of 480 by 150 units, as points that SVG reads; empty, or None, where there is no such line.

    `projected` is the amount that the projection ends with; `first` and `last` are days.
    """

    spent: str
    area: str
    ideal: str
    projection: str
    projected: int | None
    limit_y: float
    soft_y: float | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class DayBar:
    """A day's bar in a drawing of 1000 by 60 units, and the amount that it stands for."""

    day: int
    x: float
    width: float
    y: float
    height: float
    amount: int


def projected(spending: Spending, first: int, end: int, today: int) -> int | None:
    """What a period of days `first` until `end` will have cost, if its days to come go as the last 7 whole days did.

    `spending` may hold days before `first`: they count for the mean. None where there is no whole day to go by.
    """
    amounts = dict(spending)
    begun = min(amounts, default=today)
    whole = range(max(begun, today - _MEAN_OF), today)
    if not whole:
        return None
    mean = sum(amounts.get(day, 0) for day in whole) / len(whole)
    before = sum(amount for day, amount in spending if first <= day < today)
    return round(before + max(amounts.get(today, 0), mean) + mean * (end - today - 1))


def burn_down(
    spending: Spending, first: int, end: int | None, today: int, limit: int, soft: int, before: int = 0
) -> BurnDown:
    """The chart of a budget of `limit` over the days from `first` until `end`; spending is added up day by day.

    A budget without an `end` is drawn until today, without a projection. `before` was spent before `first`.
    """
    amounts, ends = dict(spending), end is not None
    end = today + 1 if end is None else end
    sums, total = [before], before
    for day in range(first, today + 1):
        total += amounts.get(day, 0)
        sums.append(total)
    expected = projected(spending, first, end, today) if end > today + 1 else None
    top = max(limit, total, expected or 0, 1) * _HEADROOM

    def x(day: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (day - first) / (end - first), 1)

    def y(amount: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * amount / top, 1)

    points = [(x(first + index), y(amount)) for index, amount in enumerate(sums)]
    now = x(today + 1)
    ahead = [] if expected is None else [points[-1], (x(end), y(expected))]
    return BurnDown(
        spent=_line(points), area=_line([(points[0][0], _BOTTOM), *points, (now, _BOTTOM)]),
        ideal=_line([(x(first), y(0)), (x(end), y(limit))] if ends else []), projection=_line(ahead),
        projected=expected, limit_y=y(limit), soft_y=y(soft) if 0 < soft < limit else None,
        first=first, last=end - 1,
    )  # fmt: skip


def day_bars(spending: Spending, first: int, last: int) -> list[DayBar]:
    """Bars for each day from `first` to `last`; that of the largest amount fills the height."""
    amounts = dict(spending)
    most = max((amounts.get(day, 0) for day in range(first, last + 1)), default=0)
    step = 1000 / (last - first + 1)
    bars = []
    for day in range(first, last + 1):
        amount = amounts.get(day, 0)
        height = round(_BARS_HEIGHT * amount / most, 1) if most else 0.0
        x, y = round((day - first) * step, 1), round(_BARS_HEIGHT - height, 1)
        bars.append(DayBar(day, x, round(step * 0.78, 1), y, height, amount))
    return bars


def _line(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
