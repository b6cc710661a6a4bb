"""Reads a corpus: every read happens within one version of it, whatever an ingest writes in the meantime.

Dense search is exact and by chunk: a chunk scores as the best of its windows. Knows nothing of files and encoders.
"""

import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilothouse.errors import ConfigError, NotFound, StorageError
from pilothouse.rag.schema import DATABASE, connect, explained, is_made
from pilothouse.storage.vectors import VectorFile
from pilothouse.types import Hit, Json

__all__ = ["CorpusIndex", "CorpusInfo", "DocumentInfo", "Reading", "match_query", "vectors_path"]

_WORD = re.compile(r"\w+")
_MAX_TERMS = 64
# They stand in nearly every passage, so they cost time and say nothing.
_STOP_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "do", "does", "did", "for", "from", "had", "has", "have", "how",
    "in", "is", "it", "its", "of", "on", "or", "that", "the", "their", "there", "these", "this", "those", "to", "was",
    "were", "what", "when", "where", "which", "who", "why", "will", "with",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """What a corpus is at one version. `version_id` depends on its content alone, `version` counts its changes."""

    name: str
    version: int
    version_id: str
    documents: int
    chunks: int
    updated_us: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """One document of a corpus. `size` in bytes, times in UTC microseconds."""

    source: str
    title: str
    path: str
    hash: str
    size: int
    pages: int | None
    chunks: int
    modified_us: int
    ingested_us: int
    metadata: Json


FileId = tuple[int, int]
"""Device and inode: a corpus that was deleted and made anew has another file under the same path."""


@dataclass(frozen=True, slots=True)
class _View:
    """The vectors of one version. `rows[starts[i]:starts[i + 1]]` are those of `chunks[i]`."""

    of: tuple[FileId, int]
    matrix: NDArray[np.float32]
    chunks: NDArray[np.int64]
    starts: NDArray[np.intp]
    rows: NDArray[np.int64]


class CorpusIndex:
    """The corpus in `folder`, which need not exist yet. Safe to use from several threads; `close` it in the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self._file: FileId | None = None
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._view: _View | None = None

    def exists(self) -> bool:
        """Whether an ingest was ever completed."""
        try:
            self.info()
        except NotFound:
            return False
        return True

    def info(self) -> CorpusInfo:
        with self.reading() as reading:
            return reading.info

    def documents(self) -> list[DocumentInfo]:
        with self.reading() as reading:
            return reading.documents()

    @contextmanager
    def reading(self) -> Iterator["Reading"]:
        """One version of the corpus for as long as the block runs. Raises NotFound where there is none yet."""
        file = self._current_file()
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or connect(self.folder)
        try:
            with explained(self.folder / DATABASE):
                connection.execute("BEGIN")
                yield Reading(self, connection, file)
        finally:
            connection.rollback()
            with self._lock:
                kept = self._file == file
                if kept:
                    self._idle.append(connection)
            if not kept:
                connection.close()

    def view(self, of: tuple[FileId, int], connection: sqlite3.Connection) -> _View:
        """The vectors of a version of a file, kept for the next search while nothing changes."""
        view = self._view
        if view is None or view.of != of:
            view = self._view = _load_view(self.folder, of, connection)
        return view

    def close(self) -> None:
        """Close what is idle; what is being read with closes when it is done."""
        self._turn_to(None)

    def _current_file(self) -> FileId:
        """The database file as it is now; what was kept open of another one is let go."""
        try:
            facts = (self.folder / DATABASE).stat()
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"There is no corpus '{self.name}'.") from None
        file = (facts.st_dev, facts.st_ino)
        if file != self._file:
            self._turn_to(file)
        return file

    def _turn_to(self, file: FileId | None) -> None:
        with self._lock:
            self._file, idle, self._idle, self._view = file, self._idle, [], None
        for connection in idle:
            connection.close()


class Reading:
    """The questions one can ask of a version. Made by `CorpusIndex.reading`."""

    def __init__(self, index: CorpusIndex, connection: sqlite3.Connection, file: FileId) -> None:
        self._index = index
        self._connection = connection
        self._file = file
        self.info = _info(index.folder, connection)

    def check_encoder(self, fingerprint: str) -> None:
        """Raises ConfigError where the corpus was made by another encoder: its vectors cannot be compared."""
        if fingerprint != self.info.fingerprint:
            raise ConfigError(
                f"The corpus '{self.info.name}' was made with the encoder {self.info.fingerprint}, but this platform "
                f"has {fingerprint}. Make it anew: pilothouse rag ingest PATH --corpus {self.info.name}"
            )

    def documents(self) -> list[DocumentInfo]:
        rows = self._connection.execute(
            "SELECT source, title, path, hash, size, pages, chunks, modified_us, ingested_us, metadata FROM documents "
            "ORDER BY source"
        )
        return [DocumentInfo(**{**dict(row), "metadata": msgspec.json.decode(row["metadata"])}) for row in rows]

    def dense(self, query: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(chunk numbers, cosine of each chunk's best window with the query) for all chunks."""
        view = self._index.view((self._file, self.info.version), self._connection)
        if not len(view.chunks):
            return view.chunks, np.empty(0, np.float32)
        scores = view.matrix @ query
        return view.chunks, np.maximum.reduceat(scores[view.rows], view.starts)

    def bm25(self, text: str, limit: int) -> list[tuple[int, float]]:
        """(chunk number, BM25 score, higher is better), best first. Any text is a valid query."""
        match = match_query(text)
        if not match:
            return []
        rows = self._connection.execute(
            "SELECT rowid, -rank FROM passages WHERE passages MATCH ? ORDER BY rank LIMIT ?", (match, limit)
        )
        return [(row[0], row[1]) for row in rows]

    def hits(self, chunks: Sequence[int]) -> dict[int, Hit]:
        """The chunks of these numbers, without score and ranks."""
        marks = ",".join("?" * len(chunks))
        rows = self._connection.execute(
            "SELECT chunks.id, key, text, page, headings, source, title FROM chunks "
            f"JOIN documents ON documents.id = document WHERE chunks.id IN ({marks})",
            [int(chunk) for chunk in chunks],
        )
        return {
            row["id"]: Hit(
                row["key"], row["text"], row["source"], row["title"], row["page"],
                tuple(msgspec.json.decode(row["headings"])),
            )
            for row in rows
        }  # fmt: skip


def match_query(text: str) -> str:
    """An FTS5 query for any of the words of a text, whatever signs it holds; empty where it has no words."""
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))
    telling = [word for word in words if word not in _STOP_WORDS] or words
    return " OR ".join(f'"{word}"' for word in telling[:_MAX_TERMS])


def vectors_path(folder: Path, generation: int) -> Path:
    """The file of vectors that a corpus uses since its last compaction or change of encoder."""
    return folder / f"vectors-{generation}.bin"


def _info(folder: Path, connection: sqlite3.Connection) -> CorpusInfo:
    if not is_made(connection, folder):
        raise NotFound(f"There is no corpus '{folder.name}' yet: its first ingest is not complete.")
    row = connection.execute(
        "SELECT number, id, documents, chunks, created_us, fingerprint FROM versions, corpus "
        "ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return CorpusInfo(folder.name, *row)


def _load_view(folder: Path, of: tuple[FileId, int], connection: sqlite3.Connection) -> _View:
    generation, count = connection.execute("SELECT generation, rows FROM corpus").fetchone()
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples: numpy reads them several times faster
    cursor.execute("SELECT chunk, row FROM windows JOIN vectors ON vectors.id = vector ORDER BY chunk")
    pairs = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    try:
        matrix = VectorFile.open(vectors_path(folder, generation)).rows(count)
    except StorageError as error:
        raise StorageError(f"{error.message} The next ingest into '{folder.name}' makes its vectors anew.") from error
    chunks, starts = np.unique(pairs[:, 0], return_index=True)
    return _View(of, matrix, chunks, starts, pairs[:, 1])
