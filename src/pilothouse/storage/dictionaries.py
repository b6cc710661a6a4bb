"""The zstd dictionaries that ship, by the number that a frame of zstd carries. Knows nothing of bodies.

They were trained on generated requests and answers (benchmarks/bodies), never on anybody's: docs/decisions/011. One
that shipped stays as it is for as long as bodies packed with it may be kept; a better one comes beside it, with a
number of its own.
"""

import sys
from functools import cache
from importlib.resources import files

from pilothouse.storage.keyring import SealedAway

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["NEWEST", "dictionary", "dictionary_of"]

NEWEST = 32769
"""What bodies are packed with now. Lower numbers than 32768 are not for private use (RFC 8878, 3.1.1.1.3)."""

_FILES = {NEWEST: "bodies-1.zdict"}


@cache
def dictionary(number: int) -> "zstd.ZstdDict":
    """The dictionary of that number, read once. Raises SealedAway where none of that number ships."""
    if number not in _FILES:
        raise SealedAway(f"packed with dictionary {number}, which this version lacks: a newer Pilothouse opens it")
    return zstd.ZstdDict((files("pilothouse.storage") / "trained" / _FILES[number]).read_bytes())


def dictionary_of(packed: bytes) -> "zstd.ZstdDict | None":
    """The dictionary that a frame was packed with, None where it was packed without one.

    Raises ZstdError where there is no frame, SealedAway as `dictionary` does.
    """
    number = zstd.get_frame_info(packed).dictionary_id
    return dictionary(number) if number else None
