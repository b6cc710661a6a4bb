"""Passages, and how far each carries a claim: by shared words and the nearness of vectors (overlap.grounding).

Of many passages those windows alone are encoded that share most words with a claim. What was encoded is kept for the
next text of the same conversation, such as the next sentences of a stream.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pilothouse.overlap.coherence import content_stems
from pilothouse.overlap.grounding import resting, spoken, windows
from pilothouse.protocols import Encode, Subject

__all__ = ["Carried", "Evidence", "Kept", "Vectors"]

Vectors = NDArray[np.float32]
"""L2-normalised rows of the encoder, or one of them."""

_ALL = 48  # windows: as many are encoded whole
_EACH = 6  # windows for a claim, of more
_KEPT = 8  # conversations


class Carried(NamedTuple):
    """How far the passages carry a claim, each by itself and all together, in [0, 1]."""

    by_passage: tuple[float, ...]
    together: float

    @property
    def best(self) -> int:
        """The place of the passage that carries it furthest, from 0."""
        return max(range(len(self.by_passage)), key=self.by_passage.__getitem__)


class Evidence:
    """The passages of one conversation. There must be one that says something."""

    def __init__(self, passages: Sequence[str]) -> None:
        self._stems = [frozenset(content_stems(passage)) for passage in passages]
        self._all = frozenset[str]().union(*self._stems)
        self._windows = [window for passage in passages for window in windows([passage])]
        self._passage = np.array([n for n, passage in enumerate(passages) for _ in windows([passage])])
        self._window_stems: list[frozenset[str]] | None = None
        self._vectors: dict[int, Vectors] = {}

    def __bool__(self) -> bool:
        return bool(self._windows)

    async def carries(self, said: Sequence[str], question: str, encode: Encode) -> list[Carried]:
        """Of each claim. Raises what the encoder raises."""
        stems = [content_stems(one) for one in said]
        wanted = [self._near(found) for found in stems]
        missing = sorted({window for some in wanted for window in some} - self._vectors.keys())
        made = await encode([*(spoken(question, one) for one in said), *(self._windows[one] for one in missing)])
        self._vectors |= dict(zip(missing, made[len(said) :], strict=True))
        return [
            self._carried(found, vector, some)
            for found, vector, some in zip(stems, made[: len(said)], wanted, strict=True)
        ]

    def _near(self, stems: Sequence[str]) -> Sequence[int]:
        """The windows that may say it."""
        if len(self._windows) <= _ALL:
            return range(len(self._windows))
        if self._window_stems is None:
            self._window_stems = [frozenset(content_stems(window)) for window in self._windows]
        shared = [sum(one in there for one in stems) for there in self._window_stems]
        return sorted(range(len(shared)), key=lambda at: (-shared[at], at))[:_EACH]

    def _carried(self, stems: Sequence[str], vector: Vectors, near: Sequence[int]) -> Carried:
        cosines = np.clip(np.stack([self._vectors[one] for one in near]) @ vector, 0, 1)
        passage = self._passage[list(near)]
        each = [
            resting(_share(stems, there), float(cosines[passage == number].max(initial=0.0)))
            for number, there in enumerate(self._stems)
        ]
        return Carried(tuple(each), resting(_share(stems, self._all), float(cosines.max())))


class Kept:
    """The evidence of the conversations looked at last."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Evidence] = {}

    def of(self, subject: Subject) -> Evidence:
        """Made once for passages that are the same."""
        key = tuple(subject.conversation.passages)
        found = self._kept.pop(key, None) or Evidence(key)
        self._kept[key] = found
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return found


def _share(stems: Sequence[str], there: frozenset[str]) -> float | None:
    return sum(one in there for one in stems) / len(stems) if stems else None
