"""The time that figures are about: from when until when, told by hours or by days. Knows nothing of databases."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pilothouse.errors import InvalidRequest
from pilothouse.observe.sums.rollups import GRAINS

__all__ = ["HOUR_US", "Grain", "Period", "Stretch"]

HOUR_US = 3_600_000_000
Grain = Literal["hour", "day"]
Stretch = tuple[Grain, Sequence[int]]
"""Hours or days, by their number since 1970-01-01 UTC."""

_FINE_HOURS = 8 * 24  # a longer period is told by days
_FINEST_HOURS = 62 * 24
_LONGEST_HOURS = 10 * 366 * 24
_LENGTH = re.compile(r"([0-9]{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


@dataclass(frozen=True, slots=True)
class Period:
    """From `since_us` until before `until_us`, UTC microseconds, widened to whole hours or days.

    It is told by hours up to eight days and by days where it is longer, or by the `told_by` that was asked for.
    """

    since_us: int
    until_us: int
    told_by: Grain | None = None

    def __post_init__(self) -> None:
        lasting = self.until_us - self.since_us
        if not 0 <= self.since_us < self.until_us or lasting > _LONGEST_HOURS * HOUR_US:
            raise InvalidRequest("A period begins before it ends, and lasts ten years at most.", param="since_us")
        if self.told_by not in (None, *get_args(Grain)):
            raise InvalidRequest(f"'{self.told_by}' is no grain. There are: hour, day.", param="grain")
        if self.told_by == "hour" and lasting > _FINEST_HOURS * HOUR_US:
            raise InvalidRequest("By hours, a period lasts 62 days at most: ask for the grain 'day'.", param="grain")

    @classmethod
    def last(cls, length: str, now_us: int, told_by: Grain | None = None) -> "Period":
        """The last `24h`, `7d` or `4w`: that many whole hours or days, the one that is under way included."""
        match = _LENGTH.fullmatch(length)
        if match is None or not int(match[1]):
            raise InvalidRequest(f"'{length[:40]}' is no length of time. Say such as 24h, 7d or 4w.", param="period")
        hours = int(match[1]) * _HOURS[match[2]]
        by_day = told_by == "day" or (told_by is None and hours > _FINE_HOURS)
        step = 24 * HOUR_US if by_day else HOUR_US
        until = -(-(now_us + 1) // step) * step
        return cls(max(0, until - hours * HOUR_US), until, told_by)

    @property
    def grain(self) -> Grain:
        return self.told_by or ("hour" if self.until_us - self.since_us <= _FINE_HOURS * HOUR_US else "day")

    @property
    def step_us(self) -> int:
        return GRAINS[self.grain] * HOUR_US

    @property
    def steps(self) -> range:
        """The numbers of its hours or days."""
        return self._numbers(self.step_us)

    @property
    def days(self) -> range:
        """The numbers of the days that it touches."""
        return self._numbers(24 * HOUR_US)

    def before(self) -> "Period":
        """The period of the same length that ended as this one began."""
        return Period(max(0, 2 * self.since_us - self.until_us), max(1, self.since_us), self.told_by)

    def stretches(self) -> list[Stretch]:
        """The same time in as few hours and days as there are: what a sum over the period adds up."""
        if self.grain == "day":
            return [("day", self.steps)]
        hours = self.steps
        days = range(-(-hours.start // 24), hours.stop // 24)
        if not days:
            return [("hour", hours)]
        edges = [*range(hours.start, days.start * 24), *range(days.stop * 24, hours.stop)]
        return [("day", days), ("hour", edges)] if edges else [("day", days)]

    def _numbers(self, step_us: int) -> range:
        return range(self.since_us // step_us, -(-self.until_us // step_us))
