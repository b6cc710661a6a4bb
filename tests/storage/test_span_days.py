"""Spans of Postgres in tables of days: each lies on the day of its trace, counts once, and goes when all of them are
old."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, select, text

from pilothouse.call import Span
from pilothouse.observe import Traces
from pilothouse.observe.arrival import revisions
from pilothouse.observe.arrival.batch import Batch, Rejects
from pilothouse.observe.arrival.revisions import Part, Revisions
from pilothouse.observe.privacy.retention import Gone, Retention
from pilothouse.privacy import RetentionConfig
from pilothouse.settings import Settings
from pilothouse.storage import Store, span_days, writing
from pilothouse.storage.tables import spans, traces

DAY_US = 86_400_000_000
TODAY = 20_784
AGES = RetentionConfig(payloads=10, spans=10, rollups=0)
Arrive = Callable[..., None]

pytestmark = pytest.mark.parametrize("settings", ["postgres"], indirect=True)


def span(trace: str, day: float, span_id: str = "s", lasting: int = 1000, **changes: Any) -> Span:
    start = int(day * DAY_US)
    fields = {"name": "chat", "kind": "llm", "project_id": "default", **changes}
    return Span(id=span_id, trace_id=trace, start_us=start, end_us=start + lasting, **fields)


@pytest.fixture
def arrive(store: Store, settings: Settings) -> Arrive:
    rejects = Rejects(settings.home / "rejects")

    def write(day: int, *given: Span) -> None:
        batch = Batch.decode([msgspec.msgpack.encode(one) for one in given], rejects, store.packer, day)
        with writing(store.observe) as connection:
            batch.write(connection, rejects, "spool", store.payloads)
        assert rejects.count == 0

    return write


def places(store: Store) -> list[tuple[str, str, str]]:
    """The table, the trace and the id of each span."""
    with store.observe.connect() as connection:
        query = "SELECT tableoid::regclass::text, trace_id, id FROM spans ORDER BY 1, 2, 3"
        return [tuple(row) for row in connection.execute(text(query))]


def summed(store: Store) -> dict[str, tuple[int, int]]:
    """How many spans each trace has, and its day."""
    with store.observe.connect() as connection:
        return {row.trace_id: (row.spans, row.day) for row in connection.execute(select(traces))}


def test_a_span_lies_on_the_day_of_its_trace_and_counts_once(store: Store, arrive: Arrive) -> None:
    first = span("a", TODAY, input={"q": 1})
    arrive(TODAY, first, span("b", TODAY))
    arrive(TODAY + 1, first, span("c", TODAY + 1))
    many = [span("late", TODAY, f"{i:03}") for i in range(150)]  # by COPY
    arrive(TODAY + 40, first, span("a", TODAY + 40, "later"), *many, span("c", TODAY + 1, "later"))
    arrive(TODAY + 41, *many, first)
    old = [("spans_20261127", trace, "s") for trace in "ab"] + [("spans_20261128", "c", "s")]
    new = [("spans_20261127", "a", "later"), ("spans_20261128", "c", "later")]
    late = [("spans_20270106", "late", one.id) for one in many]
    assert places(store) == sorted([*old, *new, *late])
    assert summed(store) == {"a": (2, TODAY), "b": (1, TODAY), "c": (2, TODAY + 1), "late": (150, TODAY + 40)}
    (one, later) = Traces(store).get("a").spans
    assert (one.input, later.id) == ({"q": 1}, "later")


def test_a_revision_on_a_later_day_changes_the_span_where_it_lies(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Revisions(store, lambda span: span)
    for day, fields in ((TODAY, {"name": "one", "input": {"q": 1}}), (TODAY + 3, {"name": "two", "output": {"a": 2}})):
        monkeypatch.setattr(revisions, "now_us", lambda day=day: day * DAY_US)
        parts = [Part("ab", one, {"start_us": TODAY * DAY_US, "kind": "chain"} | fields, 1) for one in ("s", f"{day}")]
        assert told.put("default", parts, lambda span: None) == {}
    assert places(store) == [("spans_20261127", "ab", one) for one in sorted(("s", f"{TODAY}", f"{TODAY + 3}"))]
    revised = next(one for one in Traces(store).get("ab").spans if one.id == "s")
    assert (revised.name, revised.input, revised.output) == ("two", {"q": 1}, {"a": 2})


def test_two_that_need_the_same_new_day_at_once(store: Store, arrive: Arrive) -> None:
    start, threads = threading.Barrier(2), []

    def writes(trace: str) -> None:
        start.wait()
        arrive(TODAY, span(trace, TODAY), span("of both", TODAY, trace))

    for trace in "ab":
        threads.append(threading.Thread(target=writes, args=(trace,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert [row[1:] for row in places(store)] == [("a", "s"), ("b", "s"), ("of both", "a"), ("of both", "b")]
    assert summed(store)["of both"] == (2, TODAY)


def swept(steps: Iterator[Gone]) -> Gone:
    gone = Gone()
    for step in steps:
        gone.add(step)
    return gone


def retention(store: Store, day: float) -> Retention:
    return Retention(store, clock=lambda: int((day + AGES.spans) * DAY_US))


def tables(store: Store) -> list[int]:
    with store.observe.connect() as connection:
        return sorted(span_days.there(connection, range(TODAY - 5, TODAY + 50)))


def test_a_day_goes_whole_where_nothing_of_it_is_kept(store: Store, arrive: Arrive) -> None:
    arrive(TODAY, span("a", TODAY + 0.5), span("midnight", TODAY + 0.999, lasting=DAY_US // 100))
    arrive(TODAY + 1, span("b", TODAY + 1.5), span("days", TODAY + 1.5, lasting=3 * DAY_US), span("a", TODAY + 1, "x"))
    assert not swept(retention(store, TODAY + 1.03).run(AGES))  # none goes in the first hour
    assert tables(store) == [TODAY, TODAY + 1]
    assert retention(store, TODAY + 1.05).plan(AGES).traces == 2
    gone = swept(retention(store, TODAY + 1.05).run(AGES))
    assert (gone.traces, gone.spans, tables(store)) == (2, 3, [TODAY + 1])
    gone = swept(retention(store, TODAY + 2.1).run(AGES))  # one by one, beside a trace that goes on
    assert (gone.traces, gone.spans, tables(store)) == (1, 1, [TODAY + 1])
    assert [row[1:] for row in places(store)] == [("days", "s")]
    arrive(TODAY + 40, span("days", TODAY + 5, "more"))
    assert [row[1:] for row in places(store)] == [("days", "more"), ("days", "s")]
    gone = swept(retention(store, TODAY + 5.1).run(AGES))
    assert (gone.traces, gone.spans, tables(store), places(store)) == (1, 2, [], [])


def test_a_trace_whose_spans_went_begins_anew_before_its_row_follows(store: Store, arrive: Arrive) -> None:
    arrive(TODAY, span("a", TODAY + 0.5), span("b", TODAY + 0.5))
    steps = retention(store, TODAY + 2).run(AGES)
    next(steps)
    assert (tables(store), places(store), len(summed(store))) == ([], [], 2)
    arrive(TODAY + 12, span("a", TODAY + 12, "new"), span("a", TODAY + 0.6, "too late"))
    swept(steps)
    assert places(store) == [("spans_20261209", "a", "new")]
    assert summed(store) == {"a": (1, TODAY + 12)}


def test_a_day_that_is_being_read_goes_with_the_next_run(
    store: Store, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_days, "_PATIENCE", "1ms")
    arrive(TODAY, span("a", TODAY + 0.5))
    with store.observe.connect() as reading:
        assert reading.execute(select(spans.c.id)).all() == [("s",)]
        gone = swept(retention(store, TODAY + 2).run(AGES))
    assert (gone.traces, gone.spans, tables(store), places(store)) == (1, 1, [TODAY], [])
    swept(retention(store, TODAY + 2).run(AGES))
    assert tables(store) == []


def test_a_trace_is_read_in_the_table_of_its_day(store: Store, arrive: Arrive) -> None:
    for day in range(TODAY, TODAY + 4):
        arrive(day, span(f"t{day}", day, input={"q": day}))
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if "FROM spans" in statement:
            rows = cursor.connection.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(row[0] for row in rows))

    event.listen(store.observe, "before_cursor_execute", explain)
    try:
        assert Traces(store).get(f"t{TODAY + 2}").spans[0].input == {"q": TODAY + 2}
        Traces(store).span(f"t{TODAY + 2}", "s")
    finally:
        event.remove(store.observe, "before_cursor_execute", explain)
    named = {word for plan in plans for word in plan.split() if word.startswith("spans_")}
    assert (len(plans), named) == (2, {"spans_20261129"}), plans
