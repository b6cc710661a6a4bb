from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.access.periods import window
from pilothouse.config import Period

EPOCH = date(1970, 1, 1)


def day(*when: int) -> int:
    return (date(*when) - EPOCH).days


@pytest.mark.parametrize(
    ("period", "on", "fund", "first", "ends"),
    [
        ("day", (2026, 11, 27), "day:2026-11-27", (2026, 11, 27), date(2026, 11, 28)),
        ("week", (2026, 11, 27), "week:2026-11-23", (2026, 11, 23), date(2026, 11, 30)),
        ("week", (2027, 1, 1), "week:2026-12-28", (2026, 12, 28), date(2027, 1, 4)),
        ("month", (2026, 11, 27), "month:2026-11", (2026, 11, 1), date(2026, 12, 1)),
        ("month", (2026, 12, 31), "month:2026-12", (2026, 12, 1), date(2027, 1, 1)),
        ("month", (2028, 2, 29), "month:2028-02", (2028, 2, 1), date(2028, 3, 1)),
        ("total", (2026, 11, 27), "total", (1970, 1, 1), None),
    ],
)
def test_periods(period: Period, on: tuple[int, int, int], fund: str, first: tuple[int, int, int], ends: date) -> None:
    found = window(period, day(*on))
    assert found.fund == fund
    assert found.first == day(*first)
    assert found.ends == ends


@given(on=st.integers(0, 60_000), period=st.sampled_from(["day", "week", "month", "total"]))
def test_every_day_of_a_period_is_in_it(on: int, period: Period) -> None:
    found = window(period, on)
    assert found.first <= on < found.end
    assert {window(period, at) for at in (found.first, min(found.end - 1, 60_000))} == {found}
