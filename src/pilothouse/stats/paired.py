"""Two runs over the same cases: what changed, by how much, and whether chance would do as much.

Only cases that both runs scored belong here, in the same order. A difference is always after less before.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pilothouse.stats.intervals import Interval, all_equal, bootstrap_mean, finite, quantile, wilson_bounds

__all__ = ["PassComparison", "ScoreComparison", "compare_passes", "compare_scores", "mcnemar"]

PERMUTATIONS = 9999

_EXACT = 16  # cases that differ, up to which all 2^16 changes of sign are tried
_AT_ONCE = 2_000_000
_BIG = 1000  # flips above which logarithms take the place of whole numbers


@dataclass(frozen=True, slots=True)
class PassComparison:
    """Pass or fail, before and after.

    `both` and `neither` count the cases that did not change; `won` and `lost` are the places (0-based) of those that
    pass only after, only before: the flips. `difference` is of the shares that pass. `p` is McNemar's exact one.
    `odds_ratio` is won / lost, None where nothing was lost; its bounds are at the same level, the upper one None where
    it is without bound, and both None without a flip.
    """

    n: int
    both: int
    neither: int
    won: tuple[int, ...]
    lost: tuple[int, ...]
    difference: Interval
    p: float
    odds_ratio: float | None
    odds_low: float | None
    odds_high: float | None


@dataclass(frozen=True, slots=True)
class ScoreComparison:
    """Scores, before and after.

    `better` and `worse` are the places (0-based) of the cases whose score rose and fell, the largest change first.
    `p` is that of a permutation test of the mean difference, `exact` whether all permutations were tried. `effect` is
    Cohen's d_z, the mean difference in its standard deviations; None where the differences are all the same.
    """

    n: int
    before: float
    after: float
    difference: Interval
    p: float
    exact: bool
    effect: float | None
    better: tuple[int, ...]
    worse: tuple[int, ...]


def compare_passes(before: Sequence[bool], after: Sequence[bool], level: float = 0.95) -> PassComparison:
    """Compare which cases pass. The interval is Newcombe's for paired shares (method 10 of Newcombe 1998, Statistics
    in Medicine 17:2635), that of the odds ratio Wilson's of the flips, transformed (Fagerland, Lydersen and Laake 2014,
    Statistics in Medicine 33:2850). Raises ValueError where the runs have no case or not equally many."""
    one, other = np.asarray(before, bool), np.asarray(after, bool)
    _alike(len(one), len(other))
    won, lost = np.flatnonzero(~one & other), np.flatnonzero(one & ~other)
    both, neither = int((one & other).sum()), int((~one & ~other).sum())
    difference = _paired_newcombe(both, len(won), len(lost), neither, level)
    ratio, low, high = _odds(len(won), len(lost), level)
    return PassComparison(
        len(one), both, neither, _places(won), _places(lost), difference, mcnemar(len(won), len(lost)), ratio, low, high
    )


def compare_scores(
    before: ArrayLike,
    after: ArrayLike,
    random: np.random.Generator,
    level: float = 0.95,
    permutations: int = PERMUTATIONS,
) -> ScoreComparison:
    """Compare scores. The interval is a bootstrap over cases. The test changes the signs of the differences: all ways
    for up to 16 cases that differ, else `permutations` random ones, with p = (1 + as far) / (1 + permutations) (Phipson
    and Smyth 2010, doi:10.2202/1544-6115.1585). Raises ValueError as `compare_passes`, and for scores not finite."""
    one, other = finite(before), finite(after)
    _alike(len(one), len(other))
    change = other - one
    difference = bootstrap_mean(change, random, level)
    p, exact = _by_signs(change, random, permutations)
    deviation = 0.0 if all_equal(change) else float(change.std(ddof=1))
    order = np.argsort(-np.abs(change), kind="stable")
    return ScoreComparison(
        len(one), float(one.mean()), float(other.mean()), difference, p, exact,
        difference.value / deviation if deviation else None,
        _places(order[change[order] > 0]), _places(order[change[order] < 0]),
    )  # fmt: skip


def mcnemar(won: int, lost: int) -> float:
    """The two-sided p-value of so many flips to each side, where each is as likely (McNemar 1947,
    doi:10.1007/BF02295996; exact, by the binomial distribution)."""
    flips, fewer = won + lost, min(won, lost)
    if flips <= _BIG:
        return min(1.0, 2 * sum(math.comb(flips, one) for one in range(fewer + 1)) / (1 << flips))
    whole = math.lgamma(flips + 1) - flips * math.log(2)
    tail = [math.exp(whole - math.lgamma(one + 1) - math.lgamma(flips - one + 1)) for one in range(fewer + 1)]
    return min(1.0, 2 * math.fsum(tail))


def _alike(one: int, other: int) -> None:
    if one != other or not one:
        raise ValueError(f"{one} cases before and {other} after: a paired comparison needs the same cases, at least 1")


def _places(found: NDArray[np.intp]) -> tuple[int, ...]:
    return tuple(found.tolist())


def _paired_newcombe(both: int, won: int, lost: int, neither: int, level: float) -> Interval:
    n, z = both + won + lost + neither, quantile(level)
    before, after = both + lost, both + won
    one, other = before / n, after / n
    (low, high), (under, over) = wilson_bounds(before, n, z), wilson_bounds(after, n, z)
    product = before * (n - before) * after * (n - after)
    tied = float(both * neither - won * lost)
    if tied > 0:  # a correction for continuity
        tied = max(0.0, tied - n / 2)
    phi = tied / math.sqrt(product) if product else 0.0

    def reach(left: float, right: float) -> float:
        return math.sqrt(max(0.0, left * left - 2 * phi * left * right + right * right))

    difference = other - one
    bounds = difference - reach(other - under, high - one), difference + reach(over - other, one - low)
    return Interval(difference, max(-1.0, bounds[0]), min(1.0, bounds[1]), n, "newcombe, paired", level)


def _odds(won: int, lost: int, level: float) -> tuple[float | None, float | None, float | None]:
    if not won + lost:
        return None, None, None
    low, high = wilson_bounds(won, won + lost, quantile(level))
    return (won / lost if lost else None), low / (1 - low), (high / (1 - high) if lost else None)


def _by_signs(change: NDArray[np.float64], random: np.random.Generator, permutations: int) -> tuple[float, bool]:
    sizes = np.abs(change[change != 0])
    limit = abs(float(change.sum())) * (1 - 1e-9)
    if len(sizes) <= _EXACT:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate((sums - size, sums + size))
        return float((np.abs(sums) >= limit).mean()), True
    block, as_far = max(1, _AT_ONCE // len(sizes)), 0
    for begin in range(0, permutations, block):
        signs = random.integers(2, size=(min(block, permutations - begin), len(sizes)), dtype=np.int8)
        as_far += int((np.abs(2 * (signs @ sizes) - sizes.sum()) >= limit).sum())
    return (1 + as_far) / (1 + permutations), False
