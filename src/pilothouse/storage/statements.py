"""Statements that mind what is there already, and pieces of those that go to the driver as they are. Knows no table."""

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

import msgspec
from sqlalchemy import ColumnElement, Insert, Table, cast, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

__all__ = ["add_new", "among", "insert_new", "marks", "overwrite", "storable", "upsert"]

_COPIED = 100
"""Rows from which on COPY is cheaper: a thousand rows of spans cost 4 us each of CPU in place of 19, and Postgres 15 in
place of 27; twenty cost more (benchmarks/observe)."""

_Rows = Sequence[tuple[object, ...]]


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


def add_new(connection: Connection, table: str, names: Sequence[str], rows: _Rows) -> None:
    """`insert_new` of many rows at once, past SQLAlchemy's own insert, which costs 2.5 times as much."""
    _put(connection, table, names, rows, "DO NOTHING")


def overwrite(connection: Connection, table: str, names: Sequence[str], keys: int, rows: _Rows) -> None:
    """`upsert` of many rows at once, each with a key of its own. The first `keys` of `names` are the primary key."""
    values = ", ".join(f'"{name}" = excluded."{name}"' for name in names[keys:])
    _put(connection, table, names, rows, f"({', '.join(names[:keys])}) DO UPDATE SET {values}")


def _put(connection: Connection, table: str, names: Sequence[str], rows: _Rows, conflict: str) -> None:
    if not rows:
        return
    columns = ", ".join(f'"{name}"' for name in names)
    many = len(rows) >= _COPIED and connection.dialect.name == "postgresql"
    if many and _copied(connection, table, columns, rows, conflict):
        return
    values = marks(connection, len(names))
    statement = f"INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT {conflict}"
    connection.exec_driver_sql(statement, list(rows))


def _copied(connection: Connection, table: str, columns: str, rows: _Rows, conflict: str) -> bool:
    """Whether they went by COPY, through a table of the session. Where one of them cannot, none did: executemany has
    the error then, as an error of SQLAlchemy's."""
    import psycopg  # noqa: PLC0415 - an extra

    kind = f"{table.rstrip('0123456789')} {columns}"  # the tables of days are of one kind
    stage = f"arriving_{crc32(kind.encode()):x}"
    like = f"SELECT {columns} FROM {table} WITH NO DATA"
    driver: Any = connection.connection
    try:
        with connection.begin_nested(), driver.cursor() as cursor:
            cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS {like}")
            with cursor.copy(f"COPY {stage} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ON CONFLICT {conflict}")
            cursor.execute(f"DELETE FROM {stage}")
    except (psycopg.Error, ValueError, OverflowError):
        return False
    return True


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


def storable(text: str) -> str:
    """Without what a database takes for an error: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
