"""Reading a spool's files, whole or damaged. Knows nothing of writing them, nor of what the records mean.

A spool directory holds segments `00000001.log`, `00000002.log`, ... of records:

    "PHr1" | payload length, u32 | CRC-32 of the payload, u32 | payload        (little-endian)

The CRC starts from the record's own offset in its segment, so that a record copied into a payload does not pass for
one. A reader that meets bytes which are no record goes on at the next offset where a whole record verifies, and counts
what it skipped: `torn` where a last record is incomplete (its writer was killed), `corrupt` for anything else.
"""

import logging
import struct
import threading
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zlib import crc32

__all__ = ["HEADER", "MAGIC", "Cursor", "Segments", "segment_name"]

MAGIC = b"PHr1"
HEADER = struct.Struct("<4sII")

_BATCH_BYTES = 16 * 1024 * 1024
_logger = logging.getLogger(__name__)


class Cursor(NamedTuple):
    """A place between two records; the first is before everything."""

    segment: int = 0
    offset: int = 0


def segment_name(number: int) -> str:
    """The file name of the segment with this number."""
    return f"{number:08d}.log"


class Segments:
    """The segments of one directory, in order. `torn` and `corrupt` count the damage met while reading.

    Thread-safe, so that one thread may read while another appends (see `spool.Spool`).
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.torn = 0
        self.corrupt = 0
        self._lock = threading.Lock()
        self._sizes = {int(path.stem): path.stat().st_size for path in directory.glob(f"{'[0-9]' * 8}.log")}

    @property
    def name(self) -> str:
        """What tells this spool from others: its directory's name."""
        return self.directory.name

    def read(self, cursor: Cursor, limit: int) -> tuple[list[bytes], Cursor]:
        """Up to `limit` records from `cursor` on (or 16 MiB of them), and the place after the last."""
        with self._lock:
            ahead = sorted((number, size) for number, size in self._sizes.items() if number >= cursor.segment)
        records: list[bytes] = []
        for number, end in ahead:
            cursor = Cursor(number, cursor.offset if number == cursor.segment else 0)
            cursor = self._read_segment(cursor, end, limit, records)
            if cursor.offset < end:
                break
        return records, cursor

    def discard(self, cursor: Cursor) -> None:
        """Delete the segments that lie wholly before `cursor`."""
        with self._lock:
            for number in sorted(self._sizes):
                if number < cursor.segment or (number == cursor.segment and self._is_consumed(cursor)):
                    (self.directory / segment_name(number)).unlink(missing_ok=True)
                    del self._sizes[number]

    @property
    def end(self) -> Cursor:
        """The place after everything that is there now."""
        with self._lock:
            return Cursor(*max(self._sizes.items(), default=(0, 0)))

    def unread_bytes(self, cursor: Cursor) -> int:
        """How much lies after `cursor`, headers included."""
        with self._lock:
            return self._bytes_after(cursor)

    def _bytes_after(self, cursor: Cursor) -> int:
        total = sum(size for number, size in self._sizes.items() if number >= cursor.segment)
        return total - (cursor.offset if cursor.segment in self._sizes else 0)

    def _is_consumed(self, cursor: Cursor) -> bool:
        """Whether the cursor's own segment is read to its end and will never grow."""
        return cursor.offset >= self._sizes[cursor.segment]

    def _read_segment(self, cursor: Cursor, end: int, limit: int, records: list[bytes]) -> Cursor:
        """Add the records of one segment to `records`, until its end, the limit or the byte budget."""
        offset, budget = cursor.offset, _BATCH_BYTES - sum(map(len, records))
        with (self.directory / segment_name(cursor.segment)).open("rb") as file:
            file.seek(offset)
            while offset < end and len(records) < limit and budget > 0:
                payload = _read_record(file, offset, end)
                if payload is None:
                    offset = self._skip_damage(file, cursor.segment, offset, end)
                    file.seek(offset)
                    continue
                records.append(payload)
                offset += HEADER.size + len(payload)
                budget -= len(payload)
        return Cursor(cursor.segment, offset)

    def _skip_damage(self, file: BinaryIO, segment: int, offset: int, end: int) -> int:
        """The offset of the next whole record, or the segment's end."""
        file.seek(offset)
        rest = file.read(end - offset)
        start = rest.find(MAGIC, 1)
        while start >= 0 and _whole_record(rest, start, offset + start) is None:
            start = rest.find(MAGIC, start + 1)
        following = end if start < 0 else offset + start
        torn = following == end and _claims_more(rest)
        self.torn += torn
        self.corrupt += not torn
        _logger.warning(
            "%s: skipped %d bytes at offset %d: %s", self.directory / segment_name(segment), following - offset, offset,
            "the last record is incomplete" if torn else "they are no valid record",
        )  # fmt: skip
        return following


def _read_record(file: BinaryIO, offset: int, end: int) -> bytes | None:
    """The payload of the record at the file's position, None where there is no whole one."""
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    magic, length, checksum = HEADER.unpack(header)
    if magic != MAGIC or offset + HEADER.size + length > end:
        return None
    payload = file.read(length)
    return payload if crc32(payload, offset) == checksum else None


def _whole_record(data: bytes, start: int, offset: int) -> bytes | None:
    """The payload of the record at data[start:], whose place in its segment is `offset`."""
    if len(data) - start < HEADER.size:
        return None
    _, length, checksum = HEADER.unpack_from(data, start)
    first = start + HEADER.size
    if length > len(data) - first:
        return None
    payload = data[first : first + length]
    return payload if crc32(payload, offset) == checksum else None


def _claims_more(data: bytes) -> bool:
    """Whether `data` starts like a record that goes on past its end."""
    if len(data) < HEADER.size:
        return MAGIC.startswith(data[: len(MAGIC)])
    magic, length, _ = HEADER.unpack_from(data)
    return bool(magic == MAGIC and HEADER.size + length > len(data))
