"""An encoder without a model: vectors of hashed words. Deterministic, instant, and as good as counting words."""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

__all__ = ["HashingEncoder"]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")


class HashingEncoder:
    """Has the methods of `models.Encoder`. Each word adds one number of the vector, chosen by its hash and `seed`."""

    def __init__(self, dimensions: int = 64, seed: str = "") -> None:
        self.dimensions = dimensions
        self.seed = seed

    @property
    def fingerprint(self) -> str:
        return f"hashing-{self.dimensions}{self.seed}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """L2-normalised float32 rows, (len(texts), dimensions); a text without words has a row of zeros."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                digest = blake2b(f"{self.seed}{word}".encode(), digest_size=8).digest()
                row[int.from_bytes(digest) % self.dimensions] += 1
            row /= max(float(np.linalg.norm(row)), 1e-12)
        return rows

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Words and signs as tokens."""
        return [match.span() for match in _TOKEN.finditer(text)]

    def count_tokens(self, text: str) -> int:
        return len(self.offsets(text))
