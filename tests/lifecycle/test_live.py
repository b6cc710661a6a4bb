"""The configuration while it runs: what is taken, what is refused, and who wins over whom."""

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from pilothouse.access.audit import Audit
from pilothouse.config import Config, RagConfig
from pilothouse.errors import ConfigError, Conflict, NotFound
from pilothouse.lifecycle.live import LiveConfig, Swap, audited
from pilothouse.settings import Settings
from pilothouse.snapshot import Snapshot
from pilothouse.storage import SnapshotStore, Store, tables
from pilothouse.storage.changes import Changes


class Serving:
    """What a platform does with Snapshots. It cannot serve a `top_k` of 13."""

    def __init__(self) -> None:
        self.served: list[int] = []

    def prepare(self, config: Config) -> Swap:
        if config.rag.top_k == 13:
            raise ConfigError("rag.top_k: 13 brings bad luck.", param="rag.top_k")
        return lambda snapshot: self.served.append(snapshot.number)


def config(top_k: int) -> Config:
    return Config(rag=RagConfig(top_k=top_k))


def write(path: Path, top_k: int) -> None:
    path.write_text(f"# how many passages\nrag:\n  top_k: {top_k}\n")


class Bench:
    """A LiveConfig over a real store and a real file, and what it did."""

    def __init__(self, store: Store, path: Path) -> None:
        self.path = path
        self.changes = Changes(store.control)
        self.store = SnapshotStore(store.control, audited=audited)
        self.serving = Serving()
        self.audit = Audit(store.control)
        self.live = self.new()

    def new(self) -> LiveConfig:
        """As another process, or this one started again, would have it."""
        return LiveConfig(self.store, self.path, self.serving.prepare, notices=self.changes, interval=0.005)

    def edit(self, top_k: int) -> None:
        write(self.path, top_k)
        self.settle()

    def settle(self) -> None:
        for _ in range(2):
            self.live.check()

    @property
    def now(self) -> tuple[int, int]:
        """Number and top_k of what serves."""
        return self.live.snapshot.number, self.live.snapshot.config.rag.top_k


@pytest.fixture
def bench(store: Store, tmp_path: Path) -> Any:
    path = tmp_path / "pilothouse.yaml"
    write(path, 1)
    bench = Bench(store, path)
    bench.live.load()
    yield bench
    bench.changes.close()


def test_an_edited_file_is_the_next_snapshot(bench: Bench) -> None:
    assert bench.now == (1, 1)
    bench.edit(2)
    assert bench.now == (2, 2)
    assert bench.serving.served == [1, 2]
    assert [(r.number, r.source, r.author) for r in bench.store.history()] == [
        (2, "file", str(bench.path)),
        (1, "file", str(bench.path)),
    ]
    bench.path.unlink()
    bench.settle()
    assert bench.now == (2, 2)
    assert bench.live.problem is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rag:\n  top_k: 0\n", r"pilothouse\.yaml:2: rag\.top_k: Input should be"),
        ("rag:\n  topk: 3\n", r"pilothouse\.yaml:2: rag\.topk: unknown key; did you mean 'top_k'"),
        ("rag: [\n", r"pilothouse\.yaml:2: not valid YAML"),
        ("# x\nrag:\n  top_k: 13\n", r"pilothouse\.yaml:3: rag\.top_k: 13 brings bad luck"),
        ("", r"pilothouse\.yaml: is empty"),
    ],
)
def test_a_refused_file_is_told_with_its_line_once_and_the_old_one_serves(
    bench: Bench, caplog: pytest.LogCaptureFixture, text: str, words: str
) -> None:
    bench.path.write_text(text)
    for _ in range(3):
        bench.settle()
        bench.live.reload()
    assert bench.now == (1, 1)
    assert len(bench.store.history()) == 1, "what cannot serve is not stored"
    assert re.search(words, bench.live.problem or "")
    assert "Snapshot 1 does" in (bench.live.problem or "")
    assert [r.levelno for r in caplog.records] == [logging.ERROR]
    bench.edit(4)
    assert bench.now == (2, 4)
    assert bench.live.problem is None


def test_a_file_does_not_undo_what_a_person_changed(bench: Bench) -> None:
    bench.live.put(config(5), author="ana", source="api", expected_number=1)
    bench.settle()
    assert (bench.now, bench.live.problem) == ((2, 5), None)
    bench.edit(6)
    assert bench.now == (2, 5)
    problem = bench.live.problem or ""
    assert "was edited, but others changed the configuration since Snapshot 1:\n  2 by ana (api, " in problem
    assert ": rag.top_k\nThe file does not serve; Snapshot 2 does. `pilothouse config push --force`" in problem


def test_a_conflict_ends_when_the_file_gives_in_and_then_the_file_is_followed(bench: Bench) -> None:
    bench.live.put(config(5), author="ana", source="api")
    bench.edit(6)
    assert bench.live.problem
    bench.edit(5)
    assert (bench.now, bench.live.problem) == ((2, 5), None)
    bench.edit(7)
    assert (bench.now, bench.live.problem) == ((3, 7), None)


def test_a_conflict_ends_when_somebody_puts_what_the_file_says(bench: Bench) -> None:
    bench.live.put(config(5), author="ana", source="api")
    bench.edit(6)
    bench.store.put(config(6), author="cli", source="file")
    bench.live.reload()
    bench.live.check()
    assert (bench.now, bench.live.problem) == ((3, 6), None)


def test_a_restart_keeps_what_a_person_changed_and_shows_an_edit_made_meanwhile(bench: Bench) -> None:
    bench.live.put(config(5), author="ana", source="api")
    bench.live = bench.new()
    bench.live.load()
    assert (bench.now, bench.live.problem) == ((2, 5), None)
    write(bench.path, 8)
    bench.live = bench.new()
    bench.live.load()
    assert bench.now == (2, 5)
    assert "was edited, but others" in (bench.live.problem or "")


def test_a_file_that_nobody_edited_is_no_edit_after_an_upgrade(store: Store, bench: Bench) -> None:
    """As if the Snapshots were from before there were some keys, and one of a version that this cannot read."""
    bench.live.put(config(4), author="ana", source="api")
    bench.live.put(config(5), author="ana", source="api")
    with store.control.begin() as connection:
        for number, body in ((1, '{"rag": {"top_k": 1}}'), (2, '{"gone": 1}')):
            older = update(tables.snapshots).where(tables.snapshots.c.number == number)
            connection.execute(older.values(body=body, hash=f"of then {number}"))
    bench.live = bench.new()
    bench.live.load()
    assert (bench.now, bench.live.problem) == ((3, 5), None)


def test_a_restart_takes_a_file_that_nobody_overruled(bench: Bench) -> None:
    write(bench.path, 9)
    bench.live = bench.new()
    assert bench.live.load().number == 2
    bench.path.unlink()
    bench.live = bench.new()
    assert bench.live.load().config == config(9), "without a file the newest Snapshot serves"


def test_a_start_with_a_file_that_cannot_serve_says_so(bench: Bench) -> None:
    write(bench.path, 13)
    with pytest.raises(ConfigError, match=r"pilothouse\.yaml:3: rag\.top_k: 13 brings"):
        bench.new().load()


def test_a_put_that_cannot_serve_or_comes_late_changes_nothing(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="bad luck"):
        bench.live.put(config(13), author="ana", source="api")
    bench.live.put(config(3), author="bo", source="api")
    with pytest.raises(Conflict, match="2 by bo"):
        bench.live.put(config(4), author="ana", source="api", expected_number=1)
    assert bench.now == (2, 3)
    assert bench.serving.served == [1, 2]


def test_going_back_is_a_new_snapshot(bench: Bench) -> None:
    bench.edit(2)
    assert bench.live.rollback(1, author="ana", source="api").number == 3
    assert bench.now == (3, 1)
    bench.settle()
    assert bench.live.problem is None, "the file was not edited since"
    with pytest.raises(NotFound, match="no Snapshot 9"):
        bench.live.rollback(9, author="ana", source="api")


def test_every_change_is_audited_with_what_changed(bench: Bench) -> None:
    bench.live.put(config(2), author="ana", source="api")
    bench.live.put(config(2), author="bo", source="api")
    entries = list(bench.audit.list())[::-1]
    assert [(e.actor, e.source, e.action, e.subject) for e in entries] == [
        (str(bench.path), "file", "config.put", "snapshot:1"),
        ("ana", "api", "config.put", "snapshot:2"),
    ]
    assert (entries[1].before, entries[1].after) == ({"rag.top_k": 1}, {"rag.top_k": 2})


def test_a_snapshot_that_cannot_serve_here_is_told(bench: Bench) -> None:
    """Another process could: it has an environment of its own."""
    bench.store.put(config(13), author="ana", source="api")
    bench.live.reload()
    bench.live.check()
    assert bench.now == (1, 1)
    assert "Snapshot 2 by ana cannot serve here: rag.top_k: 13 brings" in (bench.live.problem or "")
    bench.store.put(config(3), author="ana", source="api")
    bench.live.reload()
    bench.live.check()
    assert (bench.now, bench.live.problem) == ((3, 3), None)


def test_an_edit_made_while_the_database_is_away_is_taken_when_it_is_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pilothouse.errors import StorageError

    def away(*_: Any) -> Snapshot:
        raise StorageError("The database: gone.")

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "current", away)
        bench.edit(2)
        assert "are not seen: The database: gone." in (bench.live.problem or "")
    for _ in range(3):
        bench.live.check()
    assert (bench.now, bench.live.problem) == ((2, 2), None)


def test_a_notice_from_another_thread_in_the_middle_of_a_look_is_not_lost(bench: Bench) -> None:
    class Interrupted(LiveConfig):
        interrupt = False

        @property
        def _behind(self) -> bool:
            was: bool = self.__dict__["behind"]
            if self.interrupt:
                self.interrupt = False
                self._noticed()  # right after it was asked whether there was one
            return was

        @_behind.setter
        def _behind(self, value: bool) -> None:
            self.__dict__["behind"] = value

    live = Interrupted(bench.store, None, bench.serving.prepare)
    live.load()
    live.check()
    bench.store.put(config(3), author="ana", source="api")
    live.interrupt = True
    for _ in range(2):
        live.check()
    assert live.snapshot.config == config(3)


@asynccontextmanager
async def running(live: LiveConfig) -> AsyncIterator[None]:
    task = asyncio.create_task(live.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what another thread or process brings about
            await asyncio.sleep(0.002)


async def test_run_sees_edits(bench: Bench) -> None:
    async with running(bench.live):
        write(bench.path, 2)
        await until(lambda: bench.now == (2, 2))


async def test_a_hangup_has_the_file_read_at_once(store: Store, bench: Bench) -> None:
    bench.live._interval = 3600
    async with running(bench.live):
        await until(lambda: signal.getsignal(signal.SIGHUP) not in (signal.SIG_DFL, None))
        write(bench.path, 2)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: bench.now == (2, 2))


OTHER = """
import sys
from pathlib import Path
from pilothouse.config import Config, RagConfig
from pilothouse.settings import Settings
from pilothouse.storage import SnapshotStore, open_store

store = open_store(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2] or None))
snapshots = SnapshotStore(store.control)
snapshots.put(Config(rag=RagConfig(top_k=int(sys.argv[3]))), author="other", source="api")
store.close()
"""


async def test_what_another_process_puts_serves_here(bench: Bench, settings: Settings) -> None:
    arguments = [sys.executable, "-c", textwrap.dedent(OTHER), str(settings.home), settings.database_url or ""]
    async with running(bench.live):
        for number, top_k in ((2, 7), (3, 8)):
            await asyncio.to_thread(subprocess.run, [*arguments, str(top_k)], check=True)
            await until(lambda expected=(number, top_k): bench.now == expected)  # type: ignore[misc]
    assert bench.live.problem is None
