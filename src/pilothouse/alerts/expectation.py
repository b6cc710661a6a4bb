"""What is usual at this hour of the week, and how far ordinary hours stray from it. Knows nothing of rules.

Usual is the median over the same window of up to four earlier weeks, so that one bad week does not count; until there
are two of them, over up to six earlier days; for scores the mean of the last seven days. How far hours stray is the
spread (stats.robust) of the differences of the windows of the last fourteen days that end within three hours of this
time of day: each from what was usual for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pilothouse.alerts.measures import ADDITIVE, Window, difference, window_of
from pilothouse.monitoring import Measure
from pilothouse.stats.robust import median, spread

__all__ = ["HISTORY_HOURS", "Expectation", "Series", "expect"]

_DAY, _WEEK = 24, 168
HISTORY_HOURS = 6 * _WEEK + _DAY
"""How many hours back a series should reach."""

Series = Mapping[int, Mapping[str, Any]]
"""Rows of `rollups` (or of `score_rollups`) by hour; hours in which nothing happened are left out."""

_NEAR = 3  # hours of the day to each side
_LEAST_DAYS = 3
_LEAST_WEEKS = 2
_LEAST_DIFFERENCES = 20
_LEAST_SPREAD = 0.04


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is usual for a window that ends in the hour for which it was made.

    `whole` has the figure of each earlier window: of additive measures without its last hour, which is in `last`.
    `weekly` says whether these are weeks, not days.
    """

    measure: Measure
    whole: tuple[float, ...]
    last: tuple[float, ...]
    spread: float
    weekly: bool

    def usual(self, fraction: float) -> float:
        """The usual figure where `fraction` (0 to 1) of the last hour has passed."""
        return median([whole + fraction * last for whole, last in zip(self.whole, self.last, strict=True)])


class _Past:
    """Windows of a series, each added up once."""

    def __init__(self, series: Series, hours: int, measure: Measure) -> None:
        self._series, self._hours, self._measure = series, hours, measure
        self._known: dict[tuple[int, int], float | None] = {}
        self.first = min(series)

    def value(self, end: int, hours: int | None = None) -> float | None:
        """The figure of the window whose last hour is `end`."""
        width = self._hours if hours is None else hours
        key = end, width
        if key not in self._known:
            self._known[key] = self.window(end, width).value(self._measure)
        return self._known[key]

    def window(self, end: int, width: int) -> Window:
        return window_of(self._series[h] for h in range(end - width + 1, end + 1) if h in self._series)

    def reaches(self, end: int) -> bool:
        """Whether the whole window lies after the beginning of the series."""
        return end - self._hours + 1 >= self.first

    def earlier(self, end: int) -> list[int]:
        """The ends of the windows to compare with."""
        weeks = [end - k * _WEEK for k in range(1, 5) if self.reaches(end - k * _WEEK)]
        if len(weeks) >= _LEAST_WEEKS:
            return weeks
        days = [end - k * _DAY for k in range(1, 7) if self.reaches(end - k * _DAY)]
        return days if len(days) >= _LEAST_DAYS else []

    def usual(self, end: int) -> float | None:
        if self._measure == "score":
            return self.value(end - self._hours, _WEEK) if end - self._hours - _DAY >= self.first else None
        values = [value for e in self.earlier(end) if (value := self.value(e)) is not None]
        return median(values) if values else None


def expect(series: Series, hour: int, hours: int, measure: Measure) -> Expectation | None:
    """What to expect of a window of `hours` that ends in `hour`; None where too little is known."""
    if not series:
        return None
    past = _Past(series, hours, measure)
    stray = _spread(past, hour, measure)
    if stray is None:
        return None
    if measure == "score":
        usual = past.usual(hour)
        return None if usual is None else Expectation(measure, (usual,), (0.0,), stray, weekly=True)
    ends = past.earlier(hour)
    weekly = bool(ends) and hour - ends[0] == _WEEK
    if measure in ADDITIVE:
        last = [past.value(end, 1) or 0.0 for end in ends]
        whole = [(past.value(end) or 0.0) - one for end, one in zip(ends, last, strict=True)]
    else:
        whole = [value for end in ends if (value := past.value(end)) is not None]
        last = [0.0] * len(whole)
    return Expectation(measure, tuple(whole), tuple(last), stray, weekly) if whole else None


def _spread(past: _Past, hour: int, measure: Measure) -> float | None:
    differences = []
    for end in range(hour - 14 * _DAY, hour):
        if abs((end - hour + 12) % 24 - 12) <= _NEAR:
            value, usual = past.value(end) if past.reaches(end) else None, past.usual(end)
            if value is not None and usual is not None:
                differences.append(difference(measure, value, usual))
    if len(differences) < _LEAST_DIFFERENCES:
        return None
    return max(_LEAST_SPREAD, spread(differences))
