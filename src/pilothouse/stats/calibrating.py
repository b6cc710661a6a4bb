"""What a score is worth as a probability, learnt from samples whose outcome is known.

Plain functions over numbers. Knows nothing of guards. How well scores part two kinds is `separating`'s to tell.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Isotonic", "conformal_threshold"]


class Isotonic(NamedTuple):
    """A rising step function from scores to probabilities, by least squares: the pooling of adjacent violators (Ayer et
    al. 1955; Zadrozny and Elkan 2002 for probabilities). `at` are scores in order, `value` what holds from each on; in
    between, values run straight. Scores outside have the value of the nearest end."""

    at: tuple[float, ...]
    value: tuple[float, ...]

    @classmethod
    def fit(cls, scores: Sequence[float], were: Sequence[bool]) -> "Isotonic":
        """From scores, and whether each was so. Raises ValueError for none, or for scores that are no numbers."""
        given = np.asarray(scores, dtype=np.float64)
        if not len(given) or len(given) != len(were) or not np.isfinite(given).all():
            raise ValueError("there must be a finite score for each sample, and a sample")
        at, place = np.unique(given, return_inverse=True)
        weights = np.bincount(place).astype(np.float64)
        means = np.bincount(place, np.asarray(were, dtype=np.float64)) / weights
        blocks: list[tuple[float, float, int]] = []  # mean, weight, how many scores
        for mean, weight in zip(means, weights, strict=True):
            block = (float(mean), float(weight), 1)
            while blocks and blocks[-1][0] >= block[0]:
                before, heavy, count = blocks.pop()
                whole = heavy + block[1]
                block = ((before * heavy + block[0] * block[1]) / whole, whole, count + block[2])
            blocks.append(block)
        ends, values, first = list[float](), list[float](), 0
        for mean, _, count in blocks:
            last = first + count - 1
            for place_of in dict.fromkeys((first, last)):
                ends.append(float(at[place_of]))
                values.append(mean)
            first = last + 1
        return cls(tuple(ends), tuple(values))

    def of(self, score: float) -> float:
        """The probability that goes with a score."""
        return float(np.interp(score, self.at, self.value))


def conformal_threshold(scores: Sequence[float], miss: float) -> float:
    """The threshold which a new score of the same kind is below with a probability of at most `miss`: the floor(miss *
    (n + 1))-th smallest of the scores of n good samples held out (split conformal; Vovk et al. 2005, Angelopoulos and
    Bates 2023). Minus infinity where there are too few to promise that."""
    if not 0 < miss < 1:
        raise ValueError("miss is between 0 and 1")
    rank = math.floor(miss * (len(scores) + 1) + 1e-9)
    return float(np.sort(np.asarray(scores, dtype=np.float64))[rank - 1]) if rank >= 1 else -math.inf
