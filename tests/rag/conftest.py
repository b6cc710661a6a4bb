"""What the tests of this room share."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pilothouse.rag import ChunkSettings, CorpusIndex, IngestReport, ingest
from pilothouse.testing.hashing import HashingEncoder


@pytest.fixture
def hashing() -> HashingEncoder:
    """An encoder that counts words: deterministic and instant."""
    return HashingEncoder()


class Corpus:
    """A corpus under test, in a folder of its own."""

    def __init__(self, folder: Path, encoder: HashingEncoder) -> None:
        self.folder = folder
        self.encoder = encoder
        self.index = CorpusIndex(folder)
        self.said: list[str] = []

    def ingest(self, *paths: Path, settings: ChunkSettings | None = None, patience: float = 600.0) -> IngestReport:
        def progress(done: int, total: int, note: str = "") -> None:
            self.said.append(f"{done}/{total} {note}")

        return ingest(self.folder, paths, self.encoder, settings or ChunkSettings(64, 8), progress, patience=patience)

    def texts(self) -> list[str]:
        """All chunks, in the order of their numbers."""
        with self.index.reading() as reading:
            chunks, _ = reading.dense(np.zeros(self.encoder.dimensions, np.float32))
            return [hit.text for _, hit in sorted(reading.hits(chunks.tolist()).items())]


@pytest.fixture
def corpus(tmp_path: Path, hashing: HashingEncoder) -> Iterator[Corpus]:
    made = Corpus(tmp_path / "corpora" / "notes", hashing)
    yield made
    made.index.close()
