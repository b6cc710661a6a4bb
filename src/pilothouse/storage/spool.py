"""An append-only spool: what was appended survives the death of the process, and waits there to be moved elsewhere.

`append` is one system call into the page cache, so it survives kill -9; `sync` makes it survive the loss of power.
One directory per process, under `home/spool/`; the format and the reading are in `segments.py`. Knows nothing of what
the records mean.
"""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from zlib import crc32

from pilothouse.errors import Overloaded, StorageError
from pilothouse.ids import new_id
from pilothouse.storage.locks import hold, try_hold
from pilothouse.storage.segments import HEADER, MAGIC, Cursor, Segments, segment_name

__all__ = ["Cursor", "Orphan", "Spool", "orphans"]

_SEGMENT_BYTES = 64 * 1024 * 1024
_ORDINARY_BYTES = 64 * 1024
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Spool(Segments):
    """The spool of this process. Thread-safe; `dropped` counts the records refused under `on_full="drop"`.

    `max_bytes` bounds what was appended and not yet discarded; the disk may hold an eighth more. `on_full` is "stop" or
    "drop". Segments left in the directory by an earlier process are read first. Raises StorageError when the directory
    cannot be used, or is in use.
    """

    def __init__(self, directory: Path, max_bytes: int, on_full: str = "stop") -> None:
        self._claim = _claim(directory)
        super().__init__(directory)
        self._max_bytes = max_bytes
        self._segment_bytes = min(_SEGMENT_BYTES, max(1, max_bytes // 8))
        self._on_full = on_full
        self.dropped = 0
        self._unread = sum(self._sizes.values())
        self._unsynced: list[int] = []
        self._names_unsynced = False
        self._closed = False
        self._number = max(self._sizes, default=0)
        self._fd = -1
        self._size = 0
        try:
            self._start_segment()
        except OSError as error:
            os.close(self._claim)
            raise StorageError(f"{directory}: cannot be used for the spool: {error.strerror}.") from None

    @classmethod
    def open(cls, home: Path, max_bytes: int, on_full: str = "stop") -> Self:
        """A new spool for this process, in a directory of its own under `home`."""
        return cls(home / "spool" / new_id(), max_bytes, on_full)

    def append(self, payload: bytes) -> None:
        """Add one record. Once this returns, the record outlives the process.

        Raises Overloaded when the spool or the disk is full (unless `on_full` is "drop"), StorageError when the disk
        fails. Either way nothing of the record stays behind.
        """
        size = HEADER.size + len(payload)
        with self._lock:
            if self._closed:
                raise StorageError(f"{self.directory}: the spool is closed.")
            if self._unread + size > self._max_bytes:
                return self._refuse(f"holds {self._unread} bytes that are not in the database yet")
            try:
                if self._size and self._size + size > self._segment_bytes:
                    self._start_segment()
                written = os.writev(self._fd, (HEADER.pack(MAGIC, len(payload), crc32(payload, self._size)), payload))
            except OSError as error:
                self._undo()
                if error.errno not in _NO_ROOM:
                    raise StorageError(f"{self.directory}: cannot be written: {error.strerror}.") from error
                return self._refuse("has no room left on its disk")
            if written != size:
                self._undo()
                return self._refuse("has no room left on its disk")
            self._size += size
            self._sizes[self._number] = self._size
            self._unread += size

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add several records by one system call: all of them, or by the same errors none."""
        size = sum(map(len, payloads)) + HEADER.size * len(payloads)
        with self._lock:
            if self._closed:
                raise StorageError(f"{self.directory}: the spool is closed.")
            if self._unread + size > self._max_bytes:
                return self._refuse(f"holds {self._unread} bytes that are not in the database yet", len(payloads))
            try:
                if self._size and self._size + size > self._segment_bytes:
                    self._start_segment()
                if os.write(self._fd, _framed(payloads, self._size)) < size:
                    self._undo()
                    return self._refuse("has no room left on its disk", len(payloads))
            except OSError as error:
                self._undo()
                if error.errno not in _NO_ROOM:
                    raise StorageError(f"{self.directory}: cannot be written: {error.strerror}.") from error
                return self._refuse("has no room left on its disk", len(payloads))
            self._size += size
            self._sizes[self._number] = self._size
            self._unread += size

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another record of ordinary size (64 KiB)."""
        return self._unread + _ORDINARY_BYTES > self._max_bytes

    def sync(self) -> None:
        """Bring everything appended so far to the disk (fsync); the flush interval is the caller's.

        Raises StorageError when the disk fails.
        """
        with self._lock:
            if self._closed:
                return
            rotated, self._unsynced = self._unsynced, []
            names, self._names_unsynced = self._names_unsynced, False
            descriptors = [*rotated, os.dup(self._fd)]
        if names:
            descriptors.append(os.open(self.directory, os.O_RDONLY))
        try:
            for fd in descriptors:
                os.fsync(fd)
        except OSError as error:
            raise StorageError(f"{self.directory}: cannot be brought to the disk: {error.strerror}.") from error
        finally:
            for fd in descriptors:
                os.close(fd)

    def discard(self, cursor: Cursor) -> None:
        """Give back the room of what lies before `cursor`; segments wholly before it are deleted."""
        super().discard(cursor)
        with self._lock:
            self._unread = self._bytes_after(cursor)

    def close(self) -> None:
        """Sync and let go. The directory is removed when everything was read, else it becomes an orphan."""
        if self._closed:
            return
        try:
            self.sync()
        finally:
            with self._lock:
                self._closed = True
                os.close(self._fd)
                empty = self._unread == 0
            _release(self.directory, self._claim, remove=empty)

    def abandon(self) -> None:
        """Let go without touching the files: in a forked child, the spool is the parent's."""
        if not self._closed:
            self._closed = True
            for fd in (self._fd, *self._unsynced, self._claim):
                os.close(fd)

    def _is_consumed(self, cursor: Cursor) -> bool:
        return cursor.segment != self._number and super()._is_consumed(cursor)

    def _start_segment(self) -> None:
        path = self.directory / segment_name(self._number + 1)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._fd >= 0:
            self._unsynced.append(self._fd)
        self._fd, self._number, self._size = fd, self._number + 1, 0
        self._sizes[self._number] = 0
        self._names_unsynced = True

    def _undo(self) -> None:
        """Cut the file back to its last whole record; where even that fails, the next record starts another segment."""
        whole = self._sizes[self._number]
        try:
            os.ftruncate(self._fd, whole)
            self._size = whole
        except OSError:
            self._size = self._segment_bytes

    def _refuse(self, why: str, count: int = 1) -> None:
        if self._on_full == "drop":
            self.dropped += count
            return
        raise Overloaded(
            f"{self.directory}: the spool {why}, so nothing more is admitted. Check that the database is reachable, "
            "make room, or raise PILOTHOUSE_SPOOL_MAX_BYTES."
        )


def _framed(payloads: Sequence[bytes], offset: int) -> bytes:
    parts = bytearray()
    for payload in payloads:
        parts += HEADER.pack(MAGIC, len(payload), crc32(payload, offset + len(parts)))
        parts += payload
    return bytes(parts)


class Orphan(Segments):
    """The spool of a process that is gone. Whoever holds the object holds its lock: nobody else replays it."""

    def __init__(self, directory: Path, claim: int) -> None:
        super().__init__(directory)
        self._claim = claim

    def remove(self) -> None:
        """Delete it, once everything in it is safe elsewhere."""
        _release(self.directory, self._claim, remove=True)

    def release(self) -> None:
        """Leave it to another process, or to the next start."""
        _release(self.directory, self._claim, remove=False)


def orphans(home: Path) -> list[Orphan]:
    """The spools of dead processes under `home`, oldest first, each held for this process until removed or released."""
    root = home / "spool"
    if not root.is_dir():
        return []
    found = []
    with hold(root / ".lock"):
        for directory in sorted(path for path in root.iterdir() if path.is_dir()):
            claim = try_hold(directory / "lock")
            if claim is not None:
                found.append(Orphan(directory, claim))
    return found


def _claim(directory: Path) -> int:
    """Create the directory and take its lock, unseen by a process that looks for orphans meanwhile."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with hold(directory.parent / ".lock"):
            directory.mkdir(exist_ok=True, mode=0o700)
            claim = try_hold(directory / "lock")
    except OSError as error:
        raise StorageError(f"{directory}: cannot be used for the spool: {error.strerror}.") from None
    if claim is None:
        raise StorageError(f"{directory}: another process writes to this spool.")
    return claim


def _release(directory: Path, claim: int, *, remove: bool) -> None:
    with hold(directory.parent / ".lock"):
        if remove:
            shutil.rmtree(directory)
        os.close(claim)
