"""Files that callers upload and that batches write, kept in the control database in parts of 1 MiB. Per project.

A file is written part by part and seen by nobody until it is complete. Knows nothing of what is in it, but that some
are read line by line.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.errors import Conflict, NotFound
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import writing
from pilothouse.storage.tables import batches, file_parts, files
from pilothouse.types import Json

__all__ = ["FINISHED", "FileStore", "FileWriter", "StoredFile", "complete_file", "delete_file"]

FINISHED = ("completed", "failed", "expired", "cancelled")
"""Statuses in which a batch needs its input no more."""

PART = 1024 * 1024
_SECOND = 1_000_000
_UPLOAD_US = 24 * 3600 * _SECOND  # what is not complete by then never will be
_PURGE_FILES = 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file; `bytes` is its size."""

    id: str
    purpose: str
    filename: str
    bytes: int
    created_us: int
    expires_us: int | None = None

    def to_json(self) -> Json:
        """OpenAI's file object."""
        return {
            "id": self.id, "object": "file", "bytes": self.bytes, "created_at": self.created_us // _SECOND,
            "expires_at": None if self.expires_us is None else self.expires_us // _SECOND, "filename": self.filename,
            "purpose": self.purpose, "status": "processed", "status_details": None,
        }  # fmt: skip


class FileWriter:
    """Takes a new file's bytes. `flush` what is left, then `complete_file`; or `discard`.

    Until then its `purpose` and `filename` may still change; it is kept for `keep_s` seconds, for good where None.
    """

    def __init__(self, engine: Engine, project_id: str, file_id: str, purpose: str, filename: str) -> None:
        self._engine = engine
        self._project_id = project_id
        self.purpose = purpose
        self.filename = filename
        self.keep_s: float | None = None
        self._waiting = bytearray()
        self._number = 0
        self._discarded = False
        self._lock = Lock()  # who is cancelled while a thread writes for him discards in another
        self.id = file_id
        self.size = 0

    @property
    def full(self) -> bool:
        """Whether there is a whole part to `flush`."""
        return len(self._waiting) >= PART

    def add(self, data: bytes) -> None:
        """Take some bytes; writes nothing yet."""
        self._waiting += data
        self.size += len(data)

    def flush(self, *, last: bool = False) -> None:
        """Write the whole parts, with `last` what is left as well. Blocks."""
        with self._lock:
            rows = []
            while self.full or (last and self._waiting):
                row = {"project_id": self._project_id, "file_id": self.id, "number": self._number}
                rows.append({**row, "data": bytes(self._waiting[:PART])})
                del self._waiting[:PART]
                self._number += 1
            if rows and not self._discarded:
                with writing(self._engine) as connection:
                    connection.execute(insert(file_parts), rows)

    def discard(self) -> None:
        """Forget the file, which nobody has seen; nothing more of it is written. Blocks."""
        with self._lock:
            self._discarded = True
            with writing(self._engine) as connection:
                delete_file(connection, self._project_id, self.id)


class FileStore:
    """The tables `files` and `file_parts`. `clock` gives UTC microseconds. All methods block."""

    def __init__(self, engine: Engine, clock: Callable[[], int] = now_us) -> None:
        self._engine = engine
        self._clock = clock

    def begin(self, project_id: str, purpose: str = "", filename: str = "") -> FileWriter:
        """A new file to write."""
        now = self._clock()
        writer = FileWriter(self._engine, project_id, f"file-{new_id(now)}", purpose, filename)
        row = {
            "project_id": project_id, "id": writer.id, "purpose": purpose, "filename": filename, "bytes": 0,
            "status": "uploading", "created_us": now,
        }  # fmt: skip
        with writing(self._engine) as connection:
            connection.execute(insert(files), row)
        return writer

    def complete(self, project_id: str, writer: FileWriter) -> StoredFile:
        """Write what is left; from now on the file is there."""
        writer.flush(last=True)
        with writing(self._engine) as connection:
            complete_file(connection, project_id, writer)
        return self.get(project_id, writer.id)

    def get(self, project_id: str, file_id: str, *, expired: bool = False) -> StoredFile:
        """Raises NotFound, also for one that has expired unless `expired` says that it will do: a batch that has not
        ended keeps its input."""
        query = select(files).where(*self._there(project_id, expired=expired), files.c.id == file_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"No such File object: {file_id[:128]}", param="id")
        return _file(row)

    def list(
        self, project_id: str, *, purpose: str | None = None, limit: int = 100, after: str | None = None,
        newest_first: bool = True,
    ) -> list[StoredFile]:  # fmt: skip
        """Files in the order of their making, at most `limit`, those after the file `after`."""
        query = select(files).where(*self._there(project_id))
        if purpose is not None:
            query = query.where(files.c.purpose == purpose)
        if after is not None:
            query = query.where(files.c.id < after if newest_first else files.c.id > after)
        query = query.order_by(files.c.id.desc() if newest_first else files.c.id).limit(limit)
        with self._engine.connect() as connection:
            return [_file(row) for row in connection.execute(query)]

    def parts(self, project_id: str, file_id: str) -> Iterator[bytes]:
        """The content, part by part, each read by a query of its own."""
        number = 0
        while (data := self.part(project_id, file_id, number)) is not None:
            yield data
            number += 1

    def part(self, project_id: str, file_id: str, number: int) -> bytes | None:
        """One part, None past the end."""
        this = (file_parts.c.project_id == project_id, file_parts.c.file_id == file_id)
        with self._engine.connect() as connection:
            return connection.scalar(select(file_parts.c.data).where(*this, file_parts.c.number == number))

    def lines(self, project_id: str, file_id: str) -> Iterator[bytes]:
        """The content line by line, without line ends; also one that does not end with one."""
        rest = bytearray()
        for part in self.parts(project_id, file_id):
            if b"\n" not in part:
                rest += part
                continue
            first, *whole, left = part.split(b"\n")
            yield bytes(rest) + first
            yield from whole
            rest = bytearray(left)
        if rest:
            yield bytes(rest)

    def delete(self, project_id: str, file_id: str) -> None:
        """Raises NotFound, or Conflict while a batch still reads it."""
        reads = (batches.c.project_id == project_id, batches.c.input_file_id == file_id)
        with writing(self._engine) as connection:
            here = select(files.c.id).where(*self._there(project_id), files.c.id == file_id)
            if connection.execute(here).one_or_none() is None:
                raise NotFound(f"No such File object: {file_id[:128]}", param="id")
            running = select(batches.c.id).where(*reads, batches.c.status.not_in(FINISHED)).limit(1)
            if (batch := connection.execute(running).one_or_none()) is not None:
                raise Conflict(f"Batch '{batch.id}' still reads this file: cancel it, or wait until it has ended.")
            delete_file(connection, project_id, file_id)

    def purge(self) -> int:
        """Delete some of the files that have expired or were never completed; returns how many. Call it now and then.

        The input of a batch that has not ended stays.
        """
        now = self._clock()
        broken = (files.c.status == "uploading") & (files.c.created_us < now - _UPLOAD_US)
        read = select(batches.c.id).where(
            batches.c.project_id == files.c.project_id, batches.c.input_file_id == files.c.id,
            batches.c.status.not_in(FINISHED),
        )  # fmt: skip
        query = select(files.c.project_id, files.c.id).where(or_(files.c.expires_us < now, broken), ~read.exists())
        with self._engine.connect() as connection:
            due = connection.execute(query.limit(_PURGE_FILES)).all()
        for row in due:
            with writing(self._engine) as connection:
                delete_file(connection, row.project_id, row.id)
        return len(due)

    def _there(self, project_id: str, *, expired: bool = False) -> tuple[Any, ...]:
        there = (files.c.project_id == project_id, files.c.status == "uploaded")
        return there if expired else (*there, or_(files.c.expires_us.is_(None), files.c.expires_us > self._clock()))


def complete_file(connection: Connection, project_id: str, writer: FileWriter) -> None:
    """Make a flushed file visible, inside the caller's transaction."""
    this = (files.c.project_id == project_id, files.c.id == writer.id)
    values: Json = {
        "status": "uploaded", "bytes": writer.size, "purpose": writer.purpose, "filename": writer.filename,
    }  # fmt: skip
    if writer.keep_s is not None:
        values["expires_us"] = files.c.created_us + int(writer.keep_s * _SECOND)
    connection.execute(update(files).where(*this).values(values))


def delete_file(connection: Connection, project_id: str, file_id: str) -> None:
    """Forget a file and its content, inside the caller's transaction."""
    connection.execute(delete(file_parts).where(file_parts.c.project_id == project_id, file_parts.c.file_id == file_id))
    connection.execute(delete(files).where(files.c.project_id == project_id, files.c.id == file_id))


def _file(row: Row[Any]) -> StoredFile:
    return StoredFile(row.id, row.purpose, row.filename, row.bytes, row.created_us, row.expires_us)
