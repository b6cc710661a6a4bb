"""Cron expressions: five fields, in UTC, to the next time they name. Knows nothing of jobs.

    minute 0-59 | hour 0-23 | day of month 1-31 | month 1-12 or jan-dec | day of week 0-7 or sun-sat (0 and 7: Sunday)

A field is `*`, a number, a range `a-b`, either with a step `/n`, or a list of those. As in crontab(5), where both day
fields are restricted a day matches when either does.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from pilothouse.errors import InvalidRequest

__all__ = ["Cron"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_HORIZON_DAYS = 366 * 8 + 1  # 29 February may be eight years away: 2096 to 2104


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression. `any_day` and `any_weekday` tell an unrestricted field from one that lists every day."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidRequest naming the field that is wrong, or when no day ever matches."""
        parts = text.lower().split()
        if len(parts) != len(_FIELDS):
            raise InvalidRequest(
                f"'{text}' is no cron expression: write five fields, minute hour day month weekday.", param="cron"
            )
        minutes, hours, days, months, week = (_values(part, *field) for part, field in zip(parts, _FIELDS, strict=True))
        weekdays = frozenset(day % 7 for day in week)
        cron = cls(minutes, hours, days, months, weekdays, parts[2].startswith("*"), parts[4].startswith("*"))
        cron._next_day(date(2024, 1, 1))
        return cron

    def next_after(self, at_us: int) -> int:
        """The first matching minute strictly after `at_us`; both UTC microseconds."""
        start = datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(second=0) + timedelta(minutes=1)
        times = [(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]
        day = self._next_day(start.date())
        left_today = [moment for moment in times if moment >= (start.hour, start.minute)]
        if day > start.date():
            hour, minute = times[0]
        elif left_today:
            hour, minute = left_today[0]
        else:
            day, (hour, minute) = self._next_day(day + timedelta(days=1)), times[0]
        return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).timestamp()) * 1_000_000

    def _next_day(self, day: date) -> date:
        """The first matching day from `day` on. Raises InvalidRequest when there is none, as for 30 February."""
        for ahead in range(_HORIZON_DAYS):
            candidate = day + timedelta(days=ahead)
            if candidate.month in self.months and self._is_day(candidate):
                return candidate
        raise InvalidRequest("The cron expression names a day that its months do not have.", param="cron")

    def _is_day(self, day: date) -> bool:
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week


def _values(text: str, field: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, stop = low, high
        else:
            start = _number(first, field, low, high, names)
            stop = _number(last, field, low, high, names) if dash else (high if step else start)
        if start > stop or (step or "1") == "0" or not (step or "1").isdecimal() or item.endswith("/"):
            raise InvalidRequest(f"'{item}' is no {field} of a cron expression.", param="cron")
        found.update(range(start, stop + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, field: str, low: int, high: int, names: dict[str, int]) -> int:
    number = names.get(text, int(text) if text.isdecimal() else -1)
    if not low <= number <= high:
        raise InvalidRequest(f"'{text}' is no {field} of a cron expression ({low} to {high}).", param="cron")
    return number
