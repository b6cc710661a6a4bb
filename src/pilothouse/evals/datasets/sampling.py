"""Which of many to take: at random, as many of each kind, failures first, or as different as can be. Plain functions.

Chance is the hash of an id with a seed: the same sample again, and one that barely changes as candidates are added.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

__all__ = ["at_random", "diverse", "failures_first", "stratified"]

Vector = NDArray[np.float32]


def at_random(ids: Sequence[str], most: int, seed: int = 0) -> list[str]:
    """Up to `most` of the ids; each has the same chance."""
    return _shuffled(ids, seed)[:most]


def stratified(strata: Mapping[str, str], most: int, seed: int = 0) -> list[str]:
    """Up to `most` ids, as many of each stratum as there are, evenly: a rare one is not left out. `strata` has the
    stratum of each id."""
    by = defaultdict[str, list[str]](list)
    for one in _shuffled([*strata], seed):
        by[strata[one]].append(one)
    rounds = [(nth, stratum, one) for stratum, ids in by.items() for nth, one in enumerate(ids)]
    return [one for _, _, one in sorted(rounds)[:most]]


def failures_first(ids: Sequence[str], failed: Set[str], most: int, seed: int = 0) -> list[str]:
    """Up to `most` ids: those that failed, at random where they are too many, then others at random."""
    shuffled = _shuffled(ids, seed)
    return [*(one for one in shuffled if one in failed), *(one for one in shuffled if one not in failed)][:most]


def diverse(vectors: Mapping[str, Vector], most: int, seed: int = 0) -> list[str]:
    """Up to `most` ids, each the farthest from those before it by the cosine of their vectors (L2-normalised):
    farthest-point traversal (Gonzalez 1985), within a factor of 2 of the best covering. Time is n * most."""
    ids = _shuffled([*vectors], seed)
    if not ids or most <= 0:
        return []
    matrix = np.stack([vectors[one] for one in ids])
    chosen, nearest = [0], matrix @ matrix[0]
    while len(chosen) < min(most, len(ids)):
        nearest[chosen[-1]] = np.inf  # taken
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, matrix @ matrix[chosen[-1]])
    return [ids[place] for place in chosen]


def _shuffled(ids: Sequence[str], seed: int) -> list[str]:
    key = str(seed).encode()
    return sorted(ids, key=lambda one: (blake2b(one.encode("utf-8", "replace"), digest_size=8, key=key).digest(), one))
