"""Rows found by thousands of keys, and rows that pages show: the right ones, and without reading the table."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import ColumnElement, event, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from pilothouse.lifecycle.shadow import ShadowReports
from pilothouse.observe.listing import Filters
from pilothouse.observe.observations import Observations, Sought
from pilothouse.observe.scores import Scores, ScoresSought
from pilothouse.observe.sessions import Sessions
from pilothouse.observe.traces import Traces
from pilothouse.observe.triggers import Triggers
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.statements import add_new, among, overwrite
from pilothouse.storage.tables import balances, ledger, payloads, rollups, scores, spans, traces

MANY = [("default", f"user/{i} '\"ü", i % 3) for i in range(2000)]


def test_all_of_the_keys_are_found_and_nothing_else(store: Any) -> None:
    rows = [
        {"project_id": project, "account": account, "day": day, "nano": 1, "tokens": 1, "calls": 1, "version": 1}
        for project, account, day in MANY
    ]
    columns = (balances.c.project_id, balances.c.account, balances.c.day)
    with store.observe.begin() as connection:
        connection.execute(insert(balances), rows)
        wanted = [*MANY[::2], ("default", MANY[1][1], 2), ("other", *MANY[3][1:])]
        found = connection.execute(select(*columns).where(among(connection, columns, wanted)))
        assert sorted(tuple(row) for row in found) == sorted(MANY[::2])
        assert connection.execute(select(*columns).where(among(connection, columns, []))).all() == []


KEPT = ("project_id", "trace_id", "span_id", "body")
ODD = ["plain", "", "\\N", "\\.", "a\tb\nc\r\\d", "'\"ü\u202e😀", "null"]


def _bodies(count: int, body: bytes) -> list[tuple[object, ...]]:
    return [("default", f"{ODD[n % len(ODD)]}{n}", ODD[n % len(ODD)], body + bytes([n % 256])) for n in range(count)]


@pytest.mark.parametrize("count", [20, 300])
def test_few_rows_and_many_are_written_alike(store: Any, count: int) -> None:
    first, second = _bodies(count, b"\0\\x1\n"), _bodies(count + 5, b"two")
    query = select(*(payloads.c[name] for name in KEPT)).order_by(payloads.c.body)
    with store.observe.begin() as connection:
        add_new(connection, "payloads", KEPT, first)
        add_new(connection, "payloads", KEPT, second)
        found = {tuple(row) for row in connection.execute(query)}
        assert found == {*first, *second[count:]}
        overwrite(connection, "payloads", KEPT, 3, second)
        overwrite(connection, "payloads", KEPT, 3, [])
    with store.observe.begin() as connection:
        assert {tuple(row) for row in connection.execute(query)} == {*second}
        if store.observe.dialect.name == "postgresql":
            staged = "SELECT count(*) FROM pg_class WHERE relname LIKE 'arriving_%%' AND relkind = 'r'"
            assert connection.exec_driver_sql(staged).scalar() == (count > 100)


@pytest.mark.parametrize(
    "wrong", [("default", "t", "s", None), ("default", "t\ud800", "s", b"")], ids=["null", "surrogate"]
)
def test_one_wrong_row_of_many_leaves_none(store: Any, wrong: tuple[object, ...]) -> None:
    with store.observe.begin() as connection:
        with pytest.raises((SQLAlchemyError, UnicodeEncodeError)), connection.begin_nested():
            add_new(connection, "payloads", KEPT, [*_bodies(300, b"x"), wrong])
        assert connection.execute(select(payloads.c.body)).all() == []
        add_new(connection, "payloads", KEPT, _bodies(300, b"x"))
        assert len(connection.execute(select(payloads.c.body)).all()) == 300


@pytest.mark.parametrize(
    "columns",
    [
        (spans.c.project_id, spans.c.trace_id),
        (spans.c.project_id, spans.c.trace_id, spans.c.id),
        (traces.c.project_id, traces.c.trace_id),
        (scores.c.project_id, scores.c.trace_id),
        (ledger.c.project_id, ledger.c.id),
        (balances.c.project_id, balances.c.account),
        (rollups.c.project_id, rollups.c.grain, rollups.c.dimension, rollups.c.at, rollups.c.value),
    ],
)
def test_sqlite_seeks_each_key(store: Any, columns: tuple[ColumnElement[Any], ...]) -> None:
    if store.observe.dialect.name != "sqlite":
        pytest.skip("the plan of SQLite")
    with store.observe.connect() as connection:
        query = select(*columns).where(among(connection, columns, [["x"] * len(columns)]))
        statement = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = [row[-1] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
    assert plan[0].startswith("SEARCH")
    assert all(f"{column.name}=?" in plan[0] for column in columns)


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path_factory.mktemp("lite")))
    yield store
    store.close()


READS: dict[str, tuple[Callable[[Store], object], str]] = {
    "traces": (lambda s: Traces(s).list(), "ix_traces_start"),
    "traces of a text": (lambda s: Traces(s).list(filters=Filters(text="x")), "ix_traces_start"),
    "traces of a user": (lambda s: Traces(s).list(filters=Filters(user_id="u", text="x")), "ix_traces_user"),
    "traces of a session": (lambda s: Traces(s).list(filters=Filters(session_id="s")), "ix_traces_session"),
    "sessions": (lambda s: Sessions(s).page(), "ix_traces_start"),
    "sessions of a user": (lambda s: Sessions(s).page(user="u", text="x"), "ix_traces_user"),
    "scores of a session's traces": (lambda s: Sessions(s).get("s"), "ix_scores_trace"),
    "scores of a trace": (lambda s: Traces(s).judgements("t"), "ix_scores_trace"),
    "the newest scores": (lambda s: Scores(s).page("p", ScoresSought(), 9), "ix_scores_at"),
    "a request": (lambda s: Scores(s).trace_of("p", "req_1"), "ix_spans_request"),
    "triggers of guards": (lambda s: Triggers(s).recent(), "ix_spans_guards"),
    "marks of triggers": (lambda s: [*Triggers(s).marked("p", "pii")], "ix_scores_guards"),
    "mirrored calls": (lambda s: ShadowReports(s.observe).report(0), "ix_spans_shadow"),
    "spans": (lambda s: Observations(s).page("p", Sought(name="x"), 9), "ix_traces_start"),
}


@pytest.mark.parametrize("name", READS)
def test_pages_are_read_along_an_index(lite: Store, name: str) -> None:
    """And in its order: nothing is sorted that a page then leaves out."""
    read, index = READS[name]
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plans.append("\n".join(row[-1] for row in rows))

    event.listen(lite.observe, "before_cursor_execute", explain)
    try:
        read(lite)
    finally:
        event.remove(lite.observe, "before_cursor_execute", explain)
    told = [plan for plan in plans if index in plan]
    assert told, plans
    tables = ("spans", "traces", "scores")
    assert not any(line.startswith(f"SCAN {table}") for plan in plans for line in plan.split("\n") for table in tables)
    assert not any("TEMP B-TREE FOR ORDER BY" in plan for plan in told if "GROUP BY" not in plan), told
