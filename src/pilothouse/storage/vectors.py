"""An append-only file of vectors, read by memory mapping, with exact search over all rows or some.

    512 bytes   one JSON line, padded with spaces: format, dimensions, fingerprint of the encoder
    then        rows of little-endian float32

How many rows count is told by whoever owns the file (a database, in its transaction): rows beyond are the rest of a
write that was never committed, and the next append overwrites them. Knows nothing of what a row stands for.

float32, not float16: over 100,000 x 384 rows a search takes 5.6 ms against 68 ms (numpy has no fast half-precision
product), for twice the bytes on disk.
"""

import os
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilothouse.errors import StorageError

__all__ = ["VectorFile", "top_k"]

Vectors = NDArray[np.float32]
Indices = NDArray[np.intp]

_FORMAT = "pilothouse-vectors-1"
_HEADER_BYTES = 512
_ROW_TYPE = np.dtype("<f4")


class _Header(msgspec.Struct):
    format: str
    dimensions: int
    fingerprint: str


class VectorFile:
    """Rows of one dimension made by one encoder. Open an existing file with `open`, make one with `create`."""

    def __init__(self, path: Path, dimensions: int, fingerprint: str) -> None:
        self.path = path
        self.dimensions = dimensions
        self.fingerprint = fingerprint

    @classmethod
    def create(cls, path: Path, dimensions: int, fingerprint: str) -> Self:
        """A new file without rows, in place of any that was there."""
        header = msgspec.json.encode(_Header(_FORMAT, dimensions, fingerprint))
        if len(header) >= _HEADER_BYTES:
            raise StorageError(f"{path}: the encoder's fingerprint is too long for a vector file.")
        try:
            with path.open("wb") as file:
                file.write(header.ljust(_HEADER_BYTES - 1) + b"\n")
                _sync(file.fileno())
            _sync_folder(path.parent)
        except OSError as error:
            raise StorageError(f"{path}: cannot be written: {error.strerror}.") from error
        return cls(path, dimensions, fingerprint)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises StorageError for a file that is missing or is no vector file."""
        try:
            with path.open("rb") as file:
                raw = file.read(_HEADER_BYTES)
        except OSError as error:
            raise StorageError(f"{path}: cannot be read: {error.strerror}.") from error
        try:
            header = msgspec.json.decode(raw, type=_Header)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StorageError(f"{path}: is not a vector file, or its start is damaged.") from None
        if len(raw) < _HEADER_BYTES:
            raise StorageError(f"{path}: is cut short: it has {len(raw)} bytes.")
        if header.format != _FORMAT:
            raise StorageError(f"{path}: has the format '{header.format}', not '{_FORMAT}'.")
        return cls(path, header.dimensions, header.fingerprint)

    def append(self, rows: Vectors, at: int) -> int:
        """Write rows (n, dimensions) from row number `at` on, in place of all that stood there; returns `at + n`.

        On disk, also after a power cut, once `sync` was called.
        """
        if rows.ndim != 2 or rows.shape[1] != self.dimensions:
            raise StorageError(f"{self.path}: takes rows of {self.dimensions} numbers, not an array of {rows.shape}.")
        start = self._offset(at)
        try:
            with self.path.open("r+b") as file:
                if file.seek(0, os.SEEK_END) < start:
                    raise StorageError(f"{self.path}: holds fewer than the {at} rows that belong to it.")
                file.truncate(start)
                file.seek(start)
                file.write(np.ascontiguousarray(rows, dtype=_ROW_TYPE).data)
        except OSError as error:
            raise StorageError(f"{self.path}: cannot be written: {error.strerror}.") from error
        return at + len(rows)

    def sync(self) -> None:
        with self.path.open("r+b") as file:
            _sync(file.fileno())

    def rows(self, count: int) -> Vectors:
        """The first `count` rows, mapped from the file: the system keeps of them what it has memory for."""
        if count == 0:
            return np.empty((0, self.dimensions), np.float32)
        try:
            return np.memmap(self.path, _ROW_TYPE, "r", offset=_HEADER_BYTES, shape=(count, self.dimensions))
        except (OSError, ValueError) as error:
            raise StorageError(f"{self.path}: holds fewer than the {count} rows that belong to it: {error}.") from error

    def _offset(self, row: int) -> int:
        return _HEADER_BYTES + row * self.dimensions * _ROW_TYPE.itemsize


def top_k(scores: Vectors, k: int) -> Indices:
    """Positions of the `k` highest scores, best first; among equals the first comes first."""
    if k < len(scores):
        # The k-th highest score parts the field; its equals are taken from the front, which argpartition would not do.
        edge = np.partition(scores, len(scores) - k)[len(scores) - k]
        above = np.flatnonzero(scores > edge)
        best = np.concatenate([above, np.flatnonzero(scores == edge)[: k - len(above)]])
    else:
        best = np.arange(len(scores))
    return best[np.argsort(-scores[best], kind="stable")]


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)
