"""Tests that may be looked at as often as one likes: intervals and p-values that hold at every look at once.

Normal mixtures over the effect, as Robbins did (1970, Annals of Mathematical Statistics 41:1397), for estimates whose
error is itself estimated: asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024,
Annals of Statistics 52:2613, arXiv:2103.06476). They are to intervals by the central limit theorem what these are to
exact ones: right once there are enough units, which is why nothing is decided before a minimum of them.

What counts is a unit (a user, a session), not a call: calls of one unit hang together. A unit that returns changes its
own value. The bounds are therefore told in the error of the estimate at that look, and not in the number of units: an
estimate of all that is there has independent increments over 1 / error squared (Scharfstein, Tsiatis and Robins 1997,
JASA 92:1342), whether that came of new units or of old ones. benchmarks/experiments shows how well this holds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pilothouse.stats.intervals import finite

__all__ = [
    "Contrast", "Sample", "best_chances", "contrast", "mismatch", "one_sided_p", "one_sided_radius", "radius",
    "tuned_scale", "two_sided_p",
]  # fmt: skip

Floats = NDArray[np.float64]
_CONCENTRATION = 100.0  # of the Dirichlet prior over shares: most of it within 0.1 of an even split
_DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Sample:
    """The units of one arm by epoch (a time with one set of weights): how many, the mean of their values, and the sum
    of squared deviations from it. Three arrays of one length."""

    n: Floats
    mean: Floats
    squares: Floats

    @classmethod
    def of(cls, values: ArrayLike, epochs: ArrayLike | None = None, number: int = 1) -> Self:
        """From one value a unit and the epoch, from 0 to before `number`, in which each came. Raises ValueError for
        values that are not finite."""
        found = finite(values)
        places = np.zeros(len(found), np.int64) if epochs is None else np.asarray(epochs, np.int64)
        n = np.bincount(places, minlength=number).astype(np.float64)
        start = found.min() if len(found) else 0.0  # values that are all the same have that mean, to the last bit
        mean = start + np.bincount(places, found - start, minlength=number) / np.maximum(n, 1)
        squares = np.bincount(places, np.square(found - mean[places]), minlength=number)
        return cls(n, mean, np.asarray(squares, np.float64))

    @property
    def units(self) -> int:
        """How many there are, over all epochs."""
        return int(self.n.sum())

    @property
    def average(self) -> float:
        """The mean over all units."""
        return float((self.n * self.mean).sum() / max(1.0, float(self.n.sum())))


@dataclass(frozen=True, slots=True)
class Contrast:
    """The mean of the treatment less `factor` times that of the control, with its standard error: None where there
    are too few units."""

    value: float
    error: float | None
    control: int
    treatment: int


def contrast(
    control: Sample, treatment: Sample, factor: float = 1.0, bounds: tuple[float, float] | None = None
) -> Contrast:
    """Compare within each epoch, and weigh the epochs by what they tell: valid also where the weights of an epoch were
    chosen by what earlier ones showed (batched ordinary least squares, Zhang, Janson and Murphy 2020,
    arXiv:2002.03217). With one epoch it is the difference of the means.

    The variance of an arm is pooled over its epochs. The error is the larger one of two: by each arm's own variance,
    and by that of both arms together, since a small arm that has not met its outliers yet looks surer than it is.
    Values within `bounds` are given half a unit at each bound, so that a share of none is no certainty. Where no value
    differs from the others of its arm, one unit of each is taken to differ by as much as the larger mean.
    """
    n_c, n_t = control.n, treatment.n
    both = (n_c >= 1) & (n_t >= 1)
    units = control.units, treatment.units
    if not both.any() or min(units) < 2:
        value = treatment.average - factor * control.average if both.any() else 0.0
        return Contrast(value, None, *units)
    (of_control, freedom), (of_treatment, more) = (_pooled(one, bounds) for one in (control, treatment))
    together = (of_control * freedom + of_treatment * more) / (freedom + more)
    spreads = (
        of_treatment / n_t[both] + factor**2 * of_control / n_c[both],
        together / n_t[both] + factor**2 * together / n_c[both],
    )
    differences = treatment.mean[both] - factor * control.mean[both]
    if not min(spread.min() for spread in spreads) > 0:
        size = max(abs(control.average), abs(treatment.average)) or 1.0
        return Contrast(float(differences.mean()), size * math.hypot(factor / units[0], 1 / units[1]), *units)
    told = min((1 / spread for spread in spreads), key=lambda one: float(one.sum()))
    total = float(told.sum())
    return Contrast(float((told * differences).sum()) / total, math.sqrt(1 / total), *units)


def radius(error: ArrayLike, scale: ArrayLike, alpha: float) -> Floats:
    """The half width of the two-sided interval around an estimate with this standard error, which holds the truth at
    all looks together with a chance of 1 - alpha. `scale` is that of the mixture; see `tuned_scale`."""
    v, t = _squared(error, scale)
    return np.sqrt(v * (v + t) / t * np.log((v + t) / (v * alpha * alpha)))


def one_sided_radius(error: ArrayLike, scale: ArrayLike, alpha: float) -> Floats:
    """As `radius`, for a bound to one side (the mixture over one half; Howard, Ramdas, McAuliffe and Sekhon 2021,
    Annals of Statistics 49:1055)."""
    v, t = _squared(error, scale)
    return np.sqrt(2 * v * (v + t) / t * np.log1p(np.sqrt((v + t) / v) / (2 * alpha)))


def two_sided_p(value: ArrayLike, error: ArrayLike, scale: ArrayLike) -> Floats:
    """The always-valid p-value of an effect of 0: the least alpha whose interval leaves 0 out (Johari, Koomen,
    Pekelis and Walsh 2022, Operations Research 70:1806). The smallest over all looks is one as well."""
    v, t = _squared(error, scale)
    weight = 0.5 * t * np.square(np.asarray(value, np.float64)) / (v * (v + t))
    return np.minimum(1.0, np.exp(0.5 * np.log((v + t) / v) - weight))


def one_sided_p(value: ArrayLike, error: ArrayLike, scale: ArrayLike) -> Floats:
    """The always-valid p-value of an effect of 0 or less: the least alpha whose lower bound is above 0."""
    found, (v, t) = np.asarray(value, np.float64), _squared(error, scale)
    weight = np.minimum(700.0, 0.5 * t * np.square(found) / (v * (v + t)))
    with np.errstate(divide="ignore"):
        p = np.sqrt((v + t) / v) / (2 * np.expm1(weight))
    return np.where(found > 0, np.minimum(1.0, p), 1.0)


def tuned_scale(error: float, further: float, alpha: float) -> float:
    """The scale that makes the interval narrowest where there is `further` times the information that gave this
    standard error, as Waudby-Smith and others show. Chosen once, at a first look, and kept: any choice is
    valid, another one later is not."""
    told = -2 * math.log(alpha)
    return error * math.sqrt((told + math.log(told) + 1) / further)


def mismatch(counts: ArrayLike, shares: ArrayLike) -> float:
    """The p-value, at this look, of arms that were given units as by `shares`; `counts` are units by epoch and arm, as
    are `shares`, (epochs, arms). The smallest over all looks may be held against alpha, however many there are: it is
    the inverse of a Bayes factor, Dirichlet against the shares, that is a martingale where these are right (Lindon and
    Malek 2022, arXiv:2011.03567). Exact."""
    seen, meant = np.atleast_2d(np.asarray(counts, np.float64)), np.atleast_2d(np.asarray(shares, np.float64))
    total = 0.0
    for n, p in zip(seen, meant, strict=True):
        p = p / p.sum()
        prior = _CONCENTRATION * p
        total += math.lgamma(_CONCENTRATION) - math.lgamma(_CONCENTRATION + float(n.sum()))
        total += sum(
            math.lgamma(a + k) - math.lgamma(a) - k * math.log(q)
            for a, k, q in zip(prior.tolist(), n.tolist(), p.tolist(), strict=True)
        )
    return math.exp(-max(0.0, total)) if total < 700 else 0.0


def best_chances(samples: Sequence[Sample], lower: bool, shares: bool, random: np.random.Generator) -> Floats:
    """How likely each arm is the best one, by its posterior: of shares (values from 0 to 1) a beta, of others a normal
    distribution about the mean. For Thompson sampling (1933, Biometrika 25:285): an arm gets units as it is likely
    best. An arm of fewer than two units is as likely as any."""
    drawn = np.empty((len(samples), _DRAWS))
    spread = max((_pooled(one)[0] for one in samples if one.units > 1), default=0.0)
    for place, one in enumerate(samples):
        total, n = float((one.n * one.mean).sum()), float(one.n.sum())
        if shares:
            drawn[place] = random.beta(1 + total, 1 + n - total, _DRAWS)
        else:
            error = math.sqrt(max(_pooled(one)[0], spread) / n) if one.units > 1 else math.inf
            drawn[place] = random.normal(one.average, error, _DRAWS) if math.isfinite(error) else np.nan
    if np.isnan(drawn).any():
        return np.full(len(samples), 1 / len(samples))
    best = (drawn.min(axis=0) if lower else drawn.max(axis=0)) == drawn
    return np.asarray((best / best.sum(axis=0)).mean(axis=1))


def _squared(error: ArrayLike, scale: ArrayLike) -> tuple[Floats, Floats]:
    return np.square(np.asarray(error, np.float64)), np.square(np.asarray(scale, np.float64))


def _pooled(one: Sample, bounds: tuple[float, float] | None = None) -> tuple[float, float]:
    """The variance within the epochs of an arm, and its degrees of freedom."""
    freedom = max(1.0, float(one.n.sum()) - float((one.n > 0).sum()))
    squares = float(one.squares.sum())
    if bounds is not None:
        n, mean = one.units, one.average
        middle = (n * mean + 0.5 * (bounds[0] + bounds[1])) / (n + 1)
        squares += n * (mean - middle) ** 2 + 0.5 * ((middle - bounds[0]) ** 2 + (middle - bounds[1]) ** 2)
    return squares / freedom, freedom
