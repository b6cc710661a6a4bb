"""Traces and rollups stay in step with the spans, in whatever order and however often these arrive."""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Connection

from pilothouse.call import Span
from pilothouse.ids import new_id
from pilothouse.observe import Drainer, SpoolRecorder, Traces
from pilothouse.observe.scores import Score, Scores
from pilothouse.observe.sums import rollups as rollups_module
from pilothouse.settings import Settings
from pilothouse.stats.histogram import merge, percentile, unpack
from pilothouse.storage import Spool, Store, open_store
from pilothouse.storage.tables import rollups, score_rollups
from pilothouse.storage.tables import traces as traces_table
from pilothouse.types import Usage

from ..conftest import Write
from ..making import step

_HOUR_US = 3_600_000_000


def _call(id: str, parent: str | None, **fields: Any) -> Span:
    given: dict[str, Any] = {
        "kind": "llm", "request_model": "m", "response_model": "m-1", "usage": Usage(100, 20, 10), "cost_nano": 500,
        "ttft_us": 200_000, "start_us": 5 * _HOUR_US, "end_us": 5 * _HOUR_US + 1_200_000, "parent_id": parent,
    }  # fmt: skip
    return step(id, **(given | fields))


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[Callable[[], tuple[Store, Write]]]:
    """As many stores as wanted, each with its own way in."""
    with ExitStack() as stack:

        def make() -> tuple[Store, Write]:
            home = tmp_path / new_id()
            store = open_store(Settings(home=home))
            stack.callback(store.close)
            spool = stack.enter_context(closing(Spool.open(home, 64 * 1024 * 1024)))
            drainer = Drainer(spool, store, home)
            stack.callback(drainer.stop)
            recorder = SpoolRecorder(spool)

            def write(spans: Iterable[Span]) -> None:
                for span in spans:
                    recorder.record(span)
                drainer.flush()

            return store, write

        yield make


def _tree(trace: str) -> list[Span]:
    """An agent around two calls, of which one has a hedge below it, and a step that nobody pays for."""
    return [
        step("root", trace_id=trace, kind="agent", start_us=5 * _HOUR_US - 5, end_us=5 * _HOUR_US + 3_000_000,
             endpoint="/agent", user_id="ann", feature="search", usage=Usage(200, 40), cost_nano=1000),
        _call("a", "root", trace_id=trace, deployment="d1"),
        _call("b", "a", trace_id=trace, deployment="d2", status="cancelled", cost_nano=7),
        _call("c", "root", trace_id=trace, start_us=6 * _HOUR_US, end_us=6 * _HOUR_US + 500, status="error",
              error_code="timeout", cost_nano=None, cost_known=False, ttft_us=None),
        step("d", trace_id=trace, kind="tool", parent_id="root", start_us=5 * _HOUR_US + 1),
    ]  # fmt: skip


def _rows(store: Store, table: Any) -> list[dict[str, Any]]:
    with store.observe.connect() as connection:
        found = [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
    for row in found:
        row.update({name: sorted(unpack(value).items()) for name, value in row.items() if isinstance(value, bytes)})
    return found


def _row(store: Store, dimension: str, value: str = "", grain: str = "day") -> dict[str, Any]:
    wanted = ("default", grain, dimension, value)
    return next(
        row for row in _rows(store, rollups)
        if (row["project_id"], row["grain"], row["dimension"], row["value"]) == wanted
    )  # fmt: skip


def test_a_trace_is_summed_up(write: Write, store: Store) -> None:
    write(_tree("t1"))
    (row,) = _rows(store, traces_table)
    assert (row["root_id"], row["user_id"], row["feature"], row["endpoint"]) == ("root", "ann", "search", "/agent")
    assert (row["spans"], row["errors"], row["status"]) == (5, 1, "ok")
    assert (row["input_tokens"], row["output_tokens"], row["cost_nano"]) == (300, 60, 507)
    assert not row["cost_known"]


def test_what_stands_around_calls_is_not_counted_beside_them(write: Write, store: Store) -> None:
    write(_tree("t1"))
    day = _row(store, "all")
    assert (day["requests"], day["failed"], day["calls"], day["call_errors"], day["unpriced"]) == (1, 0, 3, 1, 1)
    assert (day["input_tokens"], day["cached_tokens"], day["cost_nano"]) == (300, 30, 507)
    assert sum(count for _, count in day["call_latency"]) == 3
    assert sum(count for _, count in day["ttft"]) == 2


def test_a_call_that_failed_without_usage_is_a_failed_call(write: Write, store: Store) -> None:
    failed = _call("a", None, trace_id="t1", status="error", error_code="provider_unavailable", usage=None,
                   cost_nano=None, ttft_us=None, source="gateway", deployment="vendor/m-1")  # fmt: skip
    write([failed, _call("b", None, trace_id="t2", source="gateway", deployment="vendor/m-1")])
    day = _row(store, "model", "m-1")
    assert (day["calls"], day["call_errors"], day["unpriced"]) == (2, 1, 0)
    assert [sum(count for _, count in day[name]) for name in ("call_latency", "tokens", "written")] == [2, 1, 1]


def test_calls_of_a_program_count_for_where_it_began(write: Write, store: Store) -> None:
    write([_tree("t1")[0], _call("a", "root", trace_id="t1", endpoint=None)])
    there = _row(store, "endpoint", "/agent")
    assert (there["requests"], there["calls"], there["cost_nano"]) == (1, 1, 500)
    root = {"kind": "agent", "endpoint": None, "usage": None, "cost_nano": None}
    write(
        [_call("root", None, trace_id="t2", name="nightly", **root), _call("a", "root", trace_id="t2", endpoint=None)]
    )
    there = _row(store, "endpoint", "nightly")
    assert (there["requests"], there["calls"], there["cost_nano"]) == (1, 1, 500)


def test_each_dimension_adds_up_to_the_whole(write: Write, store: Store) -> None:
    write([span for number in range(4) for span in _tree(f"t{number}")])
    whole = _row(store, "all")
    for dimension in ("model", "user", "feature", "cube"):
        rows = [r for r in _rows(store, rollups) if (r["dimension"], r["grain"]) == (dimension, "day")]
        assert sum(row["calls"] for row in rows) == whole["calls"], dimension
        assert sum(row["cost_nano"] for row in rows) == whole["cost_nano"], dimension
    hours = [r for r in _rows(store, rollups) if (r["dimension"], r["grain"]) == ("all", "hour")]
    assert [row["at"] for row in hours] == [4, 5, 6]
    assert sum(row["requests"] for row in hours) == whole["requests"] == 4


def test_the_order_of_arrival_changes_nothing(make_store: Callable[[], tuple[Store, Write]]) -> None:
    given = [span for number in range(3) for span in _tree(f"t{number}")]
    at_once, write = make_store()
    write(given)
    for seed in range(4):
        pieces = [*given, *random.Random(seed).sample(given, 5)]  # some twice
        random.Random(seed).shuffle(pieces)
        one_by_one, write = make_store()
        for span in pieces:
            write([span])
        assert _rows(one_by_one, traces_table) == _rows(at_once, traces_table)
        assert _rows(one_by_one, rollups) == _rows(at_once, rollups)


def test_a_call_answered_from_a_cache_buys_no_tokens(write: Write, store: Store) -> None:
    write([_call("a", None, trace_id="t", attributes={"cache": "exact"}, cost_nano=0)])
    day = _row(store, "model", "m-1")
    assert (day["calls"], day["cached"], day["input_tokens"], day["cost_nano"]) == (1, 1, 0, 0)


def test_a_crowded_hour_puts_what_comes_later_together(
    write: Write, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups_module, "MOST_VALUES", 3)
    for number in range(6):
        write([_call("a", None, trace_id=f"t{number}", user_id=f"user-{number}")])
    rows = [r for r in _rows(store, rollups) if (r["dimension"], r["grain"]) == ("user", "day")]
    assert [row["value"] for row in rows] == ["_OTHER", "user-0", "user-1", "user-2"]
    assert sum(row["calls"] for row in rows) == 6
    assert rows[0]["calls"] == 3


def test_a_failed_write_takes_its_sums_back(write: Write, store: Store) -> None:
    write([_call("a", None, trace_id="t"), _call("b", None, trace_id="u", name="x")])
    before = _rows(store, rollups)

    def refuse(connection: Connection) -> None:
        raise KeyboardInterrupt

    event.listen(store.observe, "commit", refuse)
    try:
        with pytest.raises(KeyboardInterrupt):
            write([_call("c", None, trace_id="v")])
    finally:
        event.remove(store.observe, "commit", refuse)
    assert _rows(store, rollups) == before


def test_percentiles_come_within_a_bucket(write: Write, store: Store) -> None:
    write([
        _call("a", None, trace_id=f"t{n}", end_us=5 * _HOUR_US + n * 1000, ttft_us=None) for n in range(1, 1001)
    ])  # fmt: skip
    with store.observe.connect() as connection:
        packed = connection.execute(select(rollups.c.latency).where(rollups.c.dimension == "all")).scalars().all()
    p95 = percentile(merge(packed), 0.95)
    assert p95 is not None
    assert abs(p95 / 950_000 - 1) < 0.05


def test_the_scores_of_many_users_are_bounded_like_their_calls(
    write: Write, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups_module, "MOST_VALUES", 3)
    for number in range(6):
        write([_call("a", None, trace_id=f"t{number}", user_id=f"user-{number}")])
        Scores(store).put("default", [Score(id=f"s{number}", name="helpful", trace_id=f"t{number}", value=1.0)])
    rows = [row for row in _rows(store, score_rollups) if row["dimension"] == "user"]
    assert [(row["grain"], row["value"], row["count"]) for row in rows] == [
        ("day", "_OTHER", 3), ("day", "user-0", 1), ("day", "user-1", 1), ("day", "user-2", 1),
    ]  # fmt: skip


def test_a_trace_says_the_same_in_the_list_and_on_its_page(write: Write, traces: Traces) -> None:
    write([*_tree("t1"), _call("x", None, trace_id="t2", attributes={"cache": "exact"}, cost_nano=0)])
    for row in traces.list().rows:
        assert row.totals == traces.get(row.trace_id).totals
