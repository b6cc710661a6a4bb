"""What one process writes is noticed by the next check of another; real processes, both databases."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from pilothouse.errors import StorageError
from pilothouse.settings import Settings
from pilothouse.storage import Store
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import writing

SCRIPT = Path(__file__).parent / "noticing_process.py"


class Counted:
    """A callback that counts, and that can be waited for."""

    def __init__(self) -> None:
        self.calls = 0
        self._called = threading.Condition()

    def __call__(self) -> None:
        with self._called:
            self.calls += 1
            self._called.notify_all()

    def wait(self, calls: int) -> bool:
        with self._called:
            return self._called.wait_for(lambda: self.calls >= calls, 30)


@pytest.fixture
def changes(store: Store) -> Iterator[Changes]:
    changes = Changes(store.control)
    yield changes
    changes.close()


def bump(store: Store, topic: str = "keys") -> int:
    with writing(store.control) as connection:
        return Changes.bump(connection, topic)


def test_numbers_grow_by_topic(store: Store) -> None:
    assert [bump(store), bump(store), bump(store, "snapshot"), bump(store)] == [1, 2, 1, 3]


def test_a_change_that_is_rolled_back_is_none(store: Store) -> None:
    with store.control.connect() as connection:
        assert Changes.bump(connection, "keys") == 1
        connection.rollback()
    assert bump(store) == 1


def test_callbacks_run_once_at_first_and_after_each_change_of_their_topic(store: Store, changes: Changes) -> None:
    keys, snapshot = Counted(), Counted()
    changes.on("keys", keys)
    changes.on("snapshot", snapshot)
    changes.check()
    assert keys.wait(1)
    assert snapshot.wait(1)
    bump(store)
    changes.check()
    assert keys.wait(2)
    bump(store, "snapshot")
    changes.check()
    assert snapshot.wait(2)
    changes.check()
    assert (keys.calls, snapshot.calls) == (2, 2)


@pytest.fixture
def other(settings: Settings, store: Store) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(SCRIPT), settings.control_url()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def ask(process: subprocess.Popen[str], line: str) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def test_another_process_sees_it(store: Store, other: subprocess.Popen[str]) -> None:
    """Under SQLite without waiting: the check that follows the commit sees it."""
    step = "check" if store.control.dialect.name == "sqlite" else "wait {}"
    assert ask(other, step.format(1)) == 1
    for n in range(2, 6):
        bump(store)
        bump(store, "other")
        assert ask(other, step.format(n)) == n


class TestSqlite:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(home=tmp_path / "home")

    def test_nothing_is_read_while_nobody_wrote(self, store: Store, changes: Changes) -> None:
        changes.check()
        reads: list[str] = []
        from sqlalchemy import event

        event.listen(store.control, "before_cursor_execute", lambda *given: reads.append(given[2]))
        changes.check()
        assert reads == []
        bump(store)
        reads.clear()
        changes.check()
        assert len([sql for sql in reads if "SELECT" in sql]) == 1

    def test_a_callback_that_failed_runs_again(self, store: Store, changes: Changes) -> None:
        failing = [StorageError("away"), StorageError("away")]
        done = Counted()

        def callback() -> None:
            if failing:
                raise failing.pop()
            done()

        changes.on("keys", callback)
        for _ in range(2):
            with pytest.raises(StorageError):
                changes.check()
        changes.check()
        assert done.calls == 1

    def test_after_close_nothing_is_noticed(self, store: Store, changes: Changes) -> None:
        counted = Counted()
        changes.on("keys", counted)
        changes.close()
        changes.check()
        assert counted.calls == 0


class TestPostgres:
    @pytest.fixture
    def settings(self, tmp_path: Path, migrated_url: str) -> Settings:
        return Settings(home=tmp_path / "home", database_url=migrated_url)

    def test_what_happened_while_the_connection_was_lost_is_found(
        self, store: Store, changes: Changes, caplog: pytest.LogCaptureFixture
    ) -> None:
        counted = Counted()
        changes.on("keys", counted)
        changes.check()
        assert counted.wait(1)
        with writing(store.control) as connection:
            Changes.bump(connection, "keys")
            assert connection.execute(text(END_LISTENERS)).all() == [(True,)]
        assert counted.wait(2)
        for n in (3, 4):
            bump(store)
            assert counted.wait(n)
        assert "trying again" in caplog.text

    def test_a_listener_that_broke_is_started_again(self, store: Store, changes: Changes, monkeypatch: Any) -> None:
        broken: list[object] = []
        monkeypatch.setattr(threading, "excepthook", broken.append)
        done = Counted()

        def callback() -> None:
            if not done.calls and not broken:
                raise ZeroDivisionError
            done()

        changes.on("keys", callback)
        changes.check()
        next(t for t in threading.enumerate() if t.name == "pilothouse-changes").join(30)
        assert len(broken) == 1
        changes.check()
        assert done.wait(1)


END_LISTENERS = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND query = 'LISTEN pilothouse'
"""
