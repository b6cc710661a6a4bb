"""Prediction-powered estimates: a mean that people would give, from few labels of theirs and many of a judge.

The judge may be wrong in any way. Its mean over the many cases is corrected by how far it is off on the few that
people labelled, so that the interval holds the people's mean and not the judge's (Angelopoulos et al. 2023,
https://arxiv.org/abs/2301.09633). How much weight the judge gets is tuned to make the interval narrow, so that a poor
judge costs nothing (PPI++, Angelopoulos, Duchi and Zrnic 2023, https://arxiv.org/abs/2311.01453). The cases that people
labelled must be a random sample of all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pilothouse.stats.intervals import Interval, all_equal, bootstrap_mean, finite, student, within

__all__ = ["PredictionPowered", "ppi_mean"]

_FEW = 30  # human labels, below which the normal distribution is rough
_APART = 5  # cases on which judge and people differ, below which the correction rests on next to nothing


@dataclass(frozen=True, slots=True)
class PredictionPowered:
    """`estimate` combines both; `classical` is of the human labels alone. `weight` (0 to 1) is what the judge counts,
    `bias` how much higher the judge scores than people do, on the cases that both labelled; `judged` counts the cases
    that only the judge labelled, and `error` is the standard error of the estimate."""

    estimate: Interval
    classical: Interval
    weight: float
    bias: float
    judged: int
    error: float


def ppi_mean(
    human: ArrayLike,
    judge: ArrayLike,
    judge_alone: ArrayLike,
    level: float = 0.95,
    weight: float | None = None,
    bounds: tuple[float, float] | None = None,
) -> PredictionPowered:
    """The mean of human labels: `human` and `judge` on the same cases, in the same order, `judge_alone` on others.

    For two runs over the same cases give the differences of both labels, with `bounds` of (-1, 1): the result is the
    mean difference; runs over different cases are compared by `intervals.difference`. `weight` is tuned unless given;
    1 is the first paper's, 0 the classical mean. `bounds` are the least and the highest label there can be, (0, 1) for
    labels that are all 0 or 1; where they are known, the interval is Wilson's with the standard error of the paper
    (`within`), which holds means near an end, too. Raises ValueError for fewer than 2 human labels, no case of the
    judge alone, or labels not finite, out of bounds or not of the same cases.
    """
    labels, told, alone = finite(human), finite(judge), finite(judge_alone)
    n, many = len(labels), len(alone)
    if n != len(told) or n < 2 or not many:
        raise ValueError(
            f"{n} human labels, {len(told)} of the judge on the same cases and {many} on others: "
            "at least 2, equally many, and at least 1 are needed"
        )
    if bounds is None and np.isin(labels, (0.0, 1.0)).all():
        bounds = (0.0, 1.0)
    if bounds is not None and not bounds[0] <= labels.min() <= labels.max() <= bounds[1]:
        raise ValueError(f"human labels are from {labels.min():g} to {labels.max():g}, out of the bounds {bounds}")
    if weight is None:
        weight = _tuned(labels, told, alone)
    off, z = labels - weight * told, student(level, n - 1)
    value = weight * float(alone.mean()) + float(off.mean())
    varied = float(alone.var(ddof=1)) if many > 1 else 0.0
    error = float(np.sqrt(weight**2 * varied / many + off.var(ddof=1) / n))
    note = _warning(labels, told)
    estimate = _told(value, error, z, bounds, n + many, "prediction-powered", level, note)
    mean, plain = float(labels.mean()), float(labels.std(ddof=1)) / n**0.5
    classical = _told(mean, plain, z, bounds, n, "student", level)
    if all_equal(labels):
        estimate = classical = bootstrap_mean(labels, np.random.default_rng(0), level, bounds)
        weight = error = 0.0
    elif not error:
        estimate, weight, error = classical, 0.0, plain
    return PredictionPowered(estimate, classical, float(weight), float((told - labels).mean()), many, error)


def _told(
    value: float, error: float, z: float, bounds: tuple[float, float] | None, n: int, method: str, level: float,
    note: str = "",
) -> Interval:  # fmt: skip
    if bounds is None:
        return Interval(value, value - z * error, value + z * error, n, method, level, note)
    value = min(bounds[1], max(bounds[0], value))  # the correction may lead a little beyond
    low, high = within(value, error, z, bounds)
    return Interval(value, low, high, n, f"{method}, wilson", level, note)


def _tuned(labels: np.ndarray, told: np.ndarray, alone: np.ndarray) -> float:
    """The weight that makes the variance least (PPI++, section 6), between 0 and 1."""
    together = float(((labels - labels.mean()) * (told - told.mean())).mean())
    varied = float(np.concatenate((told, alone)).var(ddof=1))
    if varied <= 1e-15:
        return 0.0
    return min(1.0, max(0.0, together / ((1 + len(labels) / len(alone)) * varied)))


def _warning(labels: np.ndarray, told: np.ndarray) -> str:
    apart = int((labels != told).sum())
    if len(labels) < _FEW:
        return f"of {len(labels)} human labels: the bounds are rough"
    if apart < _APART:
        return f"judge and people differ on {apart} of {len(labels)} cases: the bounds are likely too narrow"
    return ""
