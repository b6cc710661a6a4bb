"""Opens the databases: engines with the right pragmas and bounds, migrated before anybody sees them.

Every failure of a database reaches the caller as a StorageError that names it, without its password. Knows nothing of
what the tables mean.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError

from pilothouse.errors import ConfigError, MissingExtra, StorageError
from pilothouse.settings import Settings
from pilothouse.storage import migrate
from pilothouse.storage.locks import hold

__all__ = ["Store", "open_engine", "open_store", "writing"]

_BUSY_SECONDS = 10
_ADVISORY_LOCK = 0x70696C6F  # "pilo": taken by whoever migrates a Postgres database


@dataclass(frozen=True, slots=True)
class Store:
    """The open databases. Under Postgres, or where both URLs are the same, `control` and `observe` are one engine."""

    control: Engine
    observe: Engine

    def close(self) -> None:
        self.control.dispose()
        self.observe.dispose()


def open_store(settings: Settings) -> Store:
    """Create the home if need be, open the databases and bring their tables up to date.

    Raises StorageError when the home or a database cannot be used, MissingExtra when Postgres has no driver here.
    Safe to call from several processes at once.
    """
    make_home(settings.home)
    control = open_engine(settings.control_url(), durable=True)
    shared = settings.observe_url() == settings.control_url()
    observe = control if shared else open_engine(settings.observe_url(), durable=False)
    store = Store(control, observe)
    try:
        _migrate(control, "control", settings.home)
        _migrate(observe, "observe", settings.home)
    except BaseException:
        store.close()
        raise
    return store


def make_home(home: Path) -> None:
    """Create the data folder, readable by its owner alone."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(f"{home}: cannot be made the data folder: {error.strerror}. Set PILOTHOUSE_HOME.") from None
    if not os.access(home, os.W_OK | os.X_OK):
        raise StorageError(f"{home}: the data folder is not writable by this user. Set PILOTHOUSE_HOME.")


def open_engine(raw_url: str, *, durable: bool = True) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://...`.

    `durable` makes SQLite sync on every commit (synchronous=FULL); without it a power cut may lose the last commits,
    never the consistency of the file.
    """
    url = _parse(raw_url)
    engine = _open_sqlite(url, durable) if url.get_backend_name() == "sqlite" else _open_postgres(url)
    event.listen(engine, "handle_error", _explain)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads before it writes.

    Under SQLite it takes the write lock at once: a transaction that takes it later fails when another wrote in between.
    """
    with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
        yield connection


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


def _open_sqlite(url: URL, durable: bool) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, pool_size=8, max_overflow=24)
    synchronous = "FULL" if durable else "NORMAL"

    def connect(dbapi_connection: Any, record: object) -> None:
        # sqlite3 would open transactions by itself, and not around DDL; BEGIN is sent below instead.
        dbapi_connection.isolation_level = None
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", "temp_store=MEMORY"):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
    return engine


def _open_postgres(url: URL) -> Engine:
    try:
        return create_engine(
            url, pool_size=8, max_overflow=8, pool_pre_ping=True, pool_recycle=1800,
            connect_args={"connect_timeout": _BUSY_SECONDS, "application_name": "pilothouse"},
        )  # fmt: skip
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "psycopg":
            raise
        raise MissingExtra("Postgres", "postgres") from None


def _explain(context: ExceptionContext) -> None:
    """Turn what the driver says about an unusable database into a StorageError; leave errors in SQL as they are."""
    if not isinstance(context.sqlalchemy_exception, OperationalError | InterfaceError):
        return
    engine = context.engine
    url = engine.url if engine is not None else None
    place = "The database" if url is None else _place(url)
    said = str(context.original_exception).strip()
    raise StorageError(f"{place}: {_advice(said)}") from context.original_exception


def _place(url: URL) -> str:
    return url.database or "memory" if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


_ADVICE = {
    "locked": f"another process holds its lock for more than {_BUSY_SECONDS} s. Find it, or try again.",
    "readonly": "it cannot be written. Check the permissions of the file and its folder.",
    "unable to open": "it cannot be opened. Check that its folder exists and is writable.",
    "not a database": "it is not an SQLite database. Move it away, or restore a backup.",
    "malformed": "it is damaged. Restore a backup.",
    "disk is full": "the disk is full. Make room and try again.",
}


def _advice(said: str) -> str:
    for sign, advice in _ADVICE.items():
        if sign in said:
            return f"{advice} ({said})"
    return said


def _migrate(engine: Engine, history: migrate.History, home: Path) -> None:
    with engine.connect() as connection:
        if migrate.is_current(connection, history):
            return
    with _migration_lock(engine, home), writing(engine) as connection:
        migrate.upgrade(connection, history)


def _migration_lock(engine: Engine, home: Path) -> AbstractContextManager[None]:
    return hold(home / "migrate.lock") if engine.dialect.name == "sqlite" else _advisory_lock(engine)


@contextmanager
def _advisory_lock(engine: Engine) -> Iterator[None]:
    """Postgres' lock by number, bound to the connection that took it."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
