"""Sheets: what is read from them is what the rows say and what the spans do, whatever arrives, goes, or comes late."""

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from sqlalchemy import delete, select

from pilothouse.observe.sums.cells import SUMS
from pilothouse.observe.sums.figures import Figures, Period
from pilothouse.observe.sums.overnight import Overnight
from pilothouse.observe.sums.sheets import added, dearest, of_rows, pack, read
from pilothouse.storage import Store
from pilothouse.storage.tables import rollups, sheets

from ..conftest import Write
from ..seeded import DAY_US, HOUR_US, Asked, naive, traffic, within

END = 20_100 * DAY_US + 7 * HOUR_US
PERIODS = (
    Period(END - 12 * DAY_US, END, "day"), Period(END - 7 * DAY_US, END), Period(END - 5 * DAY_US, END - 2 * DAY_US),
    Period(END - 8 * DAY_US, END - 40 * HOUR_US, "day"), Period(END - 30 * HOUR_US, END), Period(END, END + 9 * DAY_US),
)  # fmt: skip
NARROWED: dict[str, Any] = {"feature": "search", "key": "key-1"}


@pytest.fixture
def asked(write: Write) -> list[Asked]:
    made = traffic(END, 300)
    write(span for one in made for span in one.spans)
    return made


@pytest.fixture
def overnight(store: Store) -> Overnight:
    return Overnight(store, lambda: END)


def told(store: Store, periods: Iterable[Period] = PERIODS) -> list[Any]:
    """Figures of all that sheets are read for."""
    figures, found = Figures(store), list[Any]()
    for period in periods:
        found += [figures.by(dimension, period) for dimension in ("model", "user", "key", "error", "endpoint")]
        found += [figures.by("user", period, limit=5, histograms=()), figures.by("model", period, limit=2)]
        found += [figures.by("model", period, only=NARROWED), figures.by("prompt", period, only={"feature": "search"})]
        found += [figures.by_over_time("calls", "model", period, only=NARROWED)]
        found += [figures.users(period), figures.users(period, dearest_of=4)]
    return found


def test_sheets_tell_what_rows_tell_and_spans(store: Store, asked: list[Asked], overnight: Overnight) -> None:
    of_rows_alone = told(store)
    days = {one.root.start_us // DAY_US for one in asked} - {END // DAY_US}
    assert sorted(overnight.run()) == sorted(days)
    assert told(store) == of_rows_alone
    assert [*overnight.run()] == []
    for period in PERIODS[:4]:
        inside = within(
            asked,
            period.since_us // period.step_us * period.step_us,
            -(-period.until_us // period.step_us) * period.step_us,
        )
        for user, one in Figures(store).by("user", replace(period, told_by="day")).items():
            days_of = within(asked, period.days.start * DAY_US, period.days.stop * DAY_US, user=user)
            assert {name: getattr(one, name) for name in SUMS} == naive(days_of)
        for key, one in Figures(store).by("key", period).items():
            assert one.cost_nano == sum(o.call.cost_nano or 0 for o in inside if o.root.key_id == key)


def test_days_that_are_over_are_read_from_their_sheets_alone(
    store: Store, asked: list[Asked], overnight: Overnight
) -> None:
    period, figures = PERIODS[3], Figures(store)
    before = [figures.users(period, dearest_of=9), figures.by("key", period, histograms=())]
    assert len([*overnight.run()])
    with store.observe.begin() as connection:
        connection.execute(delete(rollups))
    assert [figures.users(period, dearest_of=9), figures.by("key", period, histograms=())] == before


def test_what_comes_late_is_there_at_once(write: Write, store: Store, asked: list[Asked], overnight: Overnight) -> None:
    """A span of a day that has its sheet; one that turns a request into the part of another, which takes it back."""
    made = len([*overnight.run()])
    late = traffic(END - 3 * DAY_US, 4, days=1, seed=9, project="late")
    for one in late:
        for span in one.spans:
            span.project_id = "default"
        write(one.spans)
    first, user = asked[1].root, asked[1].root.user_id or ""
    before = Figures(store).by("user", PERIODS[0])
    above = structs.replace(
        first, id="above", kind="chain", start_us=first.start_us - 1, user_id="another", usage=None, cost_nano=None
    )
    write([above])
    after = Figures(store).by("user", PERIODS[0])
    assert (after["another"].requests, after[user].requests) == (1, before[user].requests - 1)
    first_day = first.start_us // DAY_US
    with_some = told(store)
    touched = {one.root.start_us // DAY_US for one in late} | {first_day}
    again = [*overnight.run()]
    assert set(again) <= touched
    assert 0 < len(again) < made
    assert told(store) == with_some
    with store.observe.begin() as connection:
        connection.execute(delete(sheets))
    assert told(store) == with_some


def test_in_whatever_order_and_with_sheets_between(write: Write, store: Store, overnight: Overnight) -> None:
    spans = [span for one in traffic(END, 40, days=3) for span in one.spans]
    random.Random(3).shuffle(spans)
    for start in range(0, len(spans), 15):
        write(spans[start : start + 15])
        assert len([*overnight.run()])
    found = told(store, PERIODS[:2])
    with store.observe.begin() as connection:
        connection.execute(delete(sheets))
    assert told(store, PERIODS[:2]) == found


def test_a_day_that_is_not_over_has_no_sheet(store: Store, asked: list[Asked]) -> None:
    assert len([*Overnight(store, lambda: END - 3 * DAY_US).run()])
    with store.observe.connect() as connection:
        days = set(connection.execute(select(sheets.c.day)).scalars())
    assert max(days) == (END - 3 * DAY_US) // DAY_US - 1


def test_a_sheet_holds_numbers_of_any_size(store: Store) -> None:
    sums = [[0, 1, -1, 127, 128, -128, -129, 2**31, -(2**31), 2**62, -(2**63), 2**63 - 1], [1] * 12, [0] * 12]
    part = of_rows([(name, *row) for name, row in zip(("a", "ü\n", ""), sums, strict=True)], SUMS)
    named, packed = pack(part)
    with store.observe.begin() as connection:
        row = {"project_id": "p", "day": 3, "dimension": "key", "named": named, "sums": packed}
        connection.execute(sheets.insert(), row)
        found, rest = read(connection, "p", "key", range(2, 5), SUMS)
        some, _ = read(connection, "p", "key", range(2, 5), SUMS[9:3:-2])
        held, _ = read(connection, "p", "key", range(2, 5), SUMS, "ü")
        none, gone = read(connection, "p", "key", range(2, 5), SUMS, "z")
    assert rest == [2, 4]
    assert found[3][0] == ["a", "ü\n", ""]
    assert found[3][1].tolist() == sums
    assert some[3][1].tolist() == [row[9:3:-2] for row in sums]
    assert (held[3][0], held[3][1].tolist()) == (["ü\n"], [[1] * 12])
    assert (len(none[3][0]), none[3][1].shape, gone) == (0, (0, 12), [2, 4])


def test_values_are_added_up_and_the_dearest_come_first() -> None:
    parts = [
        (["a", "b", "c"], np.array([[1, 2, 0], [5, 0, 0], [5, 1, 0]])),
        (["c", "a"], np.array([[0, 0, 1], [4, 0, 0]])),
    ]
    values, sums = added(parts, 3)
    assert list(dearest(values, sums, None)) == ["a", "c", "b"]
    assert list(dearest(values, sums, 2)) == ["a", "c"]
    assert dearest(values, sums, 0) == {}
    named, joined = added(parts, 3, {"a": "x", "b": None, "c": "x"}.get)
    assert (named, joined.tolist()) == (["x"], [[10, 3, 1]])
    assert dearest(*added([], 3), 5) == {}
