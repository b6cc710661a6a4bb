"""Ids and times in Langfuse's way. Its older clients name traces and observations by any text, mostly by UUIDs."""

import re
from datetime import UTC, datetime
from hashlib import blake2b

__all__ = ["iso", "span_id_of", "trace_id_of"]

_TRACE, _SPAN = re.compile(r"(?!0{32})[0-9a-f]{32}"), re.compile(r"(?!0{16})[0-9a-f]{16}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def trace_id_of(given: str) -> str:
    """32 hex digits: the id itself, a UUID without its dashes, or a hash of any other text."""
    lower = given.lower()
    if _UUID.fullmatch(lower):
        lower = lower.replace("-", "")
    return lower if _TRACE.fullmatch(lower) else blake2b(_bytes(given), digest_size=16).hexdigest()


def span_id_of(given: str) -> str:
    """16 hex digits: the id itself, or a hash of it."""
    lower = given.lower()
    return lower if _SPAN.fullmatch(lower) else blake2b(_bytes(given), digest_size=8).hexdigest()


def iso(at_us: int) -> str:
    """A time (UTC microseconds) as ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
