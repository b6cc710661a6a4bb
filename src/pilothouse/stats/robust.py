"""Statistics that a few wild values do not move. Knows nothing of alerts."""

from collections.abc import Sequence

__all__ = ["median", "spread"]

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
