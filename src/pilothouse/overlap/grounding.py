"""How far sentences rest on passages, told by shared words and by nearness of vectors. Plain functions: who has the
vectors hands them in.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pilothouse.overlap.coherence import content_stems
from pilothouse.overlap.sentences import sentences

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["nearest", "resting", "shared_words", "spoken", "windows"]

_WORDS = 0.75  # weight of the words, chosen on HaluEval QA, where 0.7 to 0.9 make no difference
_LONGEST_QUESTION = 300  # characters


def shared_words(said: Sequence[str], context: Iterable[str]) -> list[float | None]:
    """Of each sentence, the share of its content words whose stems are in the context; None where it has none."""
    there = {stem for passage in context for stem in content_stems(passage)}
    stems = [content_stems(sentence) for sentence in said]
    return [sum(stem in there for stem in found) / len(found) if found else None for found in stems]


def windows(context: Iterable[str]) -> list[str]:
    """The sentences of the passages, and each two that follow one another, each once."""
    found: list[str] = []
    for passage in context:
        parts = sentences(passage)
        found += parts
        found += [f"{one} {other}" for one, other in pairwise(parts)]
    return list(dict.fromkeys(found))


def spoken(question: str, sentence: str) -> str:
    """What to make a vector of: the question and the sentence, since an answer may be one word. A question of more than
    300 characters, which may well hold the context, is left out."""
    return f"{question} {sentence}" if 0 < len(question) <= _LONGEST_QUESTION else sentence


def nearest(said: "NDArray[np.float32]", there: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Of each row of `said`, the greatest cosine with a row of `there`, in [0, 1]. Rows are L2-normalised."""
    return np.clip(said @ there.T, 0, 1).max(axis=1)  # type: ignore[no-any-return]


def resting(share: float | None, near: float) -> float:
    """How far a sentence rests on a context, in [0, 1]: its share of shared words and its nearness, weighted 3 to 1;
    the nearness alone where it has no content word."""
    return near if share is None else _WORDS * share + (1 - _WORDS) * near
