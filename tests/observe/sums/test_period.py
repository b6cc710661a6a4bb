"""Periods: whole hours or days, and what a sum over them reads."""

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.observe.sums.period import HOUR_US, Period

DAY_US = 24 * HOUR_US
NOW = 20_000 * DAY_US + 5 * HOUR_US + 1234


def test_the_last_hours_and_days_include_the_one_under_way() -> None:
    day = Period.last("24h", NOW)
    assert (day.grain, day.steps) == ("hour", range(20_000 * 24 - 18, 20_000 * 24 + 6))
    month = Period.last("30d", NOW)
    assert (month.grain, month.steps) == ("day", range(19_971, 20_001))
    assert Period.last("1d", NOW).steps == day.steps
    assert len(Period.last("7d", NOW, "day").steps) == 7
    assert len(Period.last("2w", NOW, "hour").steps) == 14 * 24
    at_the_beginning = Period.last("1h", 20_000 * DAY_US)
    assert at_the_beginning.steps == range(20_000 * 24, 20_000 * 24 + 1)


def test_the_period_before_neither_overlaps_nor_leaves_a_gap() -> None:
    for length in ("1h", "24h", "7d", "9d", "4w"):
        period = Period.last(length, NOW)
        before = period.before()
        assert before.steps.stop == period.steps.start
        assert len(before.steps) == len(period.steps)


@pytest.mark.parametrize("length", ["1h", "5h", "24h", "50h", "7d", "8d", "30d"])
def test_a_sum_reads_every_hour_once(length: str) -> None:
    period = Period.last(length, NOW)
    hours: list[int] = []
    for grain, steps in period.stretches():
        hours += steps if grain == "hour" else [day * 24 + hour for day in steps for hour in range(24)]
    step = period.step_us // HOUR_US
    assert sorted(hours) == list(range(period.steps.start * step, period.steps.stop * step))
    assert sum(len(steps) for _, steps in period.stretches()) <= 48


@pytest.mark.parametrize("length", ["", "7", "0d", "7m", "-7d", "7 d", "1000000d", "99999d", "٣d", "7d\n"])
def test_what_is_no_length(length: str) -> None:
    with pytest.raises(InvalidRequest):
        Period.last(length, NOW)


def test_what_is_no_period() -> None:
    for since, until, grain in ((5, 5, None), (-1, 5, None), (0, 400 * DAY_US, "hour"), (0, 5, "week")):
        with pytest.raises(InvalidRequest):
            Period(since, until, grain)  # type: ignore[arg-type]
