"""The spool as a writer: nothing acknowledged is lost when its process is killed, a full disk corrupts nothing."""

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.errors import Overloaded, StorageError
from pilothouse.storage.segments import HEADER, Cursor, Segments
from pilothouse.storage.spool import Spool, orphans

MEGABYTE = 1 << 20


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool.open(tmp_path, MEGABYTE)
    yield spool
    spool.close()


def read_all(spool: Spool) -> list[bytes]:
    records, _ = spool.read(Cursor(), 1_000_000)
    return records


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_what_is_appended_is_read_in_order(spool: Spool) -> None:
    records = [bytes([n]) * n for n in range(100)]
    for record in records:
        spool.append(record)
    assert read_all(spool) == records
    assert (spool.torn, spool.corrupt, spool.dropped) == (0, 0, 0)


def test_reading_follows_writing(spool: Spool) -> None:
    cursor = Cursor()
    for n in range(5):
        spool.append(b"%d" % n)
        records, cursor = spool.read(cursor, 10)
        assert records == [b"%d" % n]
        spool.discard(cursor)
    assert spool.read(cursor, 10) == ([], cursor)


def test_threads_do_not_mix_their_records(spool: Spool) -> None:
    def write(letter: bytes) -> None:
        for _ in range(200):
            spool.append(letter * 50)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read_all(spool)) == [letter * 50 for letter in (b"a", b"b", b"c", b"d") for _ in range(200)]


def test_segments_rotate_and_go_once_they_are_consumed(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, 8 * 1024)  # a segment holds an eighth
    for n in range(100):
        spool.append(b"%03d" % n * 10)
    assert len(names(spool.directory)) > 4
    records, cursor = spool.read(Cursor(), 1000)
    assert records == [b"%03d" % n * 10 for n in range(100)]
    spool.sync()
    spool.discard(cursor)
    assert len(names(spool.directory)) == 2  # the lock and the segment being written
    spool.close()


def test_a_full_spool_stops_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, 1000)
    written = 1000 // (90 + HEADER.size)
    for _ in range(written):
        spool.append(b"x" * 90)
    with pytest.raises(Overloaded, match=r"not in the database yet.*PILOTHOUSE_SPOOL_MAX_BYTES"):
        spool.append(b"x" * 90)
    records, cursor = spool.read(Cursor(), 1000)
    assert len(records) == written
    spool.discard(cursor)
    spool.append(b"again")
    assert spool.read(cursor, 10)[0] == [b"again"]
    spool.close()


def test_a_full_spool_may_drop_and_count(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, 1000, "drop")
    for _ in range(20):
        spool.append(b"x" * 90)
    kept = 1000 // (90 + HEADER.size)
    assert (len(read_all(spool)), spool.dropped) == (kept, 20 - kept)
    spool.close()


@pytest.fixture
def file_size_limit() -> Iterator[int]:
    """No file of this process may grow past this: the system's own way to say that there is no room."""
    limit = 10_000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(spool: Spool) -> int:
    """Append until it refuses; returns how many went in."""
    for n in range(1000):
        try:
            spool.append(b"%04d" % n + b"x" * 300)
        except Overloaded:
            return n
    raise AssertionError("it never refused")


def test_a_full_disk_refuses_and_corrupts_nothing(spool: Spool, file_size_limit: int) -> None:
    count = fill(spool)
    assert count == file_size_limit // (304 + HEADER.size)
    for _ in range(3):
        with pytest.raises(Overloaded, match="no room left on its disk"):
            spool.append(b"y" * 4000)
    segment = next(spool.directory.glob("*.log"))
    assert segment.stat().st_size == count * (304 + HEADER.size), "the file ends with its last whole record"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
    spool.append(b"there is room again")
    records = read_all(spool)
    assert (len(records), records[-1]) == (count + 1, b"there is room again")
    assert (spool.torn, spool.corrupt) == (0, 0)


def test_where_the_file_cannot_even_be_cut_back_the_next_segment_takes_over(
    spool: Spool, file_size_limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(fd: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", broken)
        count = fill(spool)
    (segment,) = spool.directory.glob("*.log")
    assert segment.stat().st_size == file_size_limit, "a torn record stays at its end"
    spool.append(b"in the next segment")
    assert read_all(spool)[count:] == [b"in the next segment"]
    assert len(list(spool.directory.glob("*.log"))) == 2
    spool.sync()
    assert [orphan.name for orphan in orphans(spool.directory.parent.parent)] == []
    assert Segments(spool.directory).read(Cursor(), 1000)[0][count:] == [b"in the next segment"], "so others read it"


def test_a_segment_that_cannot_be_started_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.open(tmp_path, 1600)  # a segment holds 200 bytes
    spool.append(b"a" * 150)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        for _ in range(2):
            with pytest.raises(Overloaded, match="no room left"):
                spool.append(b"b" * 150)
    assert next(spool.directory.glob("*.log")).stat().st_size == 150 + HEADER.size
    spool.append(b"c" * 150)
    assert read_all(spool) == [b"a" * 150, b"c" * 150]
    spool.close()


def test_a_disk_that_cannot_sync_is_a_storage_error(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(StorageError, match="brought to the disk"):
            spool.sync()
    spool.sync()


def test_a_failing_disk_is_a_storage_error(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(fd: int, buffers: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", broken)
        with pytest.raises(StorageError, match="cannot be written: Input/output error"):
            spool.append(b"x")
    spool.append(b"y")
    assert read_all(spool) == [b"y"]


def test_closing_leaves_only_what_was_not_read(tmp_path: Path) -> None:
    read, unread = Spool.open(tmp_path, MEGABYTE), Spool.open(tmp_path, MEGABYTE)
    for spool in (read, unread):
        spool.append(b"x")
    read.discard(read.read(Cursor(), 10)[1])
    for spool in (read, unread):
        spool.close()
        spool.close()
        with pytest.raises(StorageError, match="closed"):
            spool.append(b"y")
    assert names(tmp_path / "spool") == [unread.name]


def test_the_spools_of_the_living_are_no_orphans(tmp_path: Path) -> None:
    assert orphans(tmp_path) == []
    spool = Spool.open(tmp_path, MEGABYTE)
    spool.append(b"x")
    assert orphans(tmp_path) == []
    spool.close()
    (orphan,) = orphans(tmp_path)
    assert orphans(tmp_path) == [], "it is held by whoever got it"
    assert (orphan.name, orphan.read(Cursor(), 10)[0]) == (spool.name, [b"x"])
    orphan.release()
    (orphan,) = orphans(tmp_path)
    orphan.remove()
    assert names(tmp_path / "spool") == []


def test_a_directory_has_one_writer(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool" / "a", MEGABYTE)
    with pytest.raises(StorageError, match="another process writes"):
        Spool(tmp_path / "spool" / "a", MEGABYTE)
    spool.close()


def test_a_directory_that_was_left_is_taken_up_behind_a_torn_tail(tmp_path: Path) -> None:
    directory = tmp_path / "spool" / "a"
    first = Spool(directory, MEGABYTE)
    first.append(b"whole")
    first.append(b"torn")
    first.close()
    segment = next(directory.glob("*.log"))
    os.truncate(segment, segment.stat().st_size - 1)
    second = Spool(directory, MEGABYTE)
    second.append(b"new")
    assert (read_all(second), second.torn) == ([b"whole", b"new"], 1)
    second.close()


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(StorageError, match="cannot be used for the spool"):
        Spool.open(tmp_path, MEGABYTE)


WRITER = """
import sys
from pathlib import Path
from pilothouse.storage.spool import Spool
spool = Spool.open(Path(sys.argv[1]), 1 << 30)
for n in range(10_000_000):
    spool.append(b"%d " % n + b"x" * (n % 2000))
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(2000):
            acknowledged = int(writer.stdout.readline())
        writer.kill()
        acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
    (orphan,) = orphans(tmp_path)
    records, _ = orphan.read(Cursor(), 10_000_000)
    assert [int(record.split()[0]) for record in records] == list(range(len(records)))
    assert len(records) in (acknowledged + 1, acknowledged + 2), "at most one was written and not yet acknowledged"
    assert (orphan.torn, orphan.corrupt) == (0, 0)
    orphan.remove()
