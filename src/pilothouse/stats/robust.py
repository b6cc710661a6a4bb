"""Statistics that a few wild values do not move, and a bound for shares of small samples. Knows nothing of alerts."""

import math
from collections.abc import Sequence

__all__ = ["median", "spread", "wilson"]

_NORMAL = 1.4826  # the standard deviation of a normal distribution, in median absolute deviations


def median(values: Sequence[float]) -> float:
    """The middle one; of an even number the mean of the two. Raises ValueError where there is none."""
    if not values:
        raise ValueError("no values")
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def spread(values: Sequence[float], centre: float | None = None) -> float:
    """The standard deviation as the median absolute deviation from the median (or `centre`) tells it."""
    middle = median(values) if centre is None else centre
    return _NORMAL * median([abs(value - middle) for value in values])


def wilson(count: float, total: float, z: float) -> tuple[float, float]:
    """The bounds of a share of which `count` of `total` were seen, `z` standard errors to each side (Wilson, 1927)."""
    if total <= 0:
        return 0.0, 1.0
    share, squared = count / total, z * z
    middle = (share + squared / (2 * total)) / (1 + squared / total)
    half = z / (1 + squared / total) * math.sqrt(share * (1 - share) / total + squared / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)
