"""BLEU of a sentence and of a corpus, equal to sacrebleu's. Knows nothing of how evaluators show it.

Papineni et al. 2002; as Post 2018 (sacrebleu) settles its details: tokens by `13a`, n-grams up to 4, exponential
smoothing, the reference nearest in length (the shorter of two) for the brevity penalty. Scores are from 0 to 100.
"""

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

from pilothouse.overlap.matches import grams, shared
from pilothouse.overlap.runs import numbered, room, shared_runs
from pilothouse.overlap.tokens import TOKENIZERS

__all__ = ["Bleu", "BleuCounts", "bleu_counts", "bleu_score", "corpus_bleu", "sentence_bleu"]

_ORDER = 4
_LONG = 100  # tokens, from where one sort is faster than sets


class BleuCounts(NamedTuple):
    """What BLEU is computed from; of several texts, the sums. `hits` and `totals` have one number an order."""

    hits: tuple[int, ...]
    totals: tuple[int, ...]
    length: int
    reference_length: int

    def __add__(self, other: object) -> "BleuCounts":
        """The counts of both texts together."""
        if not isinstance(other, BleuCounts):
            return NotImplemented
        return BleuCounts(
            tuple(map(int.__add__, self.hits, other.hits)),
            tuple(map(int.__add__, self.totals, other.totals)),
            self.length + other.length,
            self.reference_length + other.reference_length,
        )


class Bleu(NamedTuple):
    """A score from 0 to 100, the precisions of each order in percent (smoothed), and the penalty from 0 to 1 for being
    shorter than the reference. Lengths are in tokens."""

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    length: int
    reference_length: int


def bleu_counts(
    hypothesis: str, references: str | Sequence[str], *, tokenize: str = "13a", lowercase: bool = False
) -> BleuCounts:
    """The counts of one text against its references.

    `tokenize` is one of TOKENIZERS: for Chinese and Japanese take `char`, since to `13a` a whole sentence is one token.
    Raises ValueError without a reference and for an unknown way to tokenise.
    """
    cut = TOKENIZERS.get(tokenize)
    if cut is None:
        raise ValueError(f"no way to tokenise is called {tokenize!r}: there are {', '.join(TOKENIZERS)}")
    given = [references] if isinstance(references, str) else references
    if not given:
        raise ValueError("BLEU needs at least one reference")
    tokens, *others = [cut(text.lower() if lowercase else text) for text in (hypothesis, *given)]
    length = len(tokens)
    hits = _hits(tokens, others)
    totals = tuple(max(0, length - order) for order in range(_ORDER))
    nearest = min((abs(length - len(other)), len(other)) for other in others)[1]
    return BleuCounts(tuple(hits), totals, length, nearest)


def _hits(tokens: Sequence[str], others: Sequence[Sequence[str]]) -> list[int]:
    """The n-grams of each order that are in a reference, too."""
    if len(others) == 1 and min(len(tokens), len(others[0])) >= _LONG:
        mine, theirs, both = numbered(tokens, others[0])
        if both <= room(_ORDER):
            return shared_runs(mine, theirs, _ORDER)
    hits = []
    for order in range(1, _ORDER + 1):
        found = shared(grams(tokens, order), *[grams(other, order) for other in others])
        hits.append(found)
        if not found:  # nor is any longer one
            break
    return hits + [0] * (_ORDER - len(hits))


def bleu_score(counts: BleuCounts, *, effective_order: bool = False) -> Bleu:
    """The score of counts. An order without a hit counts as half of one, the next as a quarter, and so on (Chen and
    Cherry 2014, method 3); without any hit at all the score is 0.

    `effective_order` leaves out orders that the text is too short for; without it such a text has no score but 0.
    """
    hits, totals, length, reference_length = counts
    penalty = 1.0 if length >= reference_length else exp(1 - reference_length / length) if length else 0.0
    precisions = [0.0] * len(hits)
    if not any(hits):
        return Bleu(0.0, tuple(precisions), penalty, length, reference_length)
    smoothing, orders = 1.0, 0
    for order, (found, total) in enumerate(zip(hits, totals, strict=True)):
        if not total:
            break
        orders = order + 1
        if not found:
            smoothing *= 2
        precisions[order] = 100.0 * found / total if found else 100.0 / (smoothing * total)
    if orders < len(hits) and not effective_order:
        score = 0.0
    else:
        score = penalty * exp(sum(map(log, precisions[:orders])) / orders)
    return Bleu(score, tuple(precisions), penalty, length, reference_length)


def sentence_bleu(
    hypothesis: str, references: str | Sequence[str], *, tokenize: str = "13a", lowercase: bool = False
) -> Bleu:
    """BLEU of one text, orders that it is too short for left out. Equal texts have 100, an empty one 0."""
    counts = bleu_counts(hypothesis, references, tokenize=tokenize, lowercase=lowercase)
    return bleu_score(counts, effective_order=True)


def corpus_bleu(
    hypotheses: Sequence[str],
    references: Sequence[str | Sequence[str]],
    *,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> Bleu:
    """BLEU of many texts, their counts added up: not the mean of their scores.

    `references` has the references of each text (sacrebleu takes them the other way round, the first of each, then the
    second of each); texts may have different numbers of them. Raises ValueError where there is no text, or not as many
    references as texts.
    """
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} texts and the references of {len(references)}: take one or more of each")
    total = BleuCounts((0,) * _ORDER, (0,) * _ORDER, 0, 0)
    for hypothesis, given in zip(hypotheses, references, strict=True):
        total += bleu_counts(hypothesis, given, tokenize=tokenize, lowercase=lowercase)
    return bleu_score(total)
