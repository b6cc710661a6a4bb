"""Bodies of spans as small blobs: JSON, compressed with zstd and a dictionary, sealed where there is a key. Knows
nothing of tables.

What the dictionary saves is in benchmarks/observe/ingest.md. A body from before there was one says so, and opens.
"""

import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec

from pilothouse.storage.dictionaries import NEWEST, dictionary, dictionary_of
from pilothouse.storage.keyring import Keyring, opened

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Packer", "pack", "unpack"]

_LEVEL = 3


class Packer:
    """Packs and unpacks. It keeps its compressor, which costs three times the compressing; threads may share it.

    `place` says where a blob is kept (project, trace, span): sealed, it opens nowhere else.
    """

    def __init__(self, keyring: Keyring | None = None) -> None:
        self.keyring = keyring

    @cached_property
    def _compressor(self) -> "zstd.ZstdCompressor":
        return zstd.ZstdCompressor(level=_LEVEL, zstd_dict=dictionary(NEWEST))

    def pack(self, value: Any, *place: str) -> bytes:
        """JSON of `value`, compressed and, with a key, sealed. Raises TypeError for what JSON cannot say."""
        return self.seal(self.compress(msgspec.json.encode(value)), *place)

    def compress(self, body: bytes) -> bytes:
        """A frame of zstd that names its dictionary."""
        return self._compressor.compress(body, zstd.ZstdCompressor.FLUSH_FRAME)

    def decompress(self, packed: bytes) -> bytes:
        """What `compress` was given, now or by an older version. Raises ZstdError, and SealedAway where this version
        lacks its dictionary."""
        return zstd.decompress(packed, zstd_dict=dictionary_of(packed))

    def seal(self, packed: bytes, *place: str) -> bytes:
        """What was packed without a key, sealed where there is one."""
        return packed if self.keyring is None else self.keyring.seal(packed, *place)

    def open(self, blob: bytes, *place: str) -> bytes:
        """What was packed, without its seal. Raises SealedAway, a ValueError."""
        return opened(self.keyring, blob, *place)

    def unpack(self, blob: bytes, *place: str, decode: Callable[[bytes], Any] = msgspec.json.decode) -> Any:
        """The value that `pack` was given, as `decode` of a msgspec decoder makes it. Raises ValueError when the blob
        is damaged or cannot be opened."""
        try:
            return decode(self.decompress(self.open(blob, *place)))
        except (zstd.ZstdError, msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"The stored payload is damaged: {error}") from None


def pack(value: Any) -> bytes:
    """JSON of `value`, compressed. Raises TypeError for what JSON cannot say."""
    return Packer().pack(value)


def unpack(blob: bytes) -> Any:
    """The value that `pack` was given. Raises ValueError when the blob is damaged, or sealed."""
    return Packer().unpack(blob)
