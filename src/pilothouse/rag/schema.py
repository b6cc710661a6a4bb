"""The tables of a corpus: one SQLite file with documents, chunks, their full-text index and the numbers of their
vectors. Knows nothing of who reads or writes them."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pilothouse.errors import InvalidRequest, StorageError

__all__ = ["DATABASE", "FORMAT", "check_name", "connect", "corpus_folder", "create_tables", "explained", "is_made"]

DATABASE = "corpus.db"
FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BUSY_SECONDS = 10

# A vector belongs to the text it was made of (`hash`), not to a chunk: the same text is embedded once.
_TABLES = """
CREATE TABLE corpus (
    format INTEGER NOT NULL, fingerprint TEXT NOT NULL, dimensions INTEGER NOT NULL,
    generation INTEGER NOT NULL, rows INTEGER NOT NULL
);
CREATE TABLE versions (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, created_us INTEGER NOT NULL,
    documents INTEGER NOT NULL, chunks INTEGER NOT NULL
);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, source TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,
    recipe TEXT NOT NULL, title TEXT NOT NULL, size INTEGER NOT NULL, modified_us INTEGER NOT NULL,
    ingested_us INTEGER NOT NULL, pages INTEGER, chunks INTEGER NOT NULL, metadata TEXT NOT NULL
);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    context TEXT NOT NULL, text TEXT NOT NULL, page INTEGER, headings TEXT NOT NULL
);
CREATE INDEX chunks_document ON chunks (document);
CREATE TABLE vectors (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, row INTEGER NOT NULL);
CREATE TABLE windows (
    chunk INTEGER NOT NULL REFERENCES chunks ON DELETE CASCADE, vector INTEGER NOT NULL REFERENCES vectors,
    PRIMARY KEY (chunk, vector)
) WITHOUT ROWID;
CREATE INDEX windows_vector ON windows (vector);
CREATE VIRTUAL TABLE passages USING fts5(
    context, text, content='chunks', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
    INSERT INTO passages (rowid, context, text) VALUES (new.id, new.context, new.text);
END;
CREATE TRIGGER chunks_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO passages (passages, rowid, context, text) VALUES ('delete', old.id, old.context, old.text);
END;
"""


def check_name(corpus: str) -> str:
    """The name itself. Raises InvalidRequest for one that would not make a folder name on every system."""
    if not _NAME.fullmatch(corpus):
        raise InvalidRequest(
            f"'{corpus}' is no name for a corpus: use up to 64 letters, digits, '.', '_' and '-', a letter or digit "
            "first.",
            param="corpus",
        )
    return corpus


def corpus_folder(home: Path, project_id: str, corpus: str) -> Path:
    """Where a corpus lives; with an empty name, where all of a project's do."""
    return home / "corpora" / project_id / corpus


def connect(folder: Path, *, create: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, for one thread at a time. Raises StorageError where the file cannot be used."""
    path = folder / DATABASE
    with explained(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
            uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False,
        )  # fmt: skip
        try:
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
    return connection


def is_made(connection: sqlite3.Connection, folder: Path) -> bool:
    """Whether a first ingest was completed. Raises StorageError for tables of another version of this program."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'corpus'").fetchone() is None:
        return False
    (made_as,) = connection.execute("SELECT format FROM corpus").fetchone()
    if made_as != FORMAT:
        raise StorageError(
            f"{folder / DATABASE}: has the format {made_as}, this Pilothouse reads {FORMAT}. Ingest anew."
        )
    return True


def create_tables(connection: sqlite3.Connection) -> None:
    """Within the caller's transaction, which `executescript` would end."""
    statement = ""
    for line in _TABLES.strip().splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What SQLite says about an unusable file, as a StorageError that names it."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        advice = f" Remove the folder {path.parent} and ingest again." if damaged else ""
        raise StorageError(f"{path}: {error}.{advice}") from error
