"""Intervals: of a share, of a mean, of the difference of two shares. Knows nothing of cases.

Nothing here invents certainty. Where there are too few values to tell an interval, the bounds are None and `note` says
why; where values are all the same, a resampling would tell an interval of no width, which none of these does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Interval", "bootstrap_mean", "finite", "mean_interval", "newcombe", "quantile", "resampled_means", "wilson",
    "wilson_bounds",
]  # fmt: skip

Floats = NDArray[np.float64]

_NORMAL = NormalDist()
_RESAMPLES = 2000
_AT_ONCE = 2_000_000  # values drawn in one block: 16 MB of indices
_FEW = 10  # below this many values a bootstrap is too narrow: benchmarks/evals


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate from `n` values with the bounds that hold the truth in `level` (0 to 1) of samples like this one.

    `low` and `high` are None where no interval can be told; `note` is then the reason, else empty or a warning.
    `method` names how the bounds were found.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    method: str
    level: float = 0.95
    note: str = ""


def wilson(count: float, total: float, level: float = 0.95) -> Interval:
    """A share of which `count` of `total` were seen (Wilson 1927, doi:10.2307/2276774). Raises ValueError where
    `total` is below 1 or `count` is not between 0 and `total`."""
    if not 0 <= count <= total or total < 1:
        raise ValueError(f"{count} of {total} is no share: the count is 0 to the total, and the total at least 1")
    low, high = wilson_bounds(count, total, quantile(level))
    return Interval(count / total, low, high, int(total), "wilson", level)


def wilson_bounds(count: float, total: float, z: float) -> tuple[float, float]:
    """The bounds of `wilson`, `z` standard errors to each side; 0 to 1 where there is nothing to tell by."""
    if total <= 0:
        return 0.0, 1.0
    share, squared = count / total, z * z
    middle = (share + squared / (2 * total)) / (1 + squared / total)
    half = z / (1 + squared / total) * math.sqrt(share * (1 - share) / total + squared / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(before: tuple[int, int], after: tuple[int, int], level: float = 0.95) -> Interval:
    """The difference, after less before, of two shares of different cases, each (count, total). By Wilson's bounds of
    both (method 10 of Newcombe 1998, Statistics in Medicine 17:873)."""
    one, other = wilson(*before, level), wilson(*after, level)
    (below, above), (low, high) = _reach(one), _reach(other)
    difference = other.value - one.value
    total = before[1] + after[1]
    return Interval(
        difference, difference - math.hypot(low, above), difference + math.hypot(high, below), total, "newcombe", level
    )


def mean_interval(
    values: ArrayLike, random: np.random.Generator, level: float = 0.95, bounds: tuple[float, float] | None = None
) -> Interval:
    """The interval that fits the values: `wilson` where all are 0 or 1, else `bootstrap_mean`."""
    found = finite(values)
    if len(found) and np.isin(found, (0.0, 1.0)).all() and bounds in (None, (0.0, 1.0)):
        return wilson(float(found.sum()), len(found), level)
    return bootstrap_mean(found, random, level, bounds)


def bootstrap_mean(
    values: ArrayLike,
    random: np.random.Generator,
    level: float = 0.95,
    bounds: tuple[float, float] | None = None,
    method: str = "bca",
    resamples: int = _RESAMPLES,
) -> Interval:
    """The mean of independent values, by resampling them: `bca`, bias-corrected and accelerated (Efron 1987,
    doi:10.2307/2289144), or `percentile`.

    Several trials of one case are not independent: take their mean first. `bounds` are the least and the highest value
    that can be, where there are such: a mean of equal values then has the bounds of a share (of all values with this
    mean those at both ends vary most, so it is wide rather than narrow). Without them it has none.
    Raises ValueError where there is no value, or one that is not finite or out of bounds.
    """
    found = finite(values)
    if not len(found):
        raise ValueError("no values: a mean needs one")
    if method not in ("bca", "percentile"):
        raise ValueError(f"no method {method!r}: bca or percentile")
    if bounds is not None and not (bounds[0] < bounds[1] and bounds[0] <= found.min() and found.max() <= bounds[1]):
        raise ValueError(f"values are from {found.min():g} to {found.max():g}, out of the bounds {bounds}")
    n, mean = len(found), float(found.mean())
    if found.min() == found.max():
        return _of_equal(float(found[0]), n, level, bounds)
    means = resampled_means(found, random, resamples)
    shares = ((1 - level) / 2, (1 + level) / 2)
    if method == "bca":
        shares = _accelerated(found, mean, means, shares)
    low, high = (float(bound) for bound in np.quantile(means, shares))
    few = f"of {n} values: the interval is likely too narrow" if n < _FEW else ""
    return Interval(mean, min(low, mean), max(high, mean), n, method, level, few)


def resampled_means(values: Floats, random: np.random.Generator, resamples: int = _RESAMPLES) -> Floats:
    """The means of `resamples` draws with replacement of as many values as there are."""
    n = len(values)
    block = max(1, _AT_ONCE // n)
    drawn = [
        values[random.integers(n, size=(min(block, resamples - begin), n))].mean(axis=1)
        for begin in range(0, resamples, block)
    ]
    return np.concatenate(drawn)


def finite(values: ArrayLike) -> Floats:
    """As an array of one dimension; raises ValueError that tells where a value is not a finite number."""
    found = np.asarray(values, np.float64)
    if found.ndim != 1:
        raise ValueError(f"values have {found.ndim} dimensions, not 1")
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong):
        raise ValueError(f"value {int(wrong[0])} is {found[wrong[0]]}: {len(wrong)} of {len(found)} are not finite")
    return found


def quantile(level: float) -> float:
    """How many standard errors to each side hold `level` of a normal distribution. ValueError unless 0 < level < 1."""
    if not 0 < level < 1:
        raise ValueError(f"a level of {level}: it is between 0 and 1, as 0.95")
    return _NORMAL.inv_cdf((1 + level) / 2)


def _reach(one: Interval) -> tuple[float, float]:
    """How far below and above its value the bounds lie."""
    assert one.low is not None
    assert one.high is not None
    return one.value - one.low, one.high - one.value


def _of_equal(value: float, n: int, level: float, bounds: tuple[float, float] | None) -> Interval:
    if bounds is None:
        why = "1 value tells no interval" if n == 1 else f"all {n} values are equal: they do not tell how others vary"
        return Interval(value, None, None, n, "none", level, why)
    least, span = bounds[0], bounds[1] - bounds[0]
    low, high = wilson_bounds((value - least) / span * n, n, quantile(level))
    return Interval(
        value, min(value, least + low * span), max(value, least + high * span), n, "wilson", level,
        "all values are equal: the widest interval that the range allows" if n > 1 else "of 1 value",
    )  # fmt: skip


def _accelerated(values: Floats, mean: float, means: Floats, shares: Sequence[float]) -> tuple[float, float]:
    """Which shares of the resampled means the bounds are: moved by their bias and by the skewness of the values."""
    below = (float((means < mean).sum()) + 0.5 * float((means == mean).sum())) / len(means)
    edge = 0.5 / len(means)
    bias = _NORMAL.inv_cdf(min(1 - edge, max(edge, below)))
    apart = values - mean
    skew = float((apart**3).sum()) / (6 * float((apart**2).sum()) ** 1.5)
    moved = []
    for share in shares:
        z = bias + _NORMAL.inv_cdf(share)
        moved.append(_NORMAL.cdf(bias + z / max(1e-9, 1 - skew * z)))
    return moved[0], moved[1]
