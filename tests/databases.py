"""Databases for tests, made quickly: what the migrations make of a new file is kept once in each test process and
copied, what they say to another new database is said again, and a migrated Postgres database is emptied and lent again.

The migrations themselves are tested on databases that know nothing of this (tests/storage).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from pilothouse.ids import new_id
from pilothouse.settings import Settings
from pilothouse.storage import database, migrate, open_store
from pilothouse.storage.migrations import History

__all__ = ["Lent", "migrations_by_heart", "migrations_themselves"]

UPGRADE = migrate.upgrade
MIGRATE = database._migrate
Said = list[tuple[str, Any]]

_OF_DAYS = """
DO $$ DECLARE it record; BEGIN
  FOR it IN SELECT tablename AS name FROM pg_tables
      WHERE schemaname = 'public' AND tablename ~ '^(spans|payloads)_[0-9]{8}$' AND tablename <> 'spans_19700101' LOOP
    EXECUTE format('DROP TABLE %I', it.name);
  END LOOP;
END $$
"""
_EMPTY = """
DO $$ DECLARE it record; held boolean; BEGIN
  FOR it IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', it.name) INTO held;
    IF held THEN EXECUTE format('DELETE FROM %I', it.name); END IF;
  END LOOP;
  FOR it IN SELECT sequencename AS name FROM pg_sequences WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', it.name);
  END LOOP;
END $$
"""
_SHAPE = """
SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
  SELECT format('%s.%s %s %s', table_name, column_name, data_type, column_default) AS line
    FROM information_schema.columns WHERE table_schema = 'public'
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL SELECT format('%s %s', tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal) AS lines
"""


@contextmanager
def migrations_themselves() -> Iterator[None]:
    """While it lasts, a new database gets its tables as it does outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "upgrade", UPGRADE)
        patch.setattr(database, "_migrate", MIGRATE)
        yield


@contextmanager
def migrations_by_heart() -> Iterator[None]:
    """While it lasts, a new database gets its tables without Alembic."""
    heart = dict[tuple[str, History], Said]()
    files = dict[History, bytes]()

    def copied(engine: Engine, history: History, home: Path) -> None:
        file = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
        new = file is not None and not file.exists()
        if file is not None and new and history in files:
            _put(file, files[history])
        MIGRATE(engine, history, home)
        if new and history not in files:
            connection = engine.raw_connection()
            files[history] = cast("sqlite3.Connection", connection.dbapi_connection).serialize()
            connection.close()

    def quickly(connection: Connection, history: History) -> None:
        key = (connection.dialect.name, history)
        if migrate._heads(connection, history):
            UPGRADE(connection, history)
        elif key in heart:
            for statement, parameters in heart[key]:
                connection.exec_driver_sql(statement, parameters)
        else:
            heart[key] = said = []
            listen: Any = lambda _c, _cursor, statement, parameters, *_: said.append((statement, parameters))  # noqa: E731
            event.listen(connection, "before_cursor_execute", listen)
            try:
                UPGRADE(connection, history)
            except BaseException:
                del heart[key]
                raise
            finally:
                event.remove(connection, "before_cursor_execute", listen)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "upgrade", quickly)
        patch.setattr(database, "_migrate", copied)
        yield


def _put(file: Path, content: bytes) -> None:
    """Whole or not at all, and never over a file that another thread or process made meanwhile."""
    whole = file.with_name(new_id())
    whole.write_bytes(content)
    with suppress(FileExistsError):
        os.link(whole, file)
    whole.unlink()


class Lent:
    """Migrated databases of one Postgres `server`: each is like a new one whenever it is lent."""

    def __init__(self, server: Any, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._free: list[str] = []
        self._shape = ""
        self._rows: dict[str, list[tuple[Any, ...]]] = {}

    @contextmanager
    def one(self) -> Iterator[str]:
        """A database by its URL."""
        name = self._free.pop() if self._free else self._made()
        yield self._server.get_uri(database=name)
        if not self._emptied(name):
            with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        else:
            self._free.append(name)

    def _made(self) -> str:
        name = f"test_{new_id()}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        url = self._server.get_uri(database=name)
        open_store(Settings(home=self._folder, database_url=url)).close()
        if not self._shape:
            with psycopg.connect(url) as connection:
                self._shape = _one(connection, _SHAPE)
                tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
                for (table,) in tables:
                    if rows := connection.execute(f'SELECT * FROM "{table}"').fetchall():
                        self._rows[table] = rows
        return name

    def _emptied(self, name: str) -> bool:
        """Whether it could be made like a new one: not where a test changed its tables."""
        with psycopg.connect(self._server.get_uri(database=name), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute(_OF_DAYS)
            if _one(connection, _SHAPE) != self._shape:
                return False
            connection.execute("SET session_replication_role = replica")  # past the trigger that guards the audit log
            connection.execute(_EMPTY)
            for table, rows in self._rows.items():
                places = ", ".join(["%s"] * len(rows[0]))
                connection.cursor().executemany(f'INSERT INTO "{table}" VALUES ({places})', rows)
        return True


def _one(connection: Any, query: str) -> Any:
    return connection.execute(query).fetchone()[0]
