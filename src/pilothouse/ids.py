"""Time-ordered identifiers (UUIDv7, RFC 9562) and the clock they share. Knows nothing of what it names."""

import time
from hashlib import blake2b
from random import getrandbits  # seeded anew in a forked child; ids are no secrets, and a system call costs 4 us

import msgspec

__all__ = ["content_hash", "new_id", "new_span_id", "now_us", "time_us_of"]


def now_us() -> int:
    """Wall-clock time as UTC microseconds since the epoch."""
    return time.time_ns() // 1000


def new_id(at_us: int | None = None) -> str:
    """A UUIDv7 as 32 lower-case hex digits, so that ids sort by the microsecond in which they were made.

    `at_us` is the time to carry (UTC microseconds), now when left out. The 12 bits after the milliseconds are the
    fraction (RFC 9562, 6.2, method 3), 62 bits are random. Also a valid W3C trace id.
    """
    milliseconds, rest = divmod(now_us() if at_us is None else at_us, 1000)
    high, low = rest * 4096 // 1000, getrandbits(62)
    return f"{milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"


def new_span_id() -> str:
    """16 random hex digits: a W3C span id. Not ordered, since a span is found through its trace."""
    return f"{getrandbits(64):016x}"


def time_us_of(identifier: str) -> int:
    """The time carried by an id of `new_id`, as UTC microseconds (resolution 1 ms)."""
    return int(identifier[:12], 16) * 1000


def content_hash(value: object) -> str:
    """16 hex digits that depend on the content alone: BLAKE2b over canonical JSON (sorted keys)."""
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=8).hexdigest()
