"""Packed bodies of spans, kept by the day on which they arrived: what is too old goes a day at a time, at no cost.

Under SQLite a day is a file, `payloads/2026-11-27.db` beside the database of spans, under Postgres a table,
`payloads_20261127`. Days count from 1970-01-01 (UTC). A span's row says on which day its body came; None is the table
`payloads`, where bodies were before there were days. Knows nothing of what bodies say.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import MetaData, Select, Table, bindparam, delete, func, select, text
from sqlalchemy.engine import Connection, Engine

from pilothouse.errors import StorageError
from pilothouse.storage.engines import open_engine, writing
from pilothouse.storage.statements import add_new, overwrite
from pilothouse.storage.tables.records import payloads

__all__ = ["PayloadDays", "Size", "day_of"]

_EPOCH = date(1970, 1, 1)
_DAY_US = 86_400_000_000
_MOST_OPEN = 8  # files
_KEY = ("project_id", "trace_id", "span_id")


class Size(NamedTuple):
    """How much a day holds."""

    day: int
    bytes: int


def day_of(at_us: int) -> int:
    """The day of a moment in UTC microseconds."""
    return at_us // _DAY_US


class PayloadDays:
    """The bodies beside the spans of `observe`. Methods that take a connection want one to that database.

    A body is written before the transaction of its span commits, so that no span that is there lacks its body. Written
    twice, it counts once.
    """

    def __init__(self, observe: Engine) -> None:
        self._observe = observe
        self._folder: Path | None = None
        if observe.dialect.name == "sqlite" and observe.url.database:
            self._folder = Path(observe.url.database).parent / "payloads"
        self._open: OrderedDict[int, Engine] = OrderedDict()
        self._tables: dict[int, Table] = {}
        self._lock = threading.Lock()

    def put(self, connection: Connection, day: int, rows: Sequence[tuple[object, ...]], *, anew: bool = False) -> None:
        """Write rows (project, trace, span, body), unless they are there; `anew` writes over what is there."""
        if not rows:
            return
        if self._folder is None:
            self._write(connection, day, rows, anew)
        else:
            with writing(self._engine(day)) as own:
                self._write(own, day, rows, anew)

    def read(
        self, connection: Connection, day: int | None, project: str, traces: Sequence[str],
        spans: Sequence[str] | None = None, longest: int | None = None,
    ) -> list[tuple[str, str, bytes]]:  # fmt: skip
        """Trace, span and body of what came on that day of these traces (and spans); `longest` in bytes. A day that is
        gone has none."""
        query = _reading(self.table(day), spans is not None, longest is not None)
        asked = {"project": project, "traces": traces, "spans": spans, "longest": longest}
        given = {name: value for name, value in asked.items() if value is not None}
        if day is None or self._folder is None:
            return [tuple(row) for row in connection.execute(query, given)] if self._has(connection, day) else []
        if not self._path(day).exists():
            return []
        with self._engine(day).connect() as own:
            return [tuple(row) for row in own.execute(query, given)] if self._has(own, day) else []

    def forget(self, connection: Connection, project: str, traces: Sequence[str]) -> int:
        """Delete every body of these traces, whenever it came; how many there were."""
        gone = 0
        for day in (None, *(size.day for size in self.sizes(connection))):
            c = self.table(day).c
            query = delete(self.table(day)).where(c.project_id == project, c.trace_id.in_(traces))
            if day is None or self._folder is None:
                gone += connection.execute(query).rowcount
            else:
                with writing(self._engine(day)) as own:
                    own.exec_driver_sql("PRAGMA secure_delete=ON")  # zeros over it; few connections, so it may stay on
                    gone += own.execute(query).rowcount if self._has(own, day) else 0
        return gone

    def sizes(self, connection: Connection) -> list[Size]:
        """The days that there are, oldest first."""
        if self._folder is None:
            query = text(
                "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relname ~ :p"
            )
            found = [(name[-8:], size) for name, size in connection.execute(query, {"p": "^payloads_[0-9]{8}$"})]
        else:
            found = [(path.stem.replace("-", ""), _bytes(path)) for path in self._folder.glob("????-??-??.db")]
        return sorted(Size(_day_named(name), size) for name, size in found)

    def drop(self, connection: Connection, day: int) -> None:
        """Everything that came on that day goes, at once. Raises StorageError."""
        if self._folder is None:
            connection.execute(text(f"DROP TABLE IF EXISTS {self.table(day).name}"))
            return
        with self._lock:
            if (engine := self._open.pop(day, None)) is not None:
                engine.dispose()
        path = self._path(day)
        try:
            for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
                name.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path}: cannot be deleted: {error.strerror}.") from None

    def engine(self, day: int | None) -> Engine:
        """The database in which the table of that day is."""
        return self._observe if day is None or self._folder is None else self._engine(day)

    def table(self, day: int | None) -> Table:
        """The table of that day, in the database that `engine` gives."""
        if day is None or self._folder is not None:
            return payloads
        if day not in self._tables:
            name = f"payloads_{_date(day):%Y%m%d}"
            self._tables[day] = payloads.to_metadata(MetaData(), name=name)
        return self._tables[day]

    def settle(self, *, whole: bool = False) -> None:
        """Bring what was committed under SQLite to the disk; `whole`: and leave nothing of it in a log beside."""
        with self._lock:
            engines = [*self._open.values()]
        for engine in engines:
            connection = engine.raw_connection()
            try:
                connection.cursor().execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if whole else 'PASSIVE'})")
            finally:
                connection.close()

    def close(self) -> None:
        with self._lock:
            while self._open:
                self._open.popitem()[1].dispose()

    # ---- parts

    def _write(self, connection: Connection, day: int, rows: Sequence[tuple[object, ...]], anew: bool) -> None:
        name, blob = self.table(day).name, "BLOB" if self._folder else "BYTEA"
        columns = "project_id TEXT NOT NULL, trace_id TEXT NOT NULL, span_id TEXT NOT NULL"
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {name} ({columns}, body {blob} NOT NULL, PRIMARY KEY ({', '.join(_KEY)}))"
        )
        if anew:
            overwrite(connection, name, (*_KEY, "body"), len(_KEY), rows)
        else:
            add_new(connection, name, (*_KEY, "body"), rows)

    def _has(self, connection: Connection, day: int | None) -> bool:
        """Whether the table is there: a file is, for a moment, before its table."""
        if day is None:
            return True
        if self._folder is not None:
            return connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is not None
        return connection.scalar(text("SELECT to_regclass(:name)"), {"name": self.table(day).name}) is not None

    def _engine(self, day: int) -> Engine:
        """The engine of a day's file. Of a file that another process dropped none is kept."""
        path = self._path(day)
        with self._lock:
            engine = self._open.get(day)
            if engine is not None and path.exists():
                self._open.move_to_end(day)
                return engine
            if engine is not None:
                engine.dispose()
            try:
                path.parent.mkdir(exist_ok=True, mode=0o700)
            except OSError as error:
                raise StorageError(f"{path.parent}: cannot be made: {error.strerror}.") from None
            self._open[day] = engine = open_engine(f"sqlite:///{path}", durable=False)
            self._open.move_to_end(day)
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)[1].dispose()
            return engine

    def _path(self, day: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{_date(day):%Y-%m-%d}.db"


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def _day_named(name: str) -> int:
    return (datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date() - _EPOCH).days


def _bytes(path: Path) -> int:
    files: list[Any] = [path, path.with_name(f"{path.name}-wal")]
    return sum(file.stat().st_size for file in files if file.exists())


@lru_cache(maxsize=64)
def _reading(table: Table, some_spans: bool, short: bool) -> Select[Any]:
    c = table.c
    query = select(c.trace_id, c.span_id, c.body).where(c.project_id == bindparam("project"))
    query = query.where(c.trace_id.in_(bindparam("traces", expanding=True)))
    if some_spans:
        query = query.where(c.span_id.in_(bindparam("spans", expanding=True)))
    return query.where(func.length(c.body) <= bindparam("longest")) if short else query
