"""What two sequences of tokens have in common, counted. Knows nothing of how texts become tokens."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeVar

__all__ = ["Match", "grams", "matched", "shared"]

T = TypeVar("T", bound=Hashable)


class Match(NamedTuple):
    """The share of a hypothesis that is in its reference, the share of the reference that is in the hypothesis, and
    their harmonic mean; each from 0 to 1."""

    precision: float
    recall: float
    f: float


def matched(hits: int, hypothesis: int, reference: int) -> Match:
    """Of `hits` tokens that are in both, out of as many as each has. Nothing is shared with nothing: then all are 0."""
    precision = hits / hypothesis if hypothesis else 0.0
    recall = hits / reference if reference else 0.0
    return Match(precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0)


def grams(tokens: Sequence[T], order: int) -> Sequence[T] | list[tuple[T, ...]]:
    """The n-grams of a sequence, in order; those of order 1 are the tokens themselves."""
    if order == 1:
        return tokens
    return list(zip(*[tokens[start:] for start in range(order)], strict=False))


def shared(one: Sequence[Hashable], *others: Sequence[Hashable]) -> int:
    """How many items of `one` have a partner, each partner serving once; of several others, for each item the one that
    has it most often (the clipped count of Papineni et al. 2002). Linear in the lengths."""
    mine = set(one)
    once = len(mine) == len(one)
    left: Counter[Hashable] = Counter()
    others_once = True
    for other in others:
        counts = Counter(other)
        others_once = others_once and len(counts) == len(other)
        left = left | counts if left else counts
    if once or others_once:
        return len(mine.intersection(left))
    hits, find = 0, left.get
    for item in one:
        if free := find(item):
            left[item] = free - 1
            hits += 1
    return hits
