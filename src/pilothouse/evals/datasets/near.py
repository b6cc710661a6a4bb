"""Which texts are nearly the same: by their words, or by vectors that somebody made of them. Plain functions.

By words: the Jaccard similarity of sets of three words in a row. Candidates are found by MinHash (Broder 1997) with 128
hashes in 32 bands of 4 (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4), which finds a pair of
similarity 0.8 with probability 1 - (1 - 0.8**4)**32, more than 0.9999; each is then compared in full. No model, no
download: it knows no synonyms. By vectors: the cosine of each pair, which is a matter of n**2.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["alike", "alike_by_vectors", "normalised", "said"]

_WORDS = 3
_BANDS, _ROWS = 32, 4
_MOST = 64  # of a bucket are compared with each other; exact copies are put together before
_BLOCK = 1024
_DEEPEST = 64  # levels that are looked into
_Hashes = NDArray[np.uint64]
_word = re.compile(r"\w+").findall
_RANDOM = np.random.Generator(np.random.PCG64(1997))
_FACTORS = _RANDOM.integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) * 2 + 1
_TERMS = _RANDOM.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64)


def normalised(value: Any) -> str:
    """What makes two inputs exact copies: the text, or canonical JSON, in NFKC, without case, with single spaces."""
    text = value if isinstance(value, str) else msgspec.json.encode(value, order="deterministic").decode()
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def said(value: Any) -> str:
    """What of an input is compared: a text as it is; of a conversation what was said in it but by the system, which
    many inputs share; else all texts in it."""
    if isinstance(value, str):
        return value
    talk = value.get("messages", value.get("input")) if isinstance(value, dict) else value
    if isinstance(talk, list) and any(isinstance(turn, dict) and "role" in turn for turn in talk):
        turns = [turn for turn in talk if isinstance(turn, dict) and turn.get("role") not in ("system", "developer")]
        return "\n".join(text for turn in turns for text in _written(turn.get("content")))
    return "\n".join(_texts(value))


def _written(content: Any) -> Iterator[str]:
    """The texts of a message; any value may stand there."""
    for part in content if isinstance(content, list) else [content]:
        yield from _texts(part["text"] if isinstance(part, dict) and "text" in part else part)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in (value.values() if isinstance(value, dict) else value) if depth < _DEEPEST else ():
            yield from _texts(item, depth + 1)
    elif value is not None:
        yield str(value)


def alike(texts: Sequence[str], threshold: float = 0.8) -> list[int]:
    """For each text the place of the first text of its group: its own place where nothing before it is like it.

    Groups are joined: a is in one with c where both are like b. `threshold` is the least Jaccard similarity, from 0 to
    1; 1 puts together what has the same words in the same order, however it is written.
    """
    groups = _Groups(len(texts))
    seen = dict[str, int]()
    first = [seen.setdefault(normalised(text), i) for i, text in enumerate(texts)]
    for i, copy_of in enumerate(first):
        groups.join(copy_of, i)
    alone = [i for i, copy_of in enumerate(first) if i == copy_of]
    sets = {i: _shingles(texts[i]) for i in alone}
    for a, b in _candidates(sets):
        if groups.of(a) != groups.of(b) and _jaccard(sets[a], sets[b]) >= threshold:
            groups.join(a, b)
    return groups.all()


def alike_by_vectors(vectors: NDArray[np.float32], threshold: float = 0.95) -> list[int]:
    """The same for vectors (n, dimensions; L2-normalised) by the cosine, of which `threshold` is the least."""
    groups = _Groups(len(vectors))
    for start in range(0, len(vectors), _BLOCK):
        near = vectors[start : start + _BLOCK] @ vectors[: start + _BLOCK].T >= threshold
        for row, column in zip(*np.nonzero(near), strict=True):
            groups.join(int(column), start + int(row))
    return groups.all()


class _Groups:
    """Places that were joined, each group named by its least (union-find)."""

    def __init__(self, count: int) -> None:
        self._above = [*range(count)]

    def of(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place

    def join(self, a: int, b: int) -> None:
        least, most = sorted((self.of(a), self.of(b)))
        self._above[most] = least

    def all(self) -> list[int]:
        return [self.of(place) for place in range(len(self._above))]


def _shingles(text: str) -> _Hashes:
    """Hashes of each three words in a row; of all words where there are fewer; of the text where there is none."""
    words = _word(unicodedata.normalize("NFKC", text).casefold()) or [text]
    runs = {" ".join(words[i : i + _WORDS]) for i in range(max(1, len(words) - _WORDS + 1))}
    digests = (blake2b(run.encode("utf-8", "replace"), digest_size=8).digest() for run in runs)
    return np.array(sorted(int.from_bytes(digest) for digest in digests), np.uint64)


def _candidates(sets: dict[int, _Hashes]) -> Iterator[tuple[int, int]]:
    """Pairs that agree in a band; of many that agree, with the first of them. Memory: 512 bytes a text."""
    places = [*sets]
    least = np.empty((len(places), _BANDS * _ROWS), np.uint32)
    for row, hashes in enumerate(sets.values()):
        least[row] = _least(hashes) >> np.uint64(32)
    for band in range(_BANDS):
        mine = least[:, band * _ROWS : (band + 1) * _ROWS]
        order = np.lexsort(mine.T)  # keeps the order of equals
        ends = np.flatnonzero((mine[order[1:]] != mine[order[:-1]]).any(axis=1)) + 1
        for run in np.split(order, ends):
            for i in range(1, len(run)):
                yield from ((places[before], places[run[i]]) for before in run[: min(i, _MOST)])


def _least(hashes: _Hashes) -> _Hashes:
    """The least of each hash function; (a * x + b) mod 2**64 stands for a random permutation."""
    parts = (hashes[i : i + _BLOCK, None] * _FACTORS + _TERMS for i in range(0, len(hashes), _BLOCK))
    return np.asarray(np.minimum.reduce([part.min(axis=0) for part in parts]), np.uint64)


def _jaccard(a: _Hashes, b: _Hashes) -> float:
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / (len(a) + len(b) - both)
