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
_WINDOW = 8
_BASE, _MIX = np.uint64(1_099_511_628_211), np.uint64(0x9E3779B97F4A7C15)


def prints_of(text: str) -> "Prints":
    """Sorted, each once; of a text with fewer than 12 letters none."""
    letters = _NOT_LETTERS.sub("", folded(text).text)
    codes = np.frombuffer(letters.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    count = len(codes) - _GRAM + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    hashes = np.zeros(count, dtype=np.uint64)
    for at in range(_GRAM):
        hashes = hashes * _BASE + codes[at : at + count]
    hashes = (hashes ^ (hashes >> np.uint64(29))) * _MIX
    if count > _WINDOW:
        hashes = np.lib.stride_tricks.sliding_window_view(hashes, _WINDOW).min(axis=1)
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
