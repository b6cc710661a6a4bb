"""What is too old goes, and nothing else: the sums stay, late spans stay out, and writers come through meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from pilothouse.call import Span
from pilothouse.observe import Drainer, Traces
from pilothouse.observe.privacy import retention as module
from pilothouse.observe.privacy.retention import Gone, Retention
from pilothouse.observe.scores import Score, Scores
from pilothouse.observe.sums.overnight import Overnight
from pilothouse.privacy import RetentionConfig
from pilothouse.storage import Store, writing
from pilothouse.storage.tables import (
    backfills,
    drifts,
    erasures,
    ledger,
    payloads,
    rollups,
    score_rollups,
    scores,
    sheets,
    spans,
    traces,
)

from ..conftest import Write
from ..making import full_span

DAY_US = 86_400_000_000
TODAY = 20_784
NOW = TODAY * DAY_US + 3_600_000_000
AGES = RetentionConfig(payloads=2, spans=10, rollups=20)
FOR_EVER = RetentionConfig(payloads=0, spans=0, rollups=0)


def made(trace: str, days_ago: float, **changes: Any) -> Span:
    start = NOW - int(days_ago * DAY_US)
    return full_span(trace_id=trace, start_us=start, **changes)


def rows(store: Store, table: Any) -> list[tuple[Any, ...]]:
    with store.observe.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(select(table)))


def count(store: Store, table: Any) -> int:
    with store.observe.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def kept(store: Store) -> list[str]:
    with store.observe.connect() as connection:
        return sorted(connection.execute(select(traces.c.trace_id)).scalars())


@pytest.fixture
def retention(store: Store) -> Retention:
    return Retention(store, clock=lambda: NOW)


def swept(retention: Retention, ages: RetentionConfig = AGES) -> Gone:
    gone = Gone()
    for step in retention.run(ages):
        gone.add(step)
    return gone


def test_traces_go_with_all_that_is_theirs_and_the_sums_stay(write: Write, store: Store, retention: Retention) -> None:
    write([made("old", 11), made("old", 10.5, name="late part"), made("other", 30), made("new", 9)])
    judged = Scores(store)
    judged.put("default", [Score(id=t, trace_id=t, name="good", value=1.0, at_us=NOW) for t in ("old", "new")])
    judged.put("default", [Score(id="loose", session_id="s", name="x", value=1.0, at_us=NOW - 11 * DAY_US)])
    sums = rows(store, rollups), rows(store, score_rollups), rows(store, ledger)
    plan = retention.plan(AGES)
    assert (plan.traces, plan.spans, plan.scores) == (2, 3, 2)
    assert kept(store) == ["new", "old", "other"]
    gone = swept(retention, AGES.model_copy(update={"rollups": 0}))
    assert (gone.traces, gone.spans, gone.scores) == (2, 3, 2)
    assert kept(store) == ["new"]
    assert (count(store, spans), [row[1] for row in rows(store, scores)]) == (1, ["new"])
    assert (rows(store, rollups), rows(store, score_rollups), rows(store, ledger)) == sums
    assert swept(retention, AGES.model_copy(update={"rollups": 0})) == Gone()


def test_a_late_span_is_left_out_and_its_charge_is_not(write: Write, store: Store, retention: Retention) -> None:
    write([made("old", 11), made("new", 9)])
    swept(retention)
    sums, charged = rows(store, rollups), count(store, ledger)
    write([made("old", 10.9, charge_id="c1", accounts=["key:key-1"], cost_nano=5), made("elsewhere", 12)])
    assert (kept(store), count(store, spans), rows(store, rollups)) == (["new"], 1, sums)
    assert count(store, ledger) == charged + 1
    write([made("new", 9.5), made("old", 10.8, project_id="other")])
    assert (kept(store), count(store, spans)) == (["new", "old"], 3)


def test_a_trace_that_has_not_ended_stays(write: Write, store: Store, retention: Retention) -> None:
    long = made("long", 11)
    long.end_us = NOW - 9 * DAY_US
    write([long])
    assert not swept(retention, AGES)
    assert kept(store) == ["long"]


def test_bodies_go_by_the_day_on_which_they_came(store: Store, retention: Retention) -> None:
    for ago in range(5):
        with writing(store.observe) as connection:
            store.payloads.put(connection, TODAY - ago, [("default", str(ago), "s", b"body")])
    plan = retention.plan(AGES)
    assert plan.days == 2
    assert plan.bytes > 0
    assert swept(retention).days == 2
    with store.observe.connect() as connection:
        assert [size.day for size in store.payloads.sizes(connection)] == [TODAY - 2, TODAY - 1, TODAY]


def test_a_trace_outlives_its_bodies(write: Write, store: Store) -> None:
    span = full_span()
    write([span])
    later = Retention(store, clock=lambda: span.start_us + 4 * DAY_US)
    assert swept(later).days == 1
    (left,) = Traces(store).get(span.trace_id).spans
    assert (left.input, left.name) == (None, span.name)


def test_bodies_of_before_there_were_days(write: Write, store: Store, retention: Retention) -> None:
    old, new = made("old", 5, input=None, output=None), made("new", 1, input=None, output=None)
    write([old, new])
    with store.observe.begin() as connection:
        for span in (old, new):
            row = {"project_id": "default", "trace_id": span.trace_id, "span_id": span.id, "body": b"x"}
            connection.execute(insert(payloads), row)
    assert retention.plan(AGES).bodies == swept(retention).bodies == 1
    assert [row[1] for row in rows(store, payloads)] == ["new"]


def test_rollups_go_by_their_own_time(write: Write, store: Store, retention: Retention) -> None:
    write([made("ancient", 25), made("old", 15), made("new", 1)])
    Scores(store).put("default", [Score(id="s", trace_id="ancient", name="good", value=1.0)])
    drift = dict.fromkeys(("statistic", "p", "effect", "usual", "furthest"), 0.5)
    drift |= {"project_id": "default", "kind": "input", "measure": "questions", "samples": 9, "earlier": 9, "days": 9}
    with store.observe.begin() as connection:
        connection.execute(insert(drifts), [drift | {"day": TODAY - ago} for ago in (25, 20)])
    plan = retention.plan(AGES)
    assert plan.rollups >= 21
    assert len([*Overnight(store, lambda: NOW).run()])
    sheeted = {row[1] for row in rows(store, sheets)}
    assert swept(retention).rollups == plan.rollups
    assert {row[1] for row in rows(store, sheets)} == {day for day in sheeted if day >= TODAY - 20} < sheeted
    days = {row[3] for row in rows(store, rollups) if row[1] == "day"}
    assert days == {TODAY - 15, TODAY - 1}
    assert {row[3] // 24 for row in rows(store, rollups) if row[1] == "hour"} == days
    assert rows(store, score_rollups) == []
    assert [row[1] for row in rows(store, drifts)] == [TODAY - 20]


def test_for_ever_is_for_ever(write: Write, store: Store, retention: Retention) -> None:
    write([made("old", 5000)])
    assert retention.plan(FOR_EVER) == swept(retention, FOR_EVER) == Gone()
    assert kept(store) == ["old"]


def test_steps_are_small_and_writers_come_through_between_them(
    write: Write, store: Store, retention: Retention, drainer: Drainer
) -> None:
    write(made(f"t{i // 3}", 11, input=None, output=None) for i in range(4500))
    steps = retention.run(AGES)
    seen = [step.spans for step in _with_writes(steps, write)]
    assert sum(seen) == 4500
    assert max(seen) <= 2002
    assert len(seen) >= 3
    assert drainer.lag.bytes == 0
    assert len(kept(store)) == len(seen)


def _with_writes(steps: Iterator[Gone], write: Write) -> Iterator[Gone]:
    for i, step in enumerate(steps):
        write([made(f"meanwhile {i}", 1)])
        yield step


def test_before_everything_is_summed_up_no_trace_goes(write: Write, store: Store, retention: Retention) -> None:
    write([made("old", 11)])
    with store.observe.begin() as connection:
        connection.execute(insert(backfills), {"project_id": "default", "name": "summaries", "place": ""})
    assert not swept(retention)
    assert kept(store) == ["old"]


def test_the_time_before_which_nothing_is_let_in_only_grows(write: Write, store: Store) -> None:
    write([made("old", 11), made("older", 40)])
    swept(Retention(store, clock=lambda: NOW))
    write([made("x", 9)])
    swept(Retention(store, clock=lambda: NOW), RetentionConfig(payloads=2, spans=5, rollups=0))
    (row,) = rows(store, erasures)
    swept(Retention(store, clock=lambda: NOW - 3 * DAY_US), RetentionConfig(payloads=2, spans=6, rollups=0))
    assert rows(store, erasures) == [row]
    by_day = store.observe.dialect.name == "postgresql"
    assert row[3] == (TODAY - 5) * DAY_US if by_day else NOW - 5 * DAY_US


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_file_becomes_smaller(
    write: Write, store: Store, retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FREE_PAGES", 20)

    def pages() -> tuple[int, int]:
        with store.observe.connect() as connection:
            return tuple(
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("page_count", "freelist_count")
            )

    write(made(f"t{i}", 11) for i in range(1000))
    before, _ = pages()
    swept(retention)
    after, free = pages()
    assert free < 20
    assert after < before / 2
