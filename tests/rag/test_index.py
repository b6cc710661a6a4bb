import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import ConfigError, InvalidRequest, NotFound
from pilothouse.rag import ChunkSettings, CorpusIndex, ingest
from pilothouse.rag.index import match_query
from pilothouse.rag.schema import check_name
from pilothouse.testing.hashing import HashingEncoder

from .conftest import Corpus
from .made import write_notes


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CorpusIndex]:
    folder = tmp_path_factory.mktemp("index")
    notes = write_notes(
        folder / "notes",
        {
            "tides.md": "---\nauthor: Ada\n---\n# Tides\nThe moon pulls the running waters.\n## Spring\nHighest.",
            "long.txt": " ".join(f"word{n}" for n in range(400)) + " needle",
        },
    )
    ingest(folder / "c", [notes], HashingEncoder(), ChunkSettings(512, 8), lambda done, total, note="": None)
    made = CorpusIndex(folder / "c")
    yield made
    made.close()


def test_documents_are_listed_with_their_facts(index: CorpusIndex) -> None:
    long, tides = index.documents()
    assert (tides.source, tides.title, tides.chunks, tides.pages) == ("tides.md", "Tides", 1, None)
    assert tides.metadata == {"encoding": "utf-8", "author": "Ada"}
    assert Path(tides.path).stat().st_size == tides.size
    assert tides.ingested_us > tides.modified_us > 0
    assert (long.source, long.chunks) == ("long.txt", 1)


def test_words_are_stemmed_and_accents_ignored(index: CorpusIndex) -> None:
    with index.reading() as reading:
        ((chunk, score),) = reading.bm25("rún", 5)
        assert score > 0
        assert reading.hits([chunk])[chunk].place == "tides.md, Tides"


def test_titles_and_headings_are_searched(index: CorpusIndex) -> None:
    with index.reading() as reading:
        assert len(reading.bm25("long", 5)) == 1
        assert len(reading.bm25("spring", 5)) == 1


def test_a_chunk_scores_as_its_best_window(index: CorpusIndex) -> None:
    vector = HashingEncoder().encode(["needle"])[0]
    with index.reading() as reading:
        chunks, cosines = reading.dense(vector)
        windows = reading._connection.execute("SELECT chunk, count(*) FROM windows GROUP BY chunk").fetchall()
        (best,) = reading.hits([int(chunks[cosines.argmax()])]).values()
    assert sorted(count for _, count in windows) == [1, 2]
    assert best.source == "long.txt"
    assert len(chunks) == len(cosines) == 2


@given(st.text(max_size=80))
def test_any_text_is_a_valid_query(index: CorpusIndex, text: str) -> None:
    with index.reading() as reading:
        reading.bm25(text, 3)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('"moon" AND (NOT tide*) NEAR/2 ^x -y', '"moon" OR "not" OR "tide" OR "near" OR "2" OR "x" OR "y"'),
        ("what is the", '"what" OR "is" OR "the"'),
        ("Was the MOON the moon?", '"moon"'),
        ("月が潮を", '"月が潮を"'),
        ("…?! ", ""),
    ],
)
def test_queries_hold_words_alone(text: str, match: str) -> None:
    assert match_query(text) == match


def test_a_query_without_words_finds_nothing(index: CorpusIndex) -> None:
    with index.reading() as reading:
        assert reading.bm25("?!", 3) == []


def test_another_encoder_is_refused_with_what_to_do(index: CorpusIndex) -> None:
    with index.reading() as reading:
        reading.check_encoder("hashing-64")
        with pytest.raises(ConfigError, match=r"hashing-64, but this platform has other.*rag ingest PATH --corpus c"):
            reading.check_encoder("other")


def test_a_corpus_that_was_never_made(tmp_path: Path) -> None:
    index = CorpusIndex(tmp_path / "nothing")
    assert not index.exists()
    with pytest.raises(NotFound, match="no corpus 'nothing'"):
        index.info()
    assert not (tmp_path / "nothing").exists()


def test_a_corpus_made_anew_is_not_taken_for_the_old_one(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "moon"})
    corpus.ingest(notes)
    with corpus.index.reading() as old:
        assert len(old.dense(np.ones(64, np.float32))[0]) == 1
        shutil.rmtree(corpus.folder)
        corpus.ingest(write_notes(notes, {"b.txt": "tide"}))
        assert sorted(corpus.texts()) == ["moon", "tide"]
        assert [hit.text for hit in old.hits([1]).values()] == ["moon"]
    assert sorted(corpus.texts()) == ["moon", "tide"]


def test_one_reading_after_the_other_is_over_one_connection(index: CorpusIndex) -> None:
    with index.reading() as first:
        pass
    with index.reading() as second, index.reading() as beside:
        assert first._connection is second._connection is not beside._connection


def test_what_is_read_with_while_the_index_closes_is_closed_too(corpus: Corpus, tmp_path: Path) -> None:
    corpus.ingest(write_notes(tmp_path / "notes", {"a.txt": "moon"}))
    with corpus.index.reading() as reading:
        corpus.index.close()
        assert reading.info.chunks == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        reading.documents()


def test_an_emptied_corpus_finds_nothing(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "one"})
    corpus.ingest(notes)
    (notes / "a.txt").unlink()
    assert corpus.ingest(notes).version == 2
    with corpus.index.reading() as reading:
        chunks, cosines = reading.dense(np.ones(64, np.float32))
        assert (len(chunks), len(cosines), reading.info.chunks) == (0, 0, 0)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a b", "x" * 65, "ü"])
def test_names_that_make_no_folder_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="no name for a corpus"):
        check_name(name)


@pytest.mark.parametrize("name", ["docs", "2023.Q1_reports-v2", "x" * 64])
def test_names_that_make_a_folder(name: str) -> None:
    assert check_name(name) == name
