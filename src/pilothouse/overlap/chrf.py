"""chrF and chrF++ of a sentence and of a corpus, equal to sacrebleu's. Knows nothing of words beyond white space.

Popović 2015, 2017: n-grams of 1 to 6 characters without white space, for chrF++ of 1 and 2 words besides; an F that
counts recall twice. It needs no way to tokenise, so it fits every script. Scores are from 0 to 100.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pilothouse.overlap.matches import grams, shared
from pilothouse.overlap.runs import FIRST, room, shared_runs

__all__ = ["ChrfCounts", "chrf_counts", "chrf_score", "corpus_chrf", "sentence_chrf"]

_CHARACTERS = 6
_WORDS = 2  # of chrF++
_BETA_SQUARED = 4.0
_MARKS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class ChrfCounts(NamedTuple):
    """What chrF is computed from, one number an order each; of several texts, the sums."""

    hits: tuple[int, ...]
    totals: tuple[int, ...]
    reference_totals: tuple[int, ...]

    def __add__(self, other: object) -> "ChrfCounts":
        """The counts of both texts together."""
        if not isinstance(other, ChrfCounts):
            return NotImplemented
        return ChrfCounts(*(tuple(map(int.__add__, mine, theirs)) for mine, theirs in zip(self, other, strict=True)))


def chrf_counts(hypothesis: str, references: str | Sequence[str], *, words: bool = False) -> ChrfCounts:
    """The counts of one text against the one of its references that gives it the best score.

    `words` counts n-grams of words too (chrF++). Raises ValueError without a reference.
    """
    given = [references] if isinstance(references, str) else references
    if not given:
        raise ValueError("chrF needs at least one reference")
    best: tuple[float, ChrfCounts] | None = None
    for reference in given:
        counts = _counts(hypothesis, reference, words)
        score = chrf_score(counts)
        if best is None or score > best[0]:
            best = score, counts
    assert best is not None
    return best[1]


def chrf_score(counts: ChrfCounts) -> float:
    """The score of counts, from 0 to 100: F of the mean precision and the mean recall over the orders that both texts
    are long enough for."""
    orders, precision, recall = 0, 0.0, 0.0
    for hits, total, reference in zip(*counts, strict=True):
        if total and reference:
            orders += 1
            precision += hits / total
            recall += hits / reference
    if not precision + recall:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return 100 * (1 + _BETA_SQUARED) * precision * recall / (_BETA_SQUARED * precision + recall)


def sentence_chrf(hypothesis: str, references: str | Sequence[str], *, words: bool = False) -> float:
    """chrF of one text, with `words` chrF++. Equal texts have 100, an empty one 0."""
    return chrf_score(chrf_counts(hypothesis, references, words=words))


def corpus_chrf(hypotheses: Sequence[str], references: Sequence[str | Sequence[str]], *, words: bool = False) -> float:
    """chrF of many texts, their counts added up. `references` has the references of each text. Raises ValueError where
    there is no text or the numbers differ."""
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} texts and the references of {len(references)}: take one or more of each")
    nothing = (0,) * (_CHARACTERS + (_WORDS if words else 0))
    total = ChrfCounts(nothing, nothing, nothing)
    for hypothesis, given in zip(hypotheses, references, strict=True):
        total += chrf_counts(hypothesis, given, words=words)
    return chrf_score(total)


def _counts(hypothesis: str, reference: str, words: bool) -> ChrfCounts:
    one, other = "".join(hypothesis.split()), "".join(reference.split())
    hits = _shared_characters(one, other)
    sizes = [(len(one) - order, len(other) - order) for order in range(_CHARACTERS)]
    if words:
        tokens, others = _words(hypothesis), _words(reference)
        for order in range(1, _WORDS + 1):
            hits.append(shared(grams(tokens, order), grams(others, order)))
            sizes.append((len(tokens) - order + 1, len(others) - order + 1))
    # As sacrebleu has it, n-grams count only where the reference has some of that order.
    totals = tuple(max(0, mine) if theirs > 0 else 0 for mine, theirs in sizes)
    return ChrfCounts(tuple(hits), totals, tuple(max(0, theirs) for _, theirs in sizes))


def _words(text: str) -> list[str]:
    """Words at white space, one mark of ASCII at an end cut off, else one at the start."""
    found = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _MARKS:
            found += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in _MARKS:
            found += [word[0], word[1:]]
        else:
            found.append(word)
    return found


def _shared_characters(one: str, other: str) -> list[int]:
    """How many n-grams of 1 to 6 characters both have."""
    if not one or not other:
        return [0] * _CHARACTERS
    codes = [np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32) for text in (one, other)]
    table = np.zeros(max(int(codes[0].max()), int(codes[1].max())) + 1, np.int64)
    table[codes[0]] = 1
    table[codes[1]] |= 2
    common = np.flatnonzero(table == 3)
    if len(common) > room(_CHARACTERS):
        return [_shared_slices(one, other, order) for order in range(1, _CHARACTERS + 1)]
    table[common] = np.arange(FIRST, FIRST + len(common))
    return shared_runs(table[codes[0]], table[codes[1]], _CHARACTERS)


def _shared_slices(one: str, other: str, order: int) -> int:
    mine, theirs = ([text[at : at + order] for at in range(len(text) - order + 1)] for text in (one, other))
    return shared(mine, theirs)
