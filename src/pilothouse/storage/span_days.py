"""Spans in tables of days. Under Postgres `spans` is partitioned by the day of the trace: the one on which the first of
its spans arrived, which its row in `traces` tells. All spans of a trace lie in one partition, whose key they keep, so
that a span counts once however late it comes, and what is too old goes a partition at a time.

Rows are written into their partition by its name, and `day` comes from its default. Day 0 holds what came before there
were days. Under SQLite there is one table, and every day is 0. Partitions are made and dropped by whoever holds the
lock of those that write spans (observe.sums.summaries). Knows nothing of what spans say.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select, text, true
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import StorageError
from pilothouse.storage.statements import among, upsert
from pilothouse.storage.tables.records import span_days, spans, traces

__all__ = [
    "BEFORE", "beside", "by_table", "day_of_new", "day_of_trace", "drop", "in_days", "of_trace", "of_traces",
    "outlived", "reach", "size", "table_of", "there", "within",
]  # fmt: skip

BEFORE = 0
"""The day of spans from before there were days, and of all under SQLite."""

_EPOCH = date(1970, 1, 1)
_HOUR_US = 3_600_000_000
_PATIENCE = "500ms"  # while a drop waits for those that read, others wait behind it
_NO_LOCK = "55P03"  # https://www.postgresql.org/docs/current/errcodes-appendix.html, lock_not_available
_C = span_days.c


def day_of_new(connection: Connection, today: int) -> int:
    """The day of a trace whose first span arrives `today`."""
    return BEFORE if connection.dialect.name == "sqlite" else today


def table_of(connection: Connection, day: int) -> str:
    """The table into which the spans of that day are written."""
    return "spans" if connection.dialect.name == "sqlite" else f"spans_{_EPOCH + timedelta(days=day):%Y%m%d}"


def by_table(
    connection: Connection, rows: Sequence[tuple[Any, ...]], days: Mapping[tuple[str, str], int]
) -> list[tuple[str, Sequence[tuple[Any, ...]]]]:
    """Rows that begin with project and trace, by the table in which they belong; `days` are those of the traces."""
    found = set(days.values())
    if len(found) == 1:
        return [(table_of(connection, found.pop()), rows)]
    return [
        (table_of(connection, day), [row for row in rows if days[row[0], row[1]] == day]) for day in sorted(found)
    ]  # fmt: skip


def there(connection: Connection, days: Iterable[int]) -> set[int]:
    """Which of these days have a table."""
    asked = set(days)
    if not asked or connection.dialect.name == "sqlite":
        return asked
    return {*connection.execute(select(_C.day).where(_C.day.in_(asked))).scalars()}


def reach(connection: Connection, until: Mapping[int, int]) -> None:
    """Note until when the traces of each day last, in UTC microseconds, and make the tables that are missing."""
    if not until or connection.dialect.name == "sqlite":
        return
    known = {row.day: row.until_us for row in connection.execute(select(_C.day, _C.until_us).where(_C.day.in_(until)))}
    for day, us in sorted(until.items()):
        if day not in known:
            _make(connection, day)
        if us > known.get(day, -1):
            hours = -(-us // _HOUR_US)  # rounded up, so that this is written once an hour
            row = {"project_id": DEFAULT_PROJECT, "day": day, "until_us": max(0, hours * _HOUR_US)}
            connection.execute(upsert(connection, span_days), row)


def outlived(connection: Connection, before: int, until_us: int) -> list[int]:
    """The days before that one of which no trace lasts beyond `until_us`, oldest first; none under SQLite."""
    old = select(_C.day).where(_C.day < before, _C.until_us < until_us, _C.until_us > 0).order_by(_C.day)
    return [*connection.execute(old).scalars()]


def drop(connection: Connection, day: int) -> bool:
    """Drop the table of that day; False where others read for too long to wait for, and then the transaction can only
    be rolled back."""
    connection.execute(delete(span_days).where(_C.day == day))
    connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
    try:
        connection.execute(text(f"DROP TABLE {table_of(connection, day)}"))
    except StorageError as error:
        if getattr(error.__cause__, "sqlstate", None) == _NO_LOCK:
            return False
        raise
    return True


def of_traces(connection: Connection, keys: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    """The condition that a span is of one of these traces (project, trace)."""
    places = sorted(set(keys))
    return and_(among(connection, (spans.c.project_id, spans.c.trace_id), places), within(connection, places))


def of_trace(connection: Connection, project: str, trace_id: str) -> ColumnElement[bool]:
    """The same of one trace."""
    c, day = spans.c, day_of_trace(connection, project, trace_id)
    return and_(c.project_id == project, c.trace_id == trace_id, c.day == day)


def day_of_trace(connection: Connection, project: str, trace_id: str) -> int:
    """The day on which a trace's spans are found."""
    if connection.dialect.name == "sqlite":
        return BEFORE
    query = select(traces.c.day).where(traces.c.project_id == project, traces.c.trace_id == trace_id)
    return connection.scalar(query) or BEFORE


def within(connection: Connection, keys: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    """The condition that a span lies where those of these traces do, for which Postgres is asked first: nothing under
    SQLite."""
    if connection.dialect.name == "sqlite":
        return true()
    c, wanted = traces.c, set(keys)
    of_them = among(connection, (c.project_id, c.trace_id), wanted)
    found = connection.execute(select(c.day, func.count()).where(of_them).group_by(c.day)).all()
    return in_days((day for day, _ in found), sum(traces for _, traces in found) < len(wanted))


def beside(connection: Connection, where: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    """The same for the traces that these conditions find, some thousands at the most."""
    if connection.dialect.name == "sqlite":
        return true()
    return in_days(connection.execute(select(traces.c.day).distinct().where(*where)).scalars(), missing=False)


def in_days(days: Iterable[int], missing: bool) -> ColumnElement[bool]:
    """The condition that a span is of one of these days; where traces are `missing`, which may be there from before
    there were days, also of those."""
    return spans.c.day.in_({*days, BEFORE} if missing else {*days})


def size(connection: Connection) -> int:
    """The bytes of all partitions, in Postgres."""
    query = "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = to_regclass('spans')"
    return int(connection.scalar(text(query)) or 0)


def _make(connection: Connection, day: int) -> None:
    """Attached only when it is whole: then readers and writers of `spans` need not wait for it."""
    name = table_of(connection, day)
    key = ", ".join(column.name for column in spans.primary_key)
    for statement in (
        f"CREATE TABLE {name} (LIKE spans INCLUDING DEFAULTS)",
        f"ALTER TABLE {name} ALTER COLUMN day SET DEFAULT {day}, ADD CONSTRAINT pk_{name} PRIMARY KEY ({key})",
        f"ALTER TABLE spans ATTACH PARTITION {name} FOR VALUES FROM ({day}) TO ({day + 1})",
    ):
        connection.execute(text(statement))
