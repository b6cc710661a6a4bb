"""Pieces of SQL for statements that go to the driver as they are. Knows no table."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy.engine import Connection

__all__ = ["chunks", "marks"]

T = TypeVar("T")


def marks(connection: Connection, count: int) -> str:
    """`?, ?, ...` or `%s, %s, ...`: the driver's placeholders."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    return ", ".join([mark] * count)


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Parts of at most `size`: databases bound the number of parameters."""
    return (items[i : i + size] for i in range(0, len(items), size))
