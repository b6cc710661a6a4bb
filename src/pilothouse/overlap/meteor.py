"""METEOR as far as it goes without WordNet: equal words and equal stems. Knows nothing of synonyms.

Lavie and Agarwal 2007. The alignment is NLTK's: words from the last to the first, each with the last free word of the
reference; first equal words, then equal stems. Without its third stage, synonyms, scores are lower than METEOR's where
texts say the same in other words, so this is called METEOR-style.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pilothouse.overlap.stemming import stem
from pilothouse.overlap.tokens import words

__all__ = ["Meteor", "meteor", "meteor_of_words"]

_ALPHA, _BETA, _GAMMA = 0.9, 3.0, 0.5


class Meteor(NamedTuple):
    """A score from 0 to 1, the words that found a partner, and the pieces in which they stand together in both texts.
    Equal texts of m words have 1 - 0.5 / m³."""

    score: float
    matches: int
    chunks: int


def meteor(hypothesis: str, references: str | Sequence[str]) -> Meteor:
    """The best score of a text against its references, by tokens.words; 0 where no word has a partner. Raises
    ValueError without a reference."""
    given = [references] if isinstance(references, str) else references
    if not given:
        raise ValueError("METEOR needs at least one reference")
    mine = words(hypothesis)
    return max((meteor_of_words(mine, words(text)) for text in given), key=lambda found: found.score)


def meteor_of_words(hypothesis: Sequence[str], reference: Sequence[str]) -> Meteor:
    """The score of a list of words in lower case against one other. Linear in their lengths."""
    partners: dict[int, int] = {}
    mine, theirs = list(range(len(hypothesis))), list(range(len(reference)))
    _pair(mine, theirs, hypothesis, reference, partners)
    mine = [at for at in mine if at not in partners]
    taken = set(partners.values())
    theirs = [at for at in theirs if at not in taken]
    if mine and theirs:
        stems = {at: stem(hypothesis[at]) for at in mine}, {at: stem(reference[at]) for at in theirs}
        _pair(mine, theirs, *stems, partners)
    if not partners:
        return Meteor(0.0, 0, 0)
    matches = len(partners)
    chunks = sum(partners.get(at - 1) != partner - 1 for at, partner in partners.items())
    precision, recall = matches / len(hypothesis), matches / len(reference)
    mean = precision * recall / (_ALPHA * precision + (1 - _ALPHA) * recall)
    return Meteor(mean * (1 - _GAMMA * (chunks / matches) ** _BETA), matches, chunks)


def _pair(
    mine: Sequence[int],
    theirs: Sequence[int],
    one: Sequence[str] | dict[int, str],
    other: Sequence[str] | dict[int, str],
    partners: dict[int, int],
) -> None:
    """Gives each place of one text, from its end, the last free place of the other that has the same."""
    free: dict[str, list[int]] = {}
    for at in theirs:
        free.setdefault(other[at], []).append(at)
    for at in reversed(mine):
        if places := free.get(one[at]):
            partners[at] = places.pop()
