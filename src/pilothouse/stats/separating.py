"""How well a score tells two kinds apart: AUROC, recall at a false positive rate, and whether chances are shares.

Plain functions over arrays; knows nothing of what the scores are of.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

__all__ = ["auroc", "calibration_error", "recall_at", "reliability", "resampled", "threshold_at"]


def auroc(positive: "Values", negative: "Values") -> float:
    """The chance that a positive scores above a negative (Mann-Whitney U over both counts; ties count half). NaN where
    a side is empty."""
    if not len(positive) or not len(negative):
        return float("nan")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    to = np.searchsorted(ordered, positive, "right")
    return float((below + to).mean() / 2 / len(negative))


def threshold_at(negative: "Values", rate: float) -> float:
    """The lowest threshold at which at most this share of the negatives scores at or above it."""
    if not len(negative):
        return float("nan")
    ordered = np.sort(negative)[::-1]
    allowed = int(rate * len(ordered) + 1e-9)
    return float(np.nextafter(ordered[allowed], np.inf)) if allowed < len(ordered) else float(ordered[-1])


def recall_at(positive: "Values", negative: "Values", rate: float = 0.01) -> float:
    """The share of positives that score above all but this share of the negatives."""
    if not len(positive) or not len(negative):
        return float("nan")
    return float((positive >= threshold_at(negative, rate)).mean())


def resampled(
    measure: "Callable[[Values, Values], float]", positive: "Values", negative: "Values", *, times: int = 400
) -> tuple[float, float]:
    """A 95 % interval of a measure of both, by the bootstrap: both are drawn anew, each by itself; seeded."""
    source = np.random.default_rng(1)
    drawn = [
        measure(source.choice(positive, len(positive)), source.choice(negative, len(negative))) for _ in range(times)
    ]
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def reliability(chances: "Values", labels: "Values", bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean chance, share of positives, how many) for each of so many bins of equal width that holds any."""
    place = np.minimum((chances * bins).astype(int), bins - 1)
    told = []
    for at in range(bins):
        here = place == at
        if here.any():
            told.append((float(chances[here].mean()), float(labels[here].mean()), int(here.sum())))
    return told


def calibration_error(chances: "Values", labels: "Values", bins: int = 10) -> float:
    """The mean gap between chance and share over the bins, by how many are in each (expected calibration error; Naeini,
    Cooper and Hauskrecht, 2015)."""
    told = reliability(chances, labels, bins)
    return sum(abs(chance - share) * count for chance, share, count in told) / max(1, len(chances))
