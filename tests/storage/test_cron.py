"""Cron expressions: what they name next, and what is none."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import InvalidRequest
from pilothouse.storage.cron import Cron


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("* * * * *", "2026-03-01 10:00:00", "2026-03-01 10:01"),
        ("* * * * *", "2026-03-01 10:00:59", "2026-03-01 10:01"),
        ("0 * * * *", "2026-03-01 10:00:00", "2026-03-01 11:00"),
        ("*/15 * * * *", "2026-03-01 10:16", "2026-03-01 10:30"),
        ("5/20 * * * *", "2026-03-01 10:26", "2026-03-01 10:45"),
        ("30 2 * * *", "2026-03-01 02:30", "2026-03-02 02:30"),
        ("30 2 * * *", "2026-12-31 03:00", "2027-01-01 02:30"),
        ("0 9-17/4 * * mon-fri", "2026-03-06 17:30", "2026-03-09 09:00"),
        ("0 0 1 jan,JUL *", "2026-01-01 00:00", "2026-07-01 00:00"),
        ("0 0 * * 7", "2026-03-04 00:00", "2026-03-08 00:00"),
        ("0 0 * * 0", "2026-03-04 00:00", "2026-03-08 00:00"),
        ("0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00"),
        ("0 0 31 * *", "2026-03-31 00:00", "2026-05-31 00:00"),
        # Both day fields restricted: either matches.
        ("0 0 13 * fri", "2026-03-01 00:00", "2026-03-06 00:00"),
        ("0 0 13 * fri", "2026-04-11 00:00", "2026-04-13 00:00"),
        # One of them starts with a star: both must match.
        ("0 0 */2 * mon", "2026-03-01 00:00", "2026-03-09 00:00"),
    ],
)
def test_next(expression: str, after: str, expected: str) -> None:
    assert Cron.parse(expression).next_after(us(after)) == us(expected)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("60 * * * *", "'60' is no minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day of week"),
        ("* * * * moon", "'moon' is no day of week"),
        ("*/0 * * * *", "minute"),
        ("*/ * * * *", "minute"),
        ("9-3 * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        ("1-2-3 * * * *", "minute"),
        ("² * * * *", "minute"),
        ("0 0 30 2 *", "do not have"),
    ],
)
def test_what_is_none_names_its_field(expression: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        Cron.parse(expression)
    assert caught.value.param == "cron"


@given(
    st.sets(st.integers(0, 59), min_size=1), st.sets(st.integers(0, 23), min_size=1),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
)  # fmt: skip
def test_the_next_time_is_later_and_nothing_lies_between(minutes: set[int], hours: set[int], at: datetime) -> None:
    expression = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    start = int(at.replace(tzinfo=UTC).timestamp()) * 1_000_000
    found = Cron.parse(expression).next_after(start)
    assert found > start
    moment = datetime.fromtimestamp(found // 1_000_000, UTC)
    assert (moment.minute in minutes, moment.hour in hours, moment.second) == (True, True, 0)
    minute = 60_000_000
    between = range(start // minute * minute + minute, found, minute)
    times = (datetime.fromtimestamp(t // 1_000_000, UTC) for t in between)
    assert not any(t.minute in minutes and t.hour in hours for t in times)
