"""Writes a corpus: everything between `begin` and `commit` becomes visible at once, or never.

The vectors go to their file first and are synced, then the database commits the rows that count. A killed writer
leaves the old version as it was. Knows nothing of files to read and of encoders.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilothouse.errors import Overloaded, StorageError
from pilothouse.ids import content_hash, now_us
from pilothouse.rag.chunk import Chunk
from pilothouse.rag.index import vectors_path
from pilothouse.rag.schema import DATABASE, FORMAT, connect, create_tables, explained, is_made
from pilothouse.storage.vectors import VectorFile
from pilothouse.types import Document

__all__ = ["Facts", "Known", "StoredChunk", "Writer"]

_logger = logging.getLogger(__name__)

_LOOK_AGAIN_MS = 500
_COMPACT_SHARE = 0.5  # of the rows: dead ones cost disk and search time, copying the live ones costs writing


@dataclass(frozen=True, slots=True)
class Known:
    """A document that the corpus holds: what it was made of, and how (`recipe`)."""

    id: int
    source: str
    hash: str
    recipe: str


@dataclass(frozen=True, slots=True)
class Facts:
    """A file as it was read. `recipe` names the way in which it was cut."""

    path: str
    hash: str
    recipe: str
    size: int
    modified_us: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """The texts of a chunk that the database holds."""

    id: int
    context: str
    text: str


class Writer:
    """One ingest. `with Writer(folder, fingerprint, dimensions) as writer: ... writer.commit()`.

    Only one may be open on a corpus, in any process. Entering waits for another to end, calling `waiting` about twice a
    second, and raises Overloaded after `patience` seconds.
    A change of the encoder (`fingerprint`), or damage to their file, drops all vectors: `unembedded` then names every
    chunk.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: str,
        dimensions: int,
        waiting: Callable[[], None] = lambda: None,
        patience: float = 600.0,
    ) -> None:
        self._folder = folder
        self._waiting = waiting
        self._patience = patience
        self._fingerprint = fingerprint
        self._dimensions = dimensions
        self._changes = 0

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{self._folder}: cannot be made: {error.strerror}.") from error
        self._connection = connect(self._folder, create=True)
        try:
            self._begin()
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._connection.rollback()
        self._connection.close()
        if isinstance(error, sqlite3.DatabaseError):
            raise StorageError(f"{self._folder / DATABASE}: {error}. The corpus is as it was before.") from error

    def _begin(self) -> None:
        self._lock()
        with explained(self._folder / DATABASE):
            if is_made(self._connection, self._folder):
                self._resume()
                return
            create_tables(self._connection)
            self._connection.execute(
                "INSERT INTO corpus VALUES (?, ?, ?, 1, 0)", (FORMAT, self._fingerprint, self._dimensions)
            )
            self._generation, self._rows = 1, 0
            self._vectors = self._new_file()

    def _lock(self) -> None:
        """Take SQLite's write lock, which ends with the process that holds it."""
        give_up_at = time.monotonic() + self._patience
        self._connection.execute(f"PRAGMA busy_timeout = {_LOOK_AGAIN_MS}")
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                if time.monotonic() >= give_up_at:
                    raise Overloaded(
                        f"Another ingest is writing to the corpus '{self._folder.name}'. Try again when it is done."
                    ) from error
            self._waiting()

    def _resume(self) -> None:
        """Take up where the last commit left off, and clear away what no version needs."""
        fingerprint, self._generation, self._rows = self._connection.execute(
            "SELECT fingerprint, generation, rows FROM corpus"
        ).fetchone()
        current = vectors_path(self._folder, self._generation)
        for stale in self._folder.glob("vectors-*.bin"):
            if stale != current:
                stale.unlink()
        if fingerprint == self._fingerprint and (vectors := _opened(current, self._rows)) is not None:
            self._vectors = vectors
            return
        self._connection.execute("DELETE FROM windows")
        self._connection.execute("DELETE FROM vectors")
        self._generation, self._rows = self._generation + 1, 0
        self._vectors = self._new_file()
        self._changes += 1

    def _new_file(self) -> VectorFile:
        return VectorFile.create(vectors_path(self._folder, self._generation), self._dimensions, self._fingerprint)

    @property
    def version(self) -> int:
        """The number of the version that readers see, 0 before the first."""
        (number,) = self._connection.execute("SELECT coalesce(max(number), 0) FROM versions").fetchone()
        return int(number)

    def known(self) -> dict[str, Known]:
        """The documents of the corpus by the absolute path of their file."""
        rows = self._connection.execute("SELECT path, id, source, hash, recipe FROM documents")
        return {row[0]: Known(*row[1:]) for row in rows}

    def remove(self, document: int) -> None:
        self._connection.execute("DELETE FROM documents WHERE id = ?", (document,))
        self._changes += 1

    def add(self, document: Document, facts: Facts, chunks: Sequence[Chunk]) -> None:
        """Store a document and its chunks, still without vectors."""
        cursor = self._connection.execute(
            "INSERT INTO documents (path, source, hash, recipe, title, size, modified_us, ingested_us, pages, chunks, "
            "metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                facts.path, document.source, facts.hash, facts.recipe, document.title, facts.size, facts.modified_us,
                now_us(), document.metadata.get("pages"), len(chunks), _json(document.metadata),
            ),
        )  # fmt: skip
        self._connection.executemany(
            "INSERT INTO chunks (key, document, context, text, page, headings) VALUES (?, ?, ?, ?, ?, ?)",
            [(c.id, cursor.lastrowid, c.context, c.text, c.page, _json(c.headings)) for c in chunks],
        )
        self._changes += 1

    def unembedded(self) -> list[int]:
        """The chunks without vectors."""
        rows = self._connection.execute("SELECT id FROM chunks WHERE id NOT IN (SELECT chunk FROM windows) ORDER BY id")
        return [row[0] for row in rows]

    def texts(self, chunks: Sequence[int]) -> list[StoredChunk]:
        marks = ",".join("?" * len(chunks))
        rows = self._connection.execute(f"SELECT id, context, text FROM chunks WHERE id IN ({marks})", chunks)
        return [StoredChunk(*row) for row in rows]

    def vectors_known(self, hashes: Sequence[str]) -> dict[str, int]:
        """The vectors that these hashes of texts already have."""
        found: dict[str, int] = {}
        for text_hash in hashes:
            row = self._connection.execute("SELECT id FROM vectors WHERE hash = ?", (text_hash,)).fetchone()
            if row is not None:
                found[text_hash] = row[0]
        return found

    def add_vectors(self, hashes: Sequence[str], rows: NDArray[np.float32]) -> dict[str, int]:
        """Append one vector per hash of a text; returns their numbers."""
        first = self._rows
        self._rows = self._vectors.append(rows, first)
        added: dict[str, int] = {}
        for offset, text_hash in enumerate(hashes):
            cursor = self._connection.execute(
                "INSERT INTO vectors (hash, row) VALUES (?, ?)", (text_hash, first + offset)
            )
            assert cursor.lastrowid is not None
            added[text_hash] = cursor.lastrowid
        return added

    def link(self, pairs: Iterator[tuple[int, int]]) -> None:
        """Say which vectors stand for which chunk: (chunk, vector)."""
        self._connection.executemany("INSERT OR IGNORE INTO windows VALUES (?, ?)", pairs)

    def commit(self) -> int:
        """Make the new version visible, where anything changed. Returns the number of the current version."""
        number = self.version
        if not self._changes:
            return number
        self._drop_unused_vectors()
        self._vectors.sync()
        self._connection.execute(
            "UPDATE corpus SET fingerprint = ?, dimensions = ?, generation = ?, rows = ?",
            (self._fingerprint, self._dimensions, self._generation, self._rows),
        )
        self._connection.execute(
            "INSERT INTO versions SELECT ?, ?, ?, count(*), coalesce(sum(chunks), 0) FROM documents",
            (number + 1, self._version_id(), now_us()),
        )
        self._connection.execute("COMMIT")
        return number + 1

    def _version_id(self) -> str:
        rows = self._connection.execute("SELECT source, hash, recipe FROM documents ORDER BY source").fetchall()
        return content_hash([self._fingerprint, [tuple(row) for row in rows]])

    def _drop_unused_vectors(self) -> None:
        """Forget vectors of no chunk; once most rows are such, copy the others into a new file."""
        self._connection.execute("DELETE FROM vectors WHERE id NOT IN (SELECT vector FROM windows)")
        live = self._connection.execute("SELECT id, row FROM vectors ORDER BY row").fetchall()
        if len(live) >= self._rows * _COMPACT_SHARE:
            return
        old = self._vectors.rows(self._rows)
        self._generation += 1
        self._vectors = self._new_file()
        self._rows = self._vectors.append(old[[row["row"] for row in live]], 0)
        moved = [(new, row["id"]) for new, row in enumerate(live)]
        self._connection.executemany("UPDATE vectors SET row = ? WHERE id = ?", moved)


def _opened(path: Path, rows: int) -> VectorFile | None:
    """The vectors at `path`, None where they must be made anew: the texts they are made of are in the database."""
    try:
        file = VectorFile.open(path)
        file.rows(rows)
    except StorageError as error:
        _logger.warning("%s All vectors of this corpus are made anew.", error)
        return None
    return file


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
