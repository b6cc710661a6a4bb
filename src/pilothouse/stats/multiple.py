"""Several tests at once: p-values made larger, so that looking at many does not make chance look like a finding."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pilothouse.stats.intervals import finite

__all__ = ["benjamini_hochberg", "holm"]


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values in the order given; rejecting those below a limit keeps the chance of even one false finding
    below it, however the tests hang together (Holm 1979, Scandinavian Journal of Statistics 6:65)."""
    found = _checked(p)
    order = np.argsort(found, kind="stable")
    steps = found[order] * np.arange(len(found), 0, -1)
    return _placed(np.minimum(1.0, np.maximum.accumulate(steps)), order)


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values in the order given; of those below a limit at most that share are false findings, on average,
    where the tests are independent or positively related (Benjamini and Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x)."""
    found = _checked(p)
    order = np.argsort(found, kind="stable")[::-1]
    steps = found[order] * len(found) / np.arange(len(found), 0, -1)
    return _placed(np.minimum(1.0, np.minimum.accumulate(steps)), order)


def _checked(p: ArrayLike) -> NDArray[np.float64]:
    found = finite(p)
    if len(found) and not (found.min() >= 0 and found.max() <= 1):
        raise ValueError("p-values are between 0 and 1")
    return found


def _placed(steps: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    told = np.empty_like(steps)
    told[order] = steps
    return told
