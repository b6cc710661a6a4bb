"""Statements that mind what is there already, and pieces of those that go to the driver as they are. Knows no table."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

__all__ = ["among", "chunks", "insert_new", "marks", "overwrite", "upsert"]

T = TypeVar("T")


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


def among(connection: Connection, names: Sequence[str], count: int) -> str:
    """The condition that a row is one of `count`, told by these columns: `(a, b) IN ((?, ?), (?, ?))`."""
    listed = ", ".join([f"({marks(connection, len(names))})"] * count)
    return f"({', '.join(names)}) IN ({'VALUES ' if connection.dialect.name == 'sqlite' else ''}{listed})"


def marks(connection: Connection, count: int = 1) -> str:
    """`?, ?, ...` or `%s, %s, ...`: the driver's placeholders."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    return ", ".join([mark] * count)


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Parts of at most `size`: databases bound the number of parameters."""
    return (items[i : i + size] for i in range(0, len(items), size))
