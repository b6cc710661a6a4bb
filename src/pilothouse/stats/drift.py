"""Whether a day differs from the days before it: vectors by their mean, counts by the population stability index.

Two questions, since either alone deceives. Chance: a permutation test, the p-value of which is (1 + those at least as
far apart) / (1 + permutations) (Phipson and Smyth, 2010). Size: how far apart the two are, less what samples of these
sizes are apart by themselves; beside it the same of each day before against the others, which is how far ordinary days
stray. Everything here is deterministic. Knows nothing of where numbers come from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PERMUTATIONS", "Drift", "binned", "drift_of_counts", "drift_of_vectors", "psi"]

PERMUTATIONS = 1999
"""By which chance is told: no p-value is below 1 / 2000."""

_AT_ONCE = 256  # permutations: a block of them times 10,000 vectors takes 10 MB
_HALF = 0.5  # added to each bin, so that an empty one is no infinite surprise

Vectors = NDArray[np.float32]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a day is from those before it.

    `statistic` is the squared distance of the means, or the PSI; `p` how often chance alone gives as much. `effect` is
    the size: of vectors in standard deviations (the distance of the means over the square root of the total variance,
    a Cohen's d of many dimensions), of counts the PSI, both without what is due to the size of the samples. `usual` and
    `furthest` are the middle and the second largest effect of the days before, each against the others: the largest is
    left out, so that one bad day among them hides nothing.
    """

    statistic: float
    p: float
    effect: float
    usual: float
    furthest: float


def drift_of_vectors(day: Vectors, before: Sequence[Vectors], permutations: int = PERMUTATIONS, seed: int = 0) -> Drift:
    """A day's vectors against those of the days before: each (number, dimensions), none of them empty.

    The statistic is the maximum mean discrepancy with a linear kernel (Gretton et al., "A kernel two-sample test",
    2012). It sees that other things are asked, not that the same are asked more alike.
    """
    rows = np.concatenate([day, *before]).astype(np.float32)
    rows -= rows.mean(axis=0)
    total, here = len(rows), len(day)
    variance = float(np.square(rows, dtype=np.float64).sum()) / max(1, total - 1)
    if variance <= 1e-12:
        return Drift(0.0, 1.0, 0.0, 0.0, 0.0)
    sizes = np.array([here, *map(len, before)])
    sums = np.add.reduceat(rows, np.concatenate(([0], np.cumsum(sizes)[:-1])), axis=0, dtype=np.float64)
    statistic = float(_apart(sums[0], here, sums.sum(axis=0), total))
    source, as_far = np.random.default_rng(seed), 0
    for done in range(0, permutations, _AT_ONCE):
        chosen = np.zeros((min(_AT_ONCE, permutations - done), total), np.float32)
        places = source.random(chosen.shape, np.float32).argpartition(here, axis=1)[:, :here]
        np.put_along_axis(chosen, places, 1, axis=1)
        apart = _apart(chosen @ rows, here, rows.sum(axis=0), total)
        as_far += int((apart >= statistic * (1 - 1e-6)).sum())
    days, number = sums[1:], sizes[1:]
    strays = [
        _size(float(_apart(one, count, days.sum(axis=0), int(number.sum()))), variance, count, int(number.sum()))
        for one, count in zip(days, number.tolist(), strict=True)
        if count < number.sum()
    ]
    effect = _size(statistic, variance, here, total)
    return Drift(statistic, (1 + as_far) / (1 + permutations), effect, *_ordinary(strays))


def drift_of_counts(day: Counts, before: Counts, permutations: int = PERMUTATIONS, seed: int = 0) -> Drift:
    """A day's counts by bin against those of the days before, (days, bins).

    Bins must not have been chosen by what tells the day from the others (see `binned`): then the counts of random days
    are drawn from all without replacement, and the p-value is exact. Without drift the PSI is (bins - 1)(1/m + 1/n) in
    the mean (Yurdakul and Naranjo, "Statistical properties of the population stability index", 2020), which the effect
    leaves out.
    """
    earlier = before.sum(axis=0)
    pooled, here = day + earlier, int(day.sum())
    statistic = float(psi(day, earlier))
    source = np.random.default_rng(seed)
    drawn = source.multivariate_hypergeometric(pooled, here, size=permutations, method="marginals")
    as_far = int((psi(drawn, pooled - drawn) >= statistic * (1 - 1e-9)).sum())
    strays = [_beyond(one, earlier - one) for one in before if 0 < one.sum() < earlier.sum()]
    return Drift(statistic, (1 + as_far) / (1 + permutations), _beyond(day, earlier), *_ordinary(strays))


def psi(here: Counts, there: Counts) -> NDArray[np.float64]:
    """The population stability index of counts by bin (the last axis): the sum of (p - q) ln(p / q), which is the
    Jeffreys divergence (Jeffreys, 1946). Half a count is added to each bin."""
    one, other = here + _HALF, there + _HALF
    p, q = one / one.sum(axis=-1, keepdims=True), other / other.sum(axis=-1, keepdims=True)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))


def binned(days: Sequence[Mapping[int, int]], bins: int = 10) -> Counts:
    """Histograms (stats.histogram) as counts of about `bins` equally full bins, (days, bins): by all days together, so
    that no day has a part in the choice that another has not. A bin that is very full stays one."""
    places = sorted({place for day in days for place, count in day.items() if count > 0})
    table = np.array([[max(0, day.get(place, 0)) for place in places] for day in days], np.int64)
    table = table.reshape(len(days), len(places))
    if not places:
        return table
    passed = np.cumsum(table.sum(axis=0))
    middle = passed - table.sum(axis=0) / 2
    owner = np.minimum(bins - 1, (middle * bins / passed[-1]).astype(int))
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    return np.add.reduceat(table, begins, axis=1)


def _apart(chosen: NDArray[np.floating], here: int, whole: NDArray[np.floating], total: int) -> NDArray[np.float64]:
    """The squared distance of the mean of the chosen from that of the rest, by their sums."""
    between = chosen / here - (whole - chosen) / (total - here)
    return np.asarray(np.square(between).sum(axis=-1), np.float64)


def _size(squared: float, variance: float, here: int, total: int) -> float:
    """What is left without the mean of all permutations, which is variance (1/m + 1/n)."""
    return float(np.sqrt(max(0.0, squared / variance - 1 / here - 1 / (total - here))))


def _beyond(here: Counts, there: Counts) -> float:
    filled = int(((here + there) > 0).sum())
    due = (filled - 1) * (1 / int(here.sum()) + 1 / int(there.sum()))
    return max(0.0, float(psi(here, there)) - due)


def _ordinary(strays: Sequence[float]) -> tuple[float, float]:
    if not strays:
        return 0.0, 0.0
    return float(np.median(strays)), sorted(strays)[max(0, len(strays) - 2)]
