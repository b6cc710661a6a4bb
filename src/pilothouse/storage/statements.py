"""Statements that mind what is there already, and pieces of those that go to the driver as they are. Knows no table."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Insert, Table, cast, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

__all__ = ["among", "insert_new", "marks", "overwrite", "upsert"]


def insert_new(connection: Connection, table: Table) -> Insert:
    """INSERT ... ON CONFLICT DO NOTHING in the connection's dialect: writing a row twice changes nothing."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def upsert(connection: Connection | Engine, table: Table) -> Insert:
    """INSERT that overwrites every other column of the row with the same primary key."""
    insert = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    values = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


def overwrite(
    connection: Connection, table: str, names: Sequence[str], keys: int, rows: Sequence[tuple[object, ...]]
) -> None:
    """`upsert` of many rows at once, by the driver's executemany. The first `keys` of `names` are the primary key."""
    if rows:
        columns = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(f'"{name}" = excluded."{name}"' for name in names[keys:])
        statement = (
            f"INSERT INTO {table} ({columns}) VALUES ({marks(connection, len(names))}) "
            f"ON CONFLICT ({', '.join(names[:keys])}) DO UPDATE SET {values}"
        )
        connection.exec_driver_sql(statement, list(rows))


def among(
    connection: Connection, columns: Sequence[ColumnElement[Any]], keys: Iterable[Sequence[Any]]
) -> ColumnElement[bool]:
    """The condition that these columns are one of `keys`, of which there may be thousands.

    They travel as one value: lists of thousands of places cost Postgres ten times as much, and SQLite reads the whole
    table for `(a, b) IN (VALUES ...)`.
    """
    wanted = [list(key) for key in keys]
    if connection.dialect.name == "sqlite":
        each = func.json_each(msgspec.json.encode(wanted).decode()).table_valued("value").c.value
        listed = [cast(func.json_extract(each, f"$[{i}]"), column.type) for i, column in enumerate(columns)]
    else:
        values = zip(*wanted, strict=True) if wanted else [()] * len(columns)
        arrays = [literal([*v], postgresql.ARRAY(column.type)) for v, column in zip(values, columns, strict=True)]
        listed = [*func.unnest(*arrays).table_valued(*(column.name for column in columns)).render_derived().c]
    return tuple_(*columns).in_(select(*listed))


def marks(connection: Connection, count: int = 1) -> str:
    """`?, ?, ...` or `%s, %s, ...`: the driver's placeholders."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    return ", ".join([mark] * count)
