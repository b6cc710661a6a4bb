"""Fingerprints of texts, by which one is found again within another: winnowing (Schleimer, Wilkerson and Aiken, 2003).

Of the letters and digits alone, as they look. Any 19 of them in a row that two texts share give a common fingerprint.
"""

import re
from typing import TYPE_CHECKING

import numpy as np

from pilothouse.guards.normal.folding import folded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Prints = NDArray[np.uint64]

__all__ = ["Library", "prints_of"]

_NOT_LETTERS = re.compile(r"[\W_]+")
_GRAM = 12
_BASE, _MIX = np.uint64(1_099_511_628_211), np.uint64(0x9E3779B97F4A7C15)


def prints_of(text: str) -> "Prints":
    """Sorted, each once; of a text with fewer than 12 letters none."""
    letters = _NOT_LETTERS.sub("", folded(text).text)
    codes = np.frombuffer(letters.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    if len(codes) < _GRAM:
        return np.empty(0, dtype=np.uint64)
    two = codes[:-1] * _BASE + codes[1:]
    four = two[:-2] * _BASE**2 + two[2:]
    hashes = (four[:-8] * _BASE**4 + four[4:-4]) * _BASE**4 + four[8:]
    hashes = (hashes ^ (hashes >> np.uint64(29))) * _MIX
    for step in (1, 2, 4):  # the least of eight in a row
        hashes = np.minimum(hashes[:-step], hashes[step:]) if len(hashes) > step else hashes
    return np.unique(hashes)


class Library:
    """Fingerprints of several texts, looked up at once. `texts` are pairs of an id and its fingerprints."""

    def __init__(self, texts: "list[tuple[str, Prints]]") -> None:
        self._ids = [name for name, _ in texts]
        self._sizes = np.array([max(1, len(prints)) for _, prints in texts])
        every = np.concatenate([prints for _, prints in texts]) if texts else np.empty(0, dtype=np.uint64)
        whose = np.repeat(np.arange(len(texts)), [len(prints) for _, prints in texts])
        order = np.argsort(every, kind="stable")
        self._prints, self._whose = every[order], whose[order]

    def nearest(self, prints: "Prints") -> tuple[float, str] | None:
        """(share, id) of the text of whose fingerprints most are among these; None where there is nothing."""
        if not len(self._prints) or not len(prints):
            return None
        starts = np.searchsorted(self._prints, prints, "left")
        counts = np.searchsorted(self._prints, prints, "right") - starts
        places = np.repeat(starts - np.concatenate(([0], np.cumsum(counts)[:-1])), counts) + np.arange(counts.sum())
        shares = np.bincount(self._whose[places], minlength=len(self._ids)) / self._sizes
        best = int(shares.argmax())
        return float(shares[best]), self._ids[best]
