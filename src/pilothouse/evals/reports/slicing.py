"""Parts of a run that do worse than the rest: cases cut by what they share, the worst first."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np

from pilothouse.cases import Case
from pilothouse.evals.reports.gathering import Gathered, case_means
from pilothouse.stats.slices import Slice, Slices, slices

__all__ = ["SliceOf", "cut_by", "falls", "shared", "sliced"]

_PLACES = ("metadata", "input", "expected")
_SEED = 0
_MOST, _CHANCE = 50, 0.05


class SliceOf(msgspec.Struct, frozen=True, kw_only=True):
    """The `n` cases with one value of a key, as one metric sees them. `difference` is their mean less that of all other
    cases; `p` how often chance alone does as much, corrected for the slices of the metric
    (Benjamini-Hochberg) and for how many metrics there are (Bonferroni)."""

    metric: str
    key: str
    value: str
    n: int
    mean: float
    low: float | None
    high: float | None
    difference: float
    p: float


def sliced(
    found: Gathered, keys: Sequence[str], lower_is_better: Collection[str]
) -> tuple[tuple[SliceOf, ...], dict[str, int]]:
    """The slices of all metrics, the worst first, at most 50; and by key how many have too few cases."""
    parts: dict[str, tuple[Slices, int]] = {}
    for name, measured in found.metrics.items() if keys else ():
        means = case_means(measured)
        if len(means) > 1:
            sign = -1 if name in lower_is_better else 1
            cases = [found.cases[case_id] for case_id in means]
            parts[name] = cut_by(cases, keys, [sign * value for value in means.values()]), sign
    return shared(parts)


def cut_by(cases: Sequence[Case], keys: Sequence[str], scores: Sequence[float]) -> Slices:
    """Cases and their scores, higher ones better, cut by keys of a case."""
    unit = all(0 <= score <= 1 for score in scores)
    return slices(
        [{key: _looked_up(case, key) for key in keys} for case in cases], scores, np.random.default_rng(_SEED),
        bounds=(0.0, 1.0) if unit else None,
    )  # fmt: skip


def falls(case: Case, key: str, value: str) -> bool:
    """Whether a case is of the slice with this value of a key, as slices write it: also of numbers `0.5 to 2`."""
    found = _looked_up(case, key)
    several = found if isinstance(found, list | tuple) else [found]
    if any(_written(one) == value for one in several if isinstance(one, str | int | float)):
        return True
    low, to, high = value.partition(" to ")
    if not to or isinstance(found, bool) or not isinstance(found, int | float):
        return False
    try:
        return float(low) <= float(f"{found:g}") <= float(high)
    except ValueError:
        return False


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def shared(parts: Mapping[str, tuple[Slices, int]]) -> tuple[tuple[SliceOf, ...], dict[str, int]]:
    """The slices of several metrics as one list, the worst first: those that are worse than chance allows, then the
    others, each metric's worst before the second worst of any. At most 50. `parts` has by metric its slices and the
    sign with which its scores were turned."""
    told: list[tuple[tuple[bool, int, str], SliceOf]] = []
    small: dict[str, int] = {}
    for name, (cut, sign) in parts.items():
        for rank, one in enumerate(cut.worst_first):
            p = min(1.0, one.p * len(parts))
            told.append(((p >= _CHANCE or one.difference >= 0, rank, name), _named(name, one, sign, p)))
        small |= {key: max(count, small.get(key, 0)) for key, count in cut.small.items()}
    told.sort(key=lambda pair: pair[0])
    return tuple(one for _, one in told[:_MOST]), small


def _named(metric: str, one: Slice, sign: int, p: float) -> SliceOf:
    low, high = one.mean.low, one.mean.high
    if sign < 0:
        low, high = None if high is None else -high, None if low is None else -low
    return SliceOf(
        metric=metric, key=one.key, value=one.value, n=one.mean.n, mean=sign * one.mean.value, low=low, high=high,
        difference=sign * one.difference, p=p,
    )  # fmt: skip


def _looked_up(case: Case, key: str) -> object:
    """The value at a path such as `metadata.topic`; what does not begin with a part of a case is of its metadata."""
    first, *rest = key.split(".")
    value: object = getattr(case, first) if first in _PLACES else case.metadata.get(first)
    for part in rest:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
