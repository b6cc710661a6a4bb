"""The configuration while it runs: validated first, then stored, then swapped in; what is refused changes nothing.

A new version comes from the YAML file, from a person (console, API, command line), or from another process through the
database. An edited file wins over a Snapshot that a file made, and over one that it had been made equal to. Over any
other Snapshot of somebody else it does not: the conflict is shown until `pilothouse config push --force` lets the file
win, or the file is made equal to what serves. Knows nothing of what a configuration is good for.
"""

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, cast

from sqlalchemy.engine import Connection

from pilothouse.access.audit import Actor, Source, record
from pilothouse.config import Config
from pilothouse.errors import ConfigError, Conflict, MissingExtra, StorageError
from pilothouse.lifecycle.watch import FileWatch
from pilothouse.snapshot import Snapshot, located, read_config
from pilothouse.storage.configs import differences
from pilothouse.storage.snapshots import TOPIC, SnapshotStore

__all__ = ["LiveConfig", "Notices", "Prepare", "Swap", "audited"]

Swap = Callable[[Snapshot], None]
Prepare = Callable[[Config], Swap]
"""Builds what a configuration needs and changes nothing; raises ConfigError. The Swap makes it the one that serves."""

_log = logging.getLogger("pilothouse.config")


class Notices(Protocol):
    """Tells of what other processes changed: storage.changes.Changes."""

    def on(self, topic: str, callback: Callable[[], object]) -> None: ...

    def check(self) -> None: ...


class LiveConfig:
    """The Snapshot that serves, and the way to the next one. Safe from any thread; `run` watches.

    `problem` says why a newer version does not serve, with file and line; None while all is well. `interval`, in
    seconds, is how often the file is looked at.
    """

    def __init__(
        self,
        store: SnapshotStore,
        path: Path | None,
        prepare: Prepare,
        *,
        notices: Notices | None = None,
        interval: float = 1.0,
    ) -> None:
        self.store = store
        self.snapshot = Snapshot(0, Config())
        self._prepare = prepare
        self._interval = interval
        self._lock = threading.RLock()
        self._watch = None if path is None else FileWatch(path)
        self._file: Config | None = None
        self._in_step: int | None = None  # the newest Snapshot that the file was equal to
        self._refused: dict[str, str] = {}
        self._behind = self._asked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None
        self._notices = notices
        if notices is not None:
            notices.on(TOPIC, self._noticed)

    @property
    def problem(self) -> str | None:
        return "\n".join(self._refused.values()) or None

    def load(self) -> Snapshot:
        """Start with the file, else with the newest Snapshot. Raises ConfigError where that one cannot serve."""
        with self._lock:
            text = self._watch.read() if self._watch else None
            if text is not None:
                self._take(text, edited=False)
            if self.snapshot.number == 0:
                newest = self.store.current() or self.snapshot
                self._serve(newest, self._prepare(newest.config))
            return self.snapshot

    def check(self) -> None:
        """Take what is new in the database and in the file. Blocks; what goes wrong is in `problem`."""
        try:
            if self._notices is not None:
                self._notices.check()
            with self._lock:
                now, behind = self._asked, self._behind
                if now:
                    self._asked = False
                if behind:  # and not else: it may be set by another thread between these two lines
                    self._behind = False
                if behind or now:
                    self._follow()
                self._look(now)
            self._allow("database")
        except StorageError as error:
            self._behind = True
            self._refuse("database", f"New versions of the configuration are not seen: {error.message}")

    def reload(self) -> None:
        """Have the next `check` read the file whether or not it has settled, and wake `run` for it. From any thread."""
        self._asked = True
        self._wake()

    def validate(self, config: Config) -> None:
        """Raises ConfigError where `config` could not serve here; changes nothing."""
        with self._lock:
            self._prepare(config)

    def put(self, config: Config, *, author: str, source: str, expected_number: int | None = None) -> Snapshot:
        """Make `config` the one that serves, as `SnapshotStore.put`. Raises ConfigError where it cannot; Conflict."""
        with self._lock:
            swap = self._prepare(config)
            snapshot = self.store.put(config, author=author, source=source, expected_number=expected_number)
            self._serve(snapshot, swap)
            return snapshot

    def rollback(self, number: int, *, author: str, source: str, expected_number: int | None = None) -> Snapshot:
        """Make what Snapshot `number` holds the next one. Raises NotFound, ConfigError and Conflict."""
        config = self.store.read(number).config
        return self.put(config, author=author, source=source, expected_number=expected_number)

    async def run(self) -> None:
        """Watch until cancelled: the file, SIGHUP, and what other processes put."""
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        with _on_hangup(self._loop, self.reload):
            while True:
                self._woken.clear()
                await asyncio.to_thread(self.check)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._interval):
                        await self._woken.wait()

    def _look(self, now: bool) -> None:
        if self._watch is None:
            return
        try:
            text = self._watch.read() if now else self._watch.poll()
            if text is None and now and "file" in self._refused:
                text = self._watch.text
            if text is not None:
                self._take(text, edited=True)
        except ConfigError as error:
            self._refuse("file", f"{error.message}\nThe file does not serve; Snapshot {self.snapshot.number} does.")
        except StorageError:
            self._watch.forget()
            raise

    def _take(self, text: str, *, edited: bool) -> None:
        """Make the file's text serve, where it may. Raises ConfigError."""
        assert self._watch is not None
        path = self._watch.path
        if edited and not text.strip():
            raise ConfigError(f"{path}: is empty. To serve the built-in models alone, write: models: {{}}")
        self._file = None
        config = self._file = read_config(path, text)
        current = self.store.current()
        if current is not None and current.config != config and not self._file_wins(config, current, edited):
            return
        try:
            number = 0 if current is None else current.number
            self.put(config, author=str(path), source="file", expected_number=number)
        except Conflict:  # somebody else was faster: look again, at theirs
            self._take(text, edited=edited)
        except MissingExtra:
            raise
        except ConfigError as error:
            raise located(path, text, error) from error

    def _file_wins(self, config: Config, current: Snapshot, edited: bool) -> bool:
        """The rule of this module's head. A file found at the start is edited where no Snapshot ever held the same."""
        revisions = self.store.history()
        if revisions[0].source == "file" or self._in_step == current.number:
            return True
        if edited or not self.store.held(config):
            since = next((r.number for r in revisions if r.source == "file"), current.number - 1)
            self._refuse("file", self._told_conflict(since, current))
        return False

    def _told_conflict(self, since: int, current: Snapshot) -> str:
        path = self._watch.path if self._watch else ""
        return "\n".join(
            [
                f"{path}: was edited, but others changed the configuration since Snapshot {since}:",
                *self.store.changed_since(since),
                f"The file does not serve; Snapshot {current.number} does. `pilothouse config push --force` lets the "
                "file win; made equal to what serves (`pilothouse config show`), it is followed again.",
            ]
        )

    def _follow(self) -> None:
        """Serve the newest Snapshot, which another process may have put."""
        named = "The newest Snapshot"
        try:
            newest = self.store.current()
            if newest is not None and newest.number != self.snapshot.number:
                named = f"Snapshot {newest.number} by {newest.author}"
                self._serve(newest, self._prepare(newest.config))
        except ConfigError as error:
            told = f"{named} cannot serve here: {error.message}"
            self._refuse("snapshot", f"{told}\nSnapshot {self.snapshot.number} goes on serving.")

    def _serve(self, snapshot: Snapshot, swap: Swap) -> None:
        if snapshot.number != self.snapshot.number or snapshot.number == 0:
            swap(snapshot)
            _log.info("Snapshot %d by %s serves", snapshot.number, snapshot.author)
        self.snapshot = snapshot
        self._allow("snapshot")
        if self._file is not None and self._file == snapshot.config:
            self._in_step = snapshot.number
            self._allow("file")

    def _refuse(self, what: str, problem: str) -> None:
        if self._refused.get(what) != problem:
            _log.error("%s", problem)
        self._refused[what] = problem

    def _allow(self, what: str) -> None:
        self._refused.pop(what, None)

    def _noticed(self) -> None:
        """Another process may have put a Snapshot. Called in the middle of a request: the work is left to `run`."""
        self._behind = True
        self._wake()

    def _wake(self) -> None:
        loop, woken = self._loop, self._woken
        if loop is not None and woken is not None and not loop.is_closed():
            loop.call_soon_threadsafe(woken.set)


def audited(connection: Connection, before: Snapshot | None, after: Snapshot, source: str, project_id: str) -> None:
    """Write a new Snapshot into the audit log, with the keys that changed; for `SnapshotStore`."""
    changed = differences(before.config if before else None, after.config)
    record(
        connection,
        Actor(after.author, cast(Source, source)),
        "config.put",
        f"snapshot:{after.number}",
        project_id=project_id,
        before={d.key: d.old for d in changed},
        after={d.key: d.new for d in changed},
    )


@contextlib.contextmanager
def _on_hangup(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> Iterator[None]:
    """SIGHUP calls back while the block runs, where this system has it and this thread may listen to it."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop.add_signal_handler(signal.SIGHUP, callback)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
