"""Opens the databases, migrated before anybody sees them. Knows nothing of what the tables mean."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Engine

from pilothouse.errors import StorageError
from pilothouse.settings import Settings
from pilothouse.storage.engines import close_engine, open_engine, writing
from pilothouse.storage.keyring import Keyring
from pilothouse.storage.locks import hold
from pilothouse.storage.migrations import History, is_current
from pilothouse.storage.payload_days import PayloadDays
from pilothouse.storage.payloads import Packer

__all__ = ["Store", "open_engine", "open_store", "writing"]

_ADVISORY_LOCK = 0x70696C6F  # "pilo": taken by whoever migrates a Postgres database


@dataclass(frozen=True, slots=True)
class Store:
    """The open databases. Under Postgres, or where both URLs are the same, `control` and `observe` are one engine."""

    control: Engine
    observe: Engine
    payloads: PayloadDays
    packer: Packer = field(default_factory=Packer)
    """Packs bodies of spans and answers, and seals them where PILOTHOUSE_PAYLOAD_KEY is set."""

    def close(self) -> None:
        self.payloads.close()
        close_engine(self.control)
        close_engine(self.observe)


def open_store(settings: Settings) -> Store:
    """Create the home if need be, open the databases and bring their tables up to date.

    Raises StorageError when the home or a database cannot be used, MissingExtra when Postgres has no driver here.
    Safe to call from several processes at once.
    """
    packer = Packer(Keyring.of(settings.payload_key))
    make_home(settings.home)
    control = open_engine(settings.control_url(), durable=True)
    shared = settings.observe_url() == settings.control_url()
    observe = control if shared else open_engine(settings.observe_url(), durable=False, shrinks=True)
    store = Store(control, observe, PayloadDays(observe), packer)
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


def _migrate(engine: Engine, history: History, home: Path) -> None:
    with engine.connect() as connection:
        if is_current(connection, history):
            return
    from pilothouse.storage import migrate  # noqa: PLC0415 - Alembic costs 120 ms that a current database need not pay

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
