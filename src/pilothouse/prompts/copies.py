"""Copies on disk of what the registry answered, for when it is away while a program starts.

Whatever is wrong with a copy or its folder, there is no copy then, and no error: it is the second-best already.
"""

import contextlib
import logging
import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from pilothouse.types import Json

__all__ = ["Copies"]

_MOST_FILES = 2_000
_MOST_BYTES = 8 * 1024 * 1024
_TRIM_EVERY = 100  # writes
_logger = logging.getLogger("pilothouse")


class Copies:
    """Copies in `folder`, of the one registry that `origin` tells: another's, or another key's, are never read."""

    def __init__(self, folder: Path, origin: Sequence[str]) -> None:
        self._folder = folder
        self._origin = origin
        self._writes = 0
        self._told = False

    def get(self, *key: str) -> Json | None:
        """What was put last under the key; None for what is not there, damaged, or not ours."""
        try:
            path = self._path(key)
            if path.stat().st_size > _MOST_BYTES:
                return None
            sum_, _, raw = path.read_bytes().partition(b"\n")
            body = msgspec.json.decode(raw) if sum_ == _sum(raw) else None
        except (OSError, msgspec.DecodeError):
            return None
        return body if isinstance(body, dict) else None

    def put(self, body: Json, *key: str) -> None:
        """Keep it: whole or not at all, for the user of this process alone."""
        raw = msgspec.json.encode(body)
        if len(raw) > _MOST_BYTES:
            return
        path = self._path(key)
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(_sum(raw) + b"\n" + raw)
            draft.replace(path)
            self._writes += 1
            if self._writes % _TRIM_EVERY == 1:
                self._trim()
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            if not self._told:
                self._told = True
                _logger.warning("Prompts are not kept in %s: %s.", self._folder, error.strerror)

    def drop(self, *key: str) -> None:
        """Forget it."""
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def _path(self, key: Sequence[str]) -> Path:
        name = blake2b(msgspec.json.encode([*self._origin, *key]), digest_size=16).hexdigest()
        return self._folder / f"{name}.json"

    def _trim(self) -> None:
        """Take away the oldest where there are too many."""
        files = sorted(self._folder.glob("*.*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[_MOST_FILES:]:
            path.unlink(missing_ok=True)


def _sum(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=16).hexdigest().encode()
