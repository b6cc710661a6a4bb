"""Parts of the cases that share something: which do worse than the rest, and whether chance would do as much."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pilothouse.stats.intervals import Interval, finite, mean_interval
from pilothouse.stats.multiple import benjamini_hochberg

__all__ = ["Slice", "Slices", "slices"]

LEAST = 10
"""Cases that a slice needs by default."""

_DIFFERENT = 8  # numbers of a key, above which they are cut into quarters
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Slice:
    """The cases with one value of one key. `mean` is of their scores, `difference` that less the mean of all other
    cases. `p` is how often as many cases drawn at random from all are as far from the mean of all, adjusted for the
    number of slices (Benjamini-Hochberg). `cases` are their places (0-based)."""

    key: str
    value: str
    mean: Interval
    difference: float
    p: float
    cases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices, the worst first: by the upper bound of their mean, so that few cases by bad luck do not lead. `small`
    counts by key the slices that are left out since they have too few cases; p-values are of those shown."""

    worst_first: tuple[Slice, ...]
    small: dict[str, int]


def slices(
    metadata: Sequence[Mapping[str, object]],
    scores: ArrayLike,
    random: np.random.Generator,
    level: float = 0.95,
    least: int = LEAST,
    bounds: tuple[float, float] | None = None,
) -> Slices:
    """Cut cases by each key of their metadata; higher scores are better.

    Strings, yes or no and whole numbers make a slice for each value, a list of them (tags) one for each that it holds,
    numbers of more than 8 different values quarters with equally many cases. Other values, and a value that all cases
    have, make none. Raises ValueError where scores and metadata are not equally many, or a score is not finite.
    """
    found = finite(scores)
    if len(metadata) != len(found):
        raise ValueError(f"{len(metadata)} cases and {len(found)} scores")
    parts = [(key, value, places) for key in _keys(metadata) for value, places in _parts(metadata, key)]
    parts = [part for part in parts if len(part[2]) < len(found)]
    small: dict[str, int] = {}
    kept: list[tuple[str, str, NDArray[np.intp]]] = []
    for key, value, places in parts:
        if len(places) < max(1, least):
            small[key] = small.get(key, 0) + 1
        else:
            kept.append((key, value, places))
    chances = benjamini_hochberg([_chance(found, places) for _, _, places in kept])
    told = []
    for (key, value, places), p in zip(kept, chances, strict=True):
        own = found[places]
        rest = (found.sum() - own.sum()) / (len(found) - len(own))
        mean = mean_interval(own, random, level, bounds)
        told.append(Slice(key, value, mean, mean.value - float(rest), float(p), tuple(places.tolist())))
    told.sort(key=lambda one: (one.mean.value if one.mean.high is None else one.mean.high, one.mean.value, one.key))
    return Slices(tuple(told), small)


def _keys(metadata: Sequence[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(key for one in metadata for key in one))


def _parts(metadata: Sequence[Mapping[str, object]], key: str) -> list[tuple[str, NDArray[np.intp]]]:
    values = [one.get(key) for one in metadata]
    numbers = {value for value in values if isinstance(value, int | float) and not isinstance(value, bool)}
    if len(numbers) > _DIFFERENT:
        return _quarters(values)
    found: dict[str, list[int]] = {}
    for place, value in enumerate(values):
        several = value if isinstance(value, list | tuple) else [value]
        for name in dict.fromkeys(_named(one) for one in several if isinstance(one, str | int | float)):
            found.setdefault(name, []).append(place)
    return [(name, np.array(places, np.intp)) for name, places in found.items()]


def _quarters(values: Sequence[object]) -> list[tuple[str, NDArray[np.intp]]]:
    some = [
        (place, float(value))
        for place, value in enumerate(values)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    ]
    places = np.array([place for place, _ in some], np.intp)
    numbers = np.array([number for _, number in some])
    quarter = np.searchsorted(np.quantile(numbers, (0.25, 0.5, 0.75)), numbers, side="left")
    told = []
    for one in np.unique(quarter):
        own = quarter == one
        told.append((f"{numbers[own].min():g} to {numbers[own].max():g}", places[own]))
    return told


def _named(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _chance(scores: NDArray[np.float64], places: NDArray[np.intp]) -> float:
    """Two-sided: the mean of cases drawn without replacement, by the normal distribution."""
    n, m = len(scores), len(places)
    variance = float(scores.var(ddof=1)) / m * (1 - m / n)
    if variance <= 0:
        return 1.0
    z = abs(float(scores[places].mean() - scores.mean())) / math.sqrt(variance)
    return 2 * _NORMAL.cdf(-z)
