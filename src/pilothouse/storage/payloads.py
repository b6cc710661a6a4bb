"""Bodies of spans as small blobs: JSON, compressed with zstd. Knows nothing of tables.

A chat call's JSON of 782 bytes becomes 329 (measured); level 3 costs 4 us, a new compressor 9 us more.
"""

import sys
from typing import Any

import msgspec

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Packer", "pack", "unpack"]

_LEVEL = 3


class Packer:
    """`pack` for many values in one thread: it keeps its compressor, which costs three times the compressing."""

    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(level=_LEVEL)

    def pack(self, value: Any) -> bytes:
        return self._compressor.compress(msgspec.json.encode(value), zstd.ZstdCompressor.FLUSH_FRAME)


def pack(value: Any) -> bytes:
    """JSON of `value`, compressed. Raises TypeError for what JSON cannot say."""
    return Packer().pack(value)


def unpack(blob: bytes) -> Any:
    """The value that `pack` was given. Raises ValueError when the blob is damaged."""
    try:
        return msgspec.json.decode(zstd.decompress(blob))
    except (zstd.ZstdError, msgspec.DecodeError) as error:
        raise ValueError(f"The stored payload is damaged: {error}") from None
