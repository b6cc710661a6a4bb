"""Rows found by thousands of keys: the right ones, and without reading the table."""

from typing import Any

import pytest
from sqlalchemy import ColumnElement, insert, select, text

from pilothouse.storage.statements import among
from pilothouse.storage.tables import balances, ledger, rollups, scores, spans, traces

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
