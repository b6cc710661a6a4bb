"""Engines of SQLAlchemy with the right pragmas and bounds, and transactions that write.

Every failure of a database reaches the caller as a StorageError that names it, without its password. Knows no table.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from pilothouse.errors import ConfigError, MissingExtra, StorageError

__all__ = ["close_engine", "open_engine", "overwriting", "settle", "writing"]

_RETRY_SECONDS = 0.01
_TIMEOUT = 10.0


def open_engine(raw_url: str, *, durable: bool = True, shrinks: bool = False, timeout: float = _TIMEOUT) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://...`. Does not connect yet.

    `durable` makes SQLite sync on every commit (synchronous=FULL); without it a power cut may lose the last commits,
    never the consistency of the file. A new file that `shrinks` can give freed pages back. `timeout`, in seconds,
    bounds the wait for a lock or a connection.
    """
    url = _parse(raw_url)
    sqlite = url.get_backend_name() == "sqlite"
    engine = _open_sqlite(url, durable, shrinks, timeout) if sqlite else _open_postgres(url, timeout)
    event.listen(engine, "handle_error", _explain)
    return engine


def close_engine(engine: Engine) -> None:
    """Close its connections; those that another thread still uses, as soon as it gives them back."""
    event.listen(engine, "checkin", _close)
    engine.dispose()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads before it writes.

    Under SQLite it takes the write lock at once: a transaction that takes it later fails when another wrote in between.
    """
    with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
        yield connection


@contextmanager
def overwriting(engine: Engine) -> Iterator[Connection]:
    """The same, where SQLite writes zeros over what it deletes. `settle` afterwards."""
    with writing(engine) as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        try:
            yield connection
        finally:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete=OFF")


def settle(engine: Engine) -> None:
    """Bring what was deleted into the file: until then SQLite's log holds the pages as they were."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()


def _parse(raw_url: str) -> URL:
    try:
        url = make_url(raw_url)
    except ArgumentError:
        raise ConfigError(
            "PILOTHOUSE_DATABASE_URL is not a database URL. Write it as postgresql://user:password@host/name.",
            param="PILOTHOUSE_DATABASE_URL",
        ) from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ConfigError(
            f"PILOTHOUSE_DATABASE_URL: no support for '{url.drivername}' databases. Use postgresql:// or sqlite:///.",
            param="PILOTHOUSE_DATABASE_URL",
        )
    return url


def _open_sqlite(url: URL, durable: bool, shrinks: bool, timeout: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": timeout}, pool_size=8, max_overflow=24)
    synchronous = "FULL" if durable else "NORMAL"

    def connect(dbapi_connection: Any, record: object) -> None:
        # sqlite3 would open transactions by itself, and not around DDL; BEGIN is sent below instead.
        dbapi_connection.isolation_level = None
        # Said again to a file that has pages it would change nothing, but wait for the lock of whoever writes.
        if shrinks and dbapi_connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            dbapi_connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        _enter_wal(dbapi_connection, timeout)
        for pragma in (f"synchronous={synchronous}", "foreign_keys=ON", "temp_store=MEMORY"):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
    return engine


def _enter_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch a new file to WAL. SQLite's own timeout does not cover this: a second process that opens the file in that
    moment is refused at once (https://sqlite.org/wal.html, section 9)."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)


def _open_postgres(url: URL, timeout: float) -> Engine:
    try:
        return create_engine(
            url, pool_size=8, max_overflow=8, pool_pre_ping=True, pool_recycle=1800,
            connect_args={"connect_timeout": max(1, int(timeout)), "application_name": "pilothouse"},
        )  # fmt: skip
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "psycopg":
            raise
        raise MissingExtra("Postgres", "postgres") from None


def _close(_: object, record: ConnectionPoolEntry) -> None:
    record.close()


def _explain(context: ExceptionContext) -> None:
    """Turn what the driver says about an unusable database into a StorageError; leave errors in SQL as they are."""
    original = context.original_exception
    if isinstance(original, sqlite3.Error):
        advice = _SQLITE_ADVICE.get(getattr(original, "sqlite_errorcode", 0) & 0xFF)
    elif isinstance(context.sqlalchemy_exception, OperationalError | InterfaceError):
        advice = "Check that the server runs, that it can be reached from here, and that it has room."
    else:
        advice = None
    if advice is not None:
        place = "The database" if context.engine is None else _place(context.engine.url)
        said = str(original).strip().partition("\n")[0].rstrip(".")
        raise StorageError(f"{place}: {said}. {advice}") from original


_SQLITE_ADVICE = {
    sqlite3.SQLITE_BUSY: "Another process holds its lock for long. Find it, or try again.",
    sqlite3.SQLITE_LOCKED: "Another connection holds its lock for long. Try again.",
    sqlite3.SQLITE_READONLY: "Check the permissions of the file and its folder.",
    sqlite3.SQLITE_IOERR: "Its disk is full, or does not work as it should.",
    sqlite3.SQLITE_CORRUPT: "It is damaged. Restore a backup.",
    sqlite3.SQLITE_FULL: "Make room on its disk and try again.",
    sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and can be written.",
    sqlite3.SQLITE_NOTADB: "It is not an SQLite database. Move it away, or restore a backup.",
}


def _place(url: URL) -> str:
    """The file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "The database in memory"
    return url.difference_update_query(["password", "sslpassword"]).render_as_string(hide_password=True)
