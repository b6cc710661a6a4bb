"""Reading records out of whole and damaged segments."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.storage.segments import HEADER, MAGIC, Cursor, Segments, segment_name

START = Cursor()
RECORDS = [b"first", b"", b"third record", bytes(range(256))]


def encode(records: list[bytes]) -> bytes:
    data = b""
    for record in records:
        data += HEADER.pack(MAGIC, len(record), crc32(record, len(data))) + record
    return data


def starts(records: list[bytes]) -> list[int]:
    """Where each record starts, and where the last one ends."""
    return [len(encode(records[:n])) for n in range(len(records) + 1)]


@contextmanager
def segments(*contents: bytes) -> Iterator[Segments]:
    directory = Path(tempfile.mkdtemp())
    for number, content in enumerate(contents, 1):
        (directory / segment_name(number)).write_bytes(content)
    yield Segments(directory)
    shutil.rmtree(directory)


def read_all(found: Segments) -> list[bytes]:
    records, _ = found.read(START, 1000)
    return records


def test_reading_goes_on_over_segments() -> None:
    with segments(encode([b"a", b"b"]), encode([]), encode([b"c"])) as found:
        records, cursor = found.read(START, 1)
        assert (records, cursor.segment) == ([b"a"], 1)
        records, cursor = found.read(cursor, 10)
        assert (records, cursor) == ([b"b", b"c"], Cursor(3, starts([b"c"])[-1]))
        assert found.read(cursor, 10) == ([], cursor)


def test_a_foreign_file_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "notes.log").write_bytes(b"hello")
    (tmp_path / segment_name(1)).write_bytes(encode(RECORDS))
    assert Segments(tmp_path).read(START, 10)[0] == RECORDS


def test_an_empty_directory_has_nothing() -> None:
    with segments() as found:
        assert found.read(START, 10) == ([], START)


def test_a_batch_is_bounded_in_bytes() -> None:
    megabytes = [bytes([n]) * (5 << 20) for n in range(5)]
    with segments(encode(megabytes)) as found:
        first, cursor = found.read(START, 1000)
        rest, _ = found.read(cursor, 1000)
        assert [len(first), len(rest)] == [4, 1]
        assert first + rest == megabytes


@pytest.mark.parametrize("end", range(starts(RECORDS)[-1] + 1))
def test_a_torn_tail_at_every_byte(end: int) -> None:
    """Cut anywhere: the whole records before the cut come back, and the next segment too."""
    with segments(encode(RECORDS)[:end], encode([b"next"])) as found:
        whole = sum(place <= end for place in starts(RECORDS)[1:])
        assert read_all(found) == [*RECORDS[:whole], b"next"]
        assert (found.torn, found.corrupt) == (end not in starts(RECORDS), 0)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.data())
@settings(max_examples=200, deadline=None)
def test_a_changed_byte_costs_one_record_at_most(records: list[bytes], data: st.DataObject) -> None:
    whole = encode(records)
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[at] ^= data.draw(st.integers(1, 255))
    hit = sum(place <= at for place in starts(records)) - 1
    with segments(bytes(damaged)) as found:
        assert read_all(found) == records[:hit] + records[hit + 1 :]
        assert found.corrupt + found.torn == 1


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_can_be_read(garbage: bytes) -> None:
    with segments(garbage, encode([b"next"])) as found:
        assert read_all(found)[-1] == b"next"


def test_a_record_inside_a_payload_does_not_pass_for_one() -> None:
    """Damage the outer record: the reader looks for the next, and must not take what a caller put into a payload."""
    forged = encode([b"forged"])
    data = bytearray(encode([b"before", forged * 3, b"after"]))
    data[starts([b"before"])[-1] + HEADER.size - 1] ^= 1
    with segments(bytes(data)) as found:
        assert read_all(found) == [b"before", b"after"]
        assert (found.torn, found.corrupt) == (0, 1)


def test_zeros_after_a_power_cut_are_corrupt_and_skipped() -> None:
    with segments(encode([b"a"]) + bytes(4096), encode([b"b"])) as found:
        assert read_all(found) == [b"a", b"b"]
        assert (found.torn, found.corrupt) == (0, 1)


def test_damage_is_reported_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    with segments(encode([b"a"]) + b"garbage!" * 3) as found:
        read_all(found)
    assert f"{segment_name(1)}: skipped 24 bytes at offset {HEADER.size + 1}: they are no valid record" in caplog.text


def test_discard_deletes_what_lies_before() -> None:
    with segments(encode([b"a"]), encode([b"b"]), encode([b"c", b"d"])) as found:
        total = found.unread_bytes(START)
        _, cursor = found.read(START, 3)
        assert found.unread_bytes(cursor) == starts([b"c", b"d"])[-1] - starts([b"c"])[-1] < total
        found.discard(cursor)
        assert [path.name for path in found.directory.iterdir()] == [segment_name(3)]
        assert found.read(cursor, 10)[0] == [b"d"]
