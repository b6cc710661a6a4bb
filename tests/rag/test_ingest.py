import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pilothouse.errors import Cancelled, InvalidRequest, Overloaded, StorageError
from pilothouse.rag import ChunkSettings, IngestReport, ingest
from pilothouse.rag.schema import DATABASE
from pilothouse.rag.writer import Writer
from pilothouse.testing.hashing import HashingEncoder

from .conftest import Corpus
from .made import paragraphs, write_notes, write_pdf

# An ingest that stops before its end: the encoder says that it has begun, then waits for ever.
_STUCK = """
import sys
from contextlib import closing
from pathlib import Path
from pilothouse.rag import ChunkSettings, ingest
from pilothouse.testing.hashing import HashingEncoder

class Stuck(HashingEncoder):
    calls = 0

    def encode(self, texts):
        self.calls += 1
        if self.calls > 1:
            print("embedding", flush=True)
            sys.stdin.read()
        return super().encode(texts)

ingest(Path(sys.argv[1]), [Path(sys.argv[2])], Stuck(), ChunkSettings(64, 8), lambda done, total, note="": None)
"""


def statuses(report: IngestReport) -> dict[str, str]:
    return {outcome.source: outcome.status for outcome in report.outcomes}


def stuck_ingest(folder: Path, notes: Path) -> "subprocess.Popen[str]":
    """A child process in the middle of embedding."""
    child = subprocess.Popen(
        [sys.executable, "-c", _STUCK, folder, notes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "embedding\n"
    return child


def kill(child: "subprocess.Popen[str]") -> None:
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()


def many_notes(count: int) -> dict[str, str]:
    return {f"n{i:02}.txt": f"Note {i} is about subject{i}." for i in range(count)}


def test_a_folder_becomes_a_corpus(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(
        tmp_path / "notes", {"a.md": "# Tides\nThe moon pulls.", "sub/b.txt": "Rain falls.", "c.xyz": ""}
    )
    report = corpus.ingest(notes)
    assert statuses(report) == {"a.md": "added", "sub/b.txt": "added"}
    assert (report.previous_version, report.version, report.failed, report.embedded) == (0, 1, 0, 2)
    assert report.skipped == {".xyz": 1}
    info = corpus.index.info()
    assert (info.version, info.documents, info.chunks, info.fingerprint) == (1, 2, 2, "hashing-64")
    assert corpus.texts() == ["The moon pulls.", "Rain falls."]
    assert corpus.said[0] == "0/2 Reading a.md"
    assert corpus.said[-1] == "2/2 Embedding passages"


def test_ingesting_twice_changes_nothing(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "one", "b.txt": "two"})
    corpus.ingest(notes)
    before = corpus.index.info()
    report = corpus.ingest(notes)
    assert statuses(report) == {"a.txt": "unchanged", "b.txt": "unchanged"}
    assert (report.changed, report.embedded) == (False, 0)
    assert corpus.index.info() == before


def test_a_changed_file_replaces_its_chunks(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "old words", "b.txt": "stays"})
    corpus.ingest(notes)
    write_notes(notes, {"a.txt": "new words"})
    report = corpus.ingest(notes)
    assert statuses(report) == {"a.txt": "changed", "b.txt": "unchanged"}
    assert (report.version, report.embedded) == (2, 1)
    assert sorted(corpus.texts()) == ["new words", "stays"]


def test_a_deleted_file_takes_its_chunks_along(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "one", "b.txt": "two"})
    other = write_notes(tmp_path / "other", {"c.txt": "three"})
    corpus.ingest(notes, other)
    (notes / "a.txt").unlink()
    report = corpus.ingest(notes)
    assert statuses(report) == {"a.txt": "removed", "b.txt": "unchanged"}
    assert sorted(corpus.texts()) == ["three", "two"]
    with corpus.index.reading() as reading:
        assert reading.bm25("one", 5) == []


def test_the_version_id_depends_on_the_content_alone(tmp_path: Path, hashing: HashingEncoder) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "one", "b.txt": "two"})
    first, second = Corpus(tmp_path / "c1", hashing), Corpus(tmp_path / "c2", hashing)
    first.ingest(notes)
    second.ingest(notes / "b.txt")
    alone = second.index.info().version_id
    second.ingest(notes)
    ids = (first.index.info().version_id, second.index.info().version_id)
    first.index.close()
    second.index.close()
    assert ids[0] == ids[1] != alone


def test_a_corrupt_file_is_reported_and_the_others_are_in(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "fine", "bad.pdf": "no pdf"})
    write_pdf(notes / "good.pdf", [paragraphs(["A page."]), []])
    report = corpus.ingest(notes)
    assert report.failed == 1
    outcomes = {outcome.source: outcome for outcome in report.outcomes}
    assert outcomes["bad.pdf"].reason == "is not a readable PDF file, or has no pages."
    assert outcomes["good.pdf"].reason == "1 of 2 pages hold no text (scans are not read)"
    assert sorted(corpus.texts()) == ["A page.", "fine"]
    assert IngestReport.from_json(report.to_json()) == report


def test_a_file_that_became_corrupt_keeps_its_last_version(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "fine"})
    corpus.ingest(notes)
    (notes / "a.txt").write_bytes(b"\0\0\0")
    report = corpus.ingest(notes)
    assert report.outcomes[0].reason == "is a binary file, not text. The version read before stays."
    assert corpus.texts() == ["fine"]


def test_only_bad_files_make_no_corpus(corpus: Corpus, tmp_path: Path) -> None:
    report = corpus.ingest(write_notes(tmp_path / "notes", {"bad.pdf": ""}))
    assert (report.failed, report.version) == (1, 0)
    assert not corpus.index.exists()


def test_two_folders_may_hold_the_same_name(corpus: Corpus, tmp_path: Path) -> None:
    folders = [write_notes(tmp_path / parent / "docs", {"a.txt": f"in {parent}"}) for parent in ("x", "y", "z")]
    for folder in folders:
        corpus.ingest(folder)
    sources = [document.source for document in corpus.index.documents()]
    assert sources == sorted(["a.txt", "docs/a.txt", str(folders[2] / "a.txt")])
    assert statuses(corpus.ingest(*folders)) == dict.fromkeys(sources, "unchanged")


def test_other_chunk_sizes_cut_everything_anew(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": " ".join(f"w{i}" for i in range(60))})
    corpus.ingest(notes)
    report = corpus.ingest(notes, settings=ChunkSettings(20, 0))
    assert statuses(report) == {"a.txt": "changed"}
    assert len(corpus.texts()) == 3


def test_the_same_text_is_embedded_once(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"x/a.txt": "boilerplate", "y/a.txt": "boilerplate"})
    assert corpus.ingest(notes).embedded == 1
    (notes / "x").rename(notes / "w")
    report = corpus.ingest(notes)
    assert (report.embedded, report.version) == (0, 2)
    assert corpus.texts() == ["boilerplate", "boilerplate"]


def test_another_encoder_embeds_the_whole_corpus_anew(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "one", "b.txt": "two"})
    corpus.ingest(notes)
    corpus.encoder = HashingEncoder(32, seed="other")
    (notes / "a.txt").unlink()
    report = corpus.ingest(notes / "b.txt")
    assert (report.embedded, report.version) == (2, 2)
    assert corpus.index.info().fingerprint == "hashing-32other"
    assert sorted(corpus.texts()) == ["one", "two"]


@pytest.mark.parametrize("damage", [None, b"", b"pilothouse", b"x" * 5000])
def test_lost_vectors_are_told_and_made_anew(corpus: Corpus, tmp_path: Path, damage: bytes | None) -> None:
    notes = write_notes(tmp_path / "notes", {"a.md": "# A\napples", "b.md": "# B\nbears"})
    corpus.ingest(notes)
    (vectors,) = corpus.folder.glob("vectors-*.bin")
    if damage is None:
        vectors.unlink()
    else:
        vectors.write_bytes(damage)
    with pytest.raises(StorageError, match=r"vectors-1\.bin: .*The next ingest into 'notes' makes its vectors anew"):
        corpus.texts()
    report = corpus.ingest(notes)
    assert (report.version, report.embedded) == (2, 2)
    assert corpus.texts() == ["apples", "bears"]


def test_dead_vectors_are_cleared_away(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", many_notes(20))
    corpus.ingest(notes)
    for i in range(15):
        (notes / f"n{i:02}.txt").unlink()
    corpus.ingest(notes)
    write_notes(notes, {"new.txt": "Something new."})
    corpus.ingest(notes)
    (file,) = corpus.folder.glob("vectors-*.bin")
    assert file.stat().st_size == 512 + 6 * 64 * 4
    vector = corpus.encoder.encode(["n17 Note 17 is about subject17."])[0]
    with corpus.index.reading() as reading:
        chunks, cosines = reading.dense(vector)
        assert reading.hits([int(chunks[cosines.argmax()])]).popitem()[1].source == "n17.txt"


def test_a_reader_keeps_its_version_while_another_is_made(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "old words"})
    corpus.ingest(notes)
    write_notes(notes, {"a.txt": "new words"})
    with corpus.index.reading() as reading:
        corpus.ingest(notes)
        chunks, _ = reading.dense(corpus.encoder.encode(["x"])[0])
        assert [hit.text for hit in reading.hits(chunks.tolist()).values()] == ["old words"]
        assert reading.bm25("new", 5) == []
    assert corpus.texts() == ["new words"]


def test_a_killed_ingest_leaves_the_old_version(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", many_notes(40))
    corpus.ingest(notes / "n00.txt")
    before = (corpus.index.info(), corpus.texts())
    child = stuck_ingest(corpus.folder, notes)
    during = (corpus.index.info(), corpus.texts())
    kill(child)
    assert during == before
    assert (corpus.index.info(), corpus.texts()) == before
    report = corpus.ingest(notes)
    assert (report.version, report.count("added"), report.embedded) == (2, 39, 39)
    assert len(corpus.texts()) == 40


def test_a_killed_first_ingest_leaves_no_corpus(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", many_notes(40))
    kill(stuck_ingest(corpus.folder, notes))
    assert not corpus.index.exists()
    assert corpus.ingest(notes).version == 1


def test_a_second_ingest_waits_for_the_first(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", many_notes(40))
    child = stuck_ingest(corpus.folder, notes)

    def progress(done: int, total: int, note: str = "") -> None:
        if note.startswith("Waiting"):
            kill(child)

    assert ingest(corpus.folder, [notes], corpus.encoder, ChunkSettings(64, 8), progress).version == 1
    assert child.returncode == -signal.SIGKILL


def test_a_wait_in_vain_is_told(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", many_notes(40))
    child = stuck_ingest(corpus.folder, notes)
    try:
        with pytest.raises(Overloaded, match="Another ingest is writing to the corpus 'notes'"):
            corpus.ingest(notes, patience=0)
    finally:
        kill(child)


def test_a_cancelled_ingest_leaves_the_old_version(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "one", "b.txt": "two"})
    corpus.ingest(notes / "a.txt")

    def progress(done: int, total: int, note: str = "") -> None:
        if note.startswith("Embedding"):
            raise Cancelled("The job was asked to stop.")

    with pytest.raises(Cancelled):
        ingest(corpus.folder, [notes], corpus.encoder, ChunkSettings(64, 8), progress)
    assert corpus.texts() == ["one"]


def test_a_failing_encoder_leaves_the_old_version(corpus: Corpus, tmp_path: Path) -> None:
    class Failing(HashingEncoder):
        def encode(self, texts):  # type: ignore[no-untyped-def]
            raise RuntimeError("out of memory")

    notes = write_notes(tmp_path / "notes", {"a.txt": "one", "b.txt": "two"})
    corpus.ingest(notes / "a.txt")
    corpus.encoder = Failing()
    with pytest.raises(RuntimeError):
        corpus.ingest(notes)
    assert corpus.texts() == ["one"]


def test_a_missing_path_is_refused_before_anything_is_made(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no such file or folder"):
        corpus.ingest(tmp_path / "nowhere")
    assert not corpus.folder.exists()


def test_a_damaged_database_is_named(corpus: Corpus, tmp_path: Path) -> None:
    corpus.folder.mkdir(parents=True)
    (corpus.folder / DATABASE).write_bytes(b"this is no database " * 100)
    with pytest.raises(StorageError, match=r"corpus\.db: file is not a database"):
        corpus.ingest(write_notes(tmp_path / "notes", {"a.txt": "one"}))
    with pytest.raises(StorageError, match=r"not a database\. Remove the folder .*notes and ingest again"):
        corpus.index.info()


def test_a_folder_that_cannot_be_made_is_named(corpus: Corpus, tmp_path: Path) -> None:
    corpus.folder.parent.write_text("in the way")
    with pytest.raises(StorageError, match=r"corpora/notes: cannot be made: Not a directory"):
        corpus.ingest(write_notes(tmp_path / "files", {"a.txt": "one"}))


def test_a_corpus_of_another_format_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes", {"a.txt": "one"})
    corpus.ingest(notes)
    with closing(sqlite3.connect(corpus.folder / DATABASE)) as connection, connection:
        connection.execute("UPDATE corpus SET format = 2")
    with pytest.raises(StorageError, match="has the format 2, this Pilothouse reads 1"):
        corpus.ingest(notes)
    with pytest.raises(StorageError, match="has the format 2"):
        corpus.index.info()


def test_an_error_of_sqlite_during_the_work_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"disk is full.*as it was before"), Writer(tmp_path / "c", "f", 2):
        raise sqlite3.OperationalError("database or disk is full")
