"""Intervals: of a share, of a mean, of the difference of two shares. Knows nothing of cases.

Nothing here invents certainty. Where there are too few values to tell an interval, the bounds are None and `note` says
why; where values are all the same, a resampling would tell an interval of no width, which none of these does.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Interval", "all_equal", "bootstrap_mean", "difference", "finite", "mean_interval", "newcombe", "quantile",
    "resampled_means", "student", "wilson", "wilson_bounds", "within",
]  # fmt: skip

Floats = NDArray[np.float64]

_NORMAL = NormalDist()
_RESAMPLES = 2000
_AT_ONCE = 2_000_000  # values drawn in one block: 16 MB of indices
_SERIES, _HALVINGS = 200, 55  # degrees of freedom; of a right angle, to the last bit
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
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def newcombe(before: tuple[int, int], after: tuple[int, int], level: float = 0.95) -> Interval:
    """The difference, after less before, of two shares of different cases, each (count, total). By Wilson's bounds of
    both (method 10 of Newcombe 1998, Statistics in Medicine 17:873)."""
    return difference(wilson(*before, level), wilson(*after, level), "newcombe")


def difference(before: Interval, after: Interval, method: str = "square and add") -> Interval:
    """The difference, after less before, of two estimates from different cases, by the bounds of both (Zou and Donner
    2008, Statistics in Medicine 27:1693). Raises ValueError where one has no bounds, or they differ in level. Two runs
    over the same cases are compared by `paired`, which sees smaller differences."""
    if before.low is None or before.high is None or after.low is None or after.high is None:
        raise ValueError(
            "an estimate without bounds cannot be compared: " + "; ".join({before.note, after.note} - {""})
        )
    if before.level != after.level:
        raise ValueError(f"bounds of {before.level} and of {after.level} cannot be compared")
    value = after.value - before.value
    low = value - math.hypot(after.value - after.low, before.high - before.value)
    high = value + math.hypot(after.high - after.value, before.value - before.low)
    note = "; ".join(dict.fromkeys(one.note for one in (before, after) if one.note))
    return Interval(value, low, high, before.n + after.n, method, before.level, note)


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
    doi:10.2307/2289144), or `percentile`, both widened by as much as Student's t is wider than the normal distribution
    (Hesterberg 2015, arXiv:1411.5279, 3.1.1), without which few values tell bounds that are too narrow.

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
    if all_equal(found):
        return _of_equal(float(found[0]), n, level, bounds)
    means = resampled_means(found, random, resamples)
    z = student(level, n - 1) * math.sqrt(n / (n - 1))
    shares = _accelerated(found, mean, means, z) if method == "bca" else (_NORMAL.cdf(-z), _NORMAL.cdf(z))
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


def all_equal(values: Floats) -> bool:
    """Whether values differ by no more than floating point does; sums and differences of equal ones do."""
    return float(np.ptp(values)) <= 1e-12 * max(1.0, float(np.abs(values).max()))


def quantile(level: float) -> float:
    """How many standard errors to each side hold `level` of a normal distribution. ValueError unless 0 < level < 1."""
    if not 0 < level < 1:
        raise ValueError(f"a level of {level}: it is between 0 and 1, as 0.95")
    return _NORMAL.inv_cdf((1 + level) / 2)


def student(level: float, freedom: int) -> float:
    """As `quantile`, of Student's t with `freedom` degrees of freedom, 1 or more: exact by the finite series of
    Abramowitz and Stegun (26.7.3 and 26.7.4) up to 200, beyond it by their 26.7.5, right to 1e-7."""
    z = quantile(level)
    if freedom > _SERIES:
        steps = ((z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384)
        return z + sum(step / float(freedom) ** (place + 1) for place, step in enumerate(steps))
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def within(value: float, error: float, z: float, bounds: tuple[float, float] = (0.0, 1.0)) -> tuple[float, float]:
    """The bounds of a mean of values that lie within `bounds`, from its standard error: Wilson's of the share of as
    many cases as would have this error. They never leave `bounds`, and hold a mean near one of them as often as they
    say, which `z` errors to each side do not (benchmarks/evals)."""
    least, span = bounds[0], bounds[1] - bounds[0]
    share = (value - least) / span
    if not 0 < share < 1 or error <= 0:
        return max(bounds[0], value - z * error), min(bounds[1], value + z * error)
    cases = share * (1 - share) * (span / error) ** 2
    low, high = wilson_bounds(share * cases, cases, z)
    return least + low * span, least + high * span


def _inside(angle: float, freedom: int) -> float:
    """How much of Student's t lies within the square root of `freedom` times the tangent of an angle."""
    sine, cosine = math.sin(angle), math.cos(angle)
    first, begin = (cosine, 3) if freedom % 2 else (1.0, 2)
    terms, term = 0.0, first
    for k in range(begin, freedom + 1, 2):
        terms += term
        term *= cosine * cosine * (k - 1) / k
    if freedom % 2:
        return 2 / math.pi * (angle + sine * terms)
    return sine * terms


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


def _accelerated(values: Floats, mean: float, means: Floats, z: float) -> tuple[float, float]:
    """Which shares of the resampled means the bounds are: moved by their bias and by the skewness of the values."""
    below = (float((means < mean).sum()) + 0.5 * float((means == mean).sum())) / len(means)
    edge = 0.5 / len(means)
    bias = _NORMAL.inv_cdf(min(1 - edge, max(edge, below)))
    apart = values - mean
    skew = float((apart**3).sum()) / (6 * float((apart**2).sum()) ** 1.5)
    moved = [bias + (bias + one) / max(1e-9, 1 - skew * (bias + one)) for one in (-z, z)]
    return _NORMAL.cdf(moved[0]), _NORMAL.cdf(moved[1])
