"""Opening databases: pragmas, transactions, and an error that names the place for each way it can go wrong."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from pilothouse.errors import ConfigError, MissingExtra, StorageError
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store, writing
from pilothouse.storage.database import open_engine

from ..databases import migrations_themselves


@pytest.fixture
def settings(new_settings: Settings) -> Settings:
    return new_settings


def test_sqlite_pragmas(tmp_path: Path) -> None:
    with migrations_themselves():
        store = open_store(Settings(home=tmp_path / "home"))
    expected = {"control": 2, "observe": 1}  # FULL, NORMAL
    for name, synchronous in expected.items():
        with getattr(store, name).connect() as connection:
            pragmas = {
                p: connection.scalar(text(f"PRAGMA {p}")) for p in ("journal_mode", "synchronous", "foreign_keys")
            }
        assert pragmas == {"journal_mode": "wal", "synchronous": synchronous, "foreign_keys": 1}
    store.close()
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"control.db", "observe.db", "migrate.lock"}
    assert (tmp_path / "home").stat().st_mode & 0o077 == 0


def test_one_url_means_one_engine(postgres_url: str, tmp_path: Path) -> None:
    for url in (postgres_url, f"sqlite:///{tmp_path / 'one.db'}"):
        store = open_store(Settings(home=tmp_path / "home", database_url=url))
        assert store.control is store.observe
        store.close()


def test_a_store_can_be_opened_again(settings: Settings) -> None:
    for _ in range(2):
        open_store(settings).close()


def test_a_connection_in_use_is_closed_once_it_is_given_back(settings: Settings) -> None:
    store = open_store(settings)
    engine = store.observe
    for _ in range(2):  # taken before and after the store is closed
        with engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            store.close()
            assert connection.execute(text("SELECT 1")).scalar() == 1
        with pytest.raises(Exception, match="closed"):
            raw.cursor().execute("SELECT 1")  # type: ignore[union-attr]


def test_two_processes_migrate_at_once(settings: Settings) -> None:
    script = (
        "import sys; from pathlib import Path; from pilothouse.settings import Settings\n"
        "from pilothouse.storage import open_store\n"
        "import pilothouse.storage.migrate\n"
        "settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2] or None)\n"
        "print('ready', flush=True); sys.stdin.readline(); open_store(settings).close()\n"
    )
    command = [sys.executable, "-c", script, str(settings.home), settings.database_url or ""]
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")


def test_writing_lets_one_in_after_the_other(store: Store) -> None:
    """Read, then write, from many threads: no update is lost and none fails."""
    with store.control.begin() as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    lock = "" if store.control.dialect.name == "sqlite" else " FOR UPDATE"

    def count() -> None:
        for _ in range(10):
            with writing(store.control) as connection:
                n = connection.scalar(text(f"SELECT n FROM counter{lock}"))
                connection.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.control.connect() as connection:
        assert connection.scalar(text("SELECT n FROM counter")) == 40


def test_ddl_is_rolled_back(store: Store) -> None:
    with store.control.connect() as connection:
        connection.execute(text("CREATE TABLE half (n INTEGER)"))
        connection.rollback()
        assert not inspect(connection).has_table("half")


def test_a_locked_database_is_a_storage_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    engine = open_engine(f"sqlite:///{path}", timeout=0.01)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError, match=r"a\.db: database is locked\. Another process holds"), writing(engine):
        pass
    holder.close()
    engine.dispose()


def test_who_only_reads_waits_for_no_lock(tmp_path: Path) -> None:
    """Not even where every connection is new."""
    settings = Settings(home=tmp_path / "home")
    open_store(settings).close()
    with sqlite3.connect(settings.home / "observe.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        engine = open_engine(settings.observe_url(), durable=False, shrinks=True, timeout=0.01)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM spans")) == 0
            assert connection.scalar(text("PRAGMA auto_vacuum")) == 2
        engine.dispose()
    other.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "control.db").write_text("Dear diary, " * 100)
    with pytest.raises(StorageError, match=r"control\.db: file is not a database\. .*restore a backup"):
        open_store(Settings(home=tmp_path))


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(StorageError, match=r"file.*: cannot be made the data folder: .*PILOTHOUSE_HOME"):
            open_store(Settings(home=home))


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "control.db").mkdir()
    with pytest.raises(StorageError, match=r"control\.db: unable to open database file"):
        open_store(Settings(home=tmp_path))


def test_an_unreachable_postgres_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://me:s3cret@127.0.0.1:1/pilot?password=s3cret"
    with pytest.raises(
        StorageError, match=r"postgresql\+psycopg://me:\*\*\*@127\.0\.0\.1:1/pilot: connection"
    ) as caught:
        open_store(Settings(home=tmp_path, database_url=url))
    assert "s3cret" not in str(caught.value)


def test_a_mistake_in_sql_stays_what_it_is(store: Store) -> None:
    with pytest.raises(Exception, match="nowhere") as caught, store.control.connect() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
    assert not isinstance(caught.value, StorageError)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_postgres_without_its_driver_names_the_extra(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"pilothouse\[postgres\]"):
        open_engine(f"{scheme}://localhost/pilot")


@pytest.mark.parametrize(("url", "says"), [("mysql://localhost/x", "mysql"), ("what is this", "not a database URL")])
def test_a_url_that_cannot_be_used(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        open_engine(url)


def test_a_postgres_that_went_away_is_a_storage_error_and_comes_back(postgres_url: str, tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path, database_url=postgres_url))
    kill = text("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(StorageError, match="terminating connection"), store.control.connect() as connection:
        connection.execute(kill)
    with store.control.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    store.close()


def test_operational_errors_of_sqlite_are_told_apart(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(OperationalError), engine.connect() as connection:
        connection.execute(text("SELEC 1"))
    engine.dispose()
