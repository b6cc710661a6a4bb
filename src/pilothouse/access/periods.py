"""Budget periods: which days one covers, and what its fund is called. All days are UTC, counted since 1970-01-01.

Knows nothing of what was spent.
"""

from datetime import date, timedelta
from typing import NamedTuple

from pilothouse.config import Period

__all__ = ["ENDLESS", "Window", "window"]

ENDLESS = 2**31 - 1
"""The day on which a budget for good ends."""

_EPOCH = date(1970, 1, 1)


class Window(NamedTuple):
    """A period's days, from `first` until `end`. `fund` is what follows the account in its fund's name."""

    first: int
    end: int
    fund: str

    @property
    def ends(self) -> date | None:
        """The day on which a new period begins; None for a budget for good."""
        return None if self.end == ENDLESS else _EPOCH + timedelta(days=self.end)


def window(period: Period, day: int) -> Window:
    """The period that `day` lies in: `day:2026-11-27`, `week:2026-11-23` (its Monday), `month:2026-11`, `total`."""
    if period == "total":
        return Window(0, ENDLESS, "total")
    today = _EPOCH + timedelta(days=day)
    if period == "day":
        return Window(day, day + 1, f"day:{today}")
    if period == "week":
        monday = day - today.weekday()
        return Window(monday, monday + 7, f"week:{_EPOCH + timedelta(days=monday)}")
    first = today.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Window((first - _EPOCH).days, (following - _EPOCH).days, f"month:{first:%Y-%m}")
