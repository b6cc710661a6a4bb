"""How far those who label the same items agree, beyond chance. Knows nothing of judges and people.

Labels are strings or numbers; None is a label that is missing. Where labels are numbers (Likert scales), distances are
those of the numbers; else those of the places in `order`.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pilothouse.stats.intervals import Interval, quantile, student, wilson, wilson_bounds, within

__all__ = ["Agreement", "Label", "Vote", "cohen", "fleiss", "krippendorff", "majority", "raw_agreement"]

Label = str | int | float
Weights = Literal["nominal", "linear", "quadratic"]
Metric = Literal["nominal", "ordinal", "interval"]
Floats = NDArray[np.float64]

_RESAMPLES = 1000
_FEW = 30  # items: below it the bounds by the normal distribution are rough
_UNDEFINED = 0.05  # share of resamples without two categories that leaves no interval


@dataclass(frozen=True, slots=True)
class Agreement:
    """A coefficient of agreement over `n` items, or cases where such are named: 1 is perfect, 0 what chance does,
    below 0 worse than that.

    `value` is None where it is not defined (everyone always said the same), `low` and `high` where no bounds can be
    told; `note` says why. `observed` and `expected` are the agreement seen and that by chance, for krippendorff the
    disagreement, in the units of its metric. `error` is the standard error, where the bounds come from one.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    observed: float
    expected: float
    method: str
    level: float = 0.95
    note: str = ""
    error: float | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """What most of `n` said; `label` is None where nobody did or several have as many, which `tied` then names."""

    label: Label | None
    n: int
    share: float
    tied: tuple[Label, ...] = ()


def majority(labels: Iterable[Label | None]) -> Vote:
    """The label that more have given than any other."""
    counts = Counter(one for one in labels if one is not None)
    n, most = counts.total(), max(counts.values(), default=0)
    first = tuple(label for label, count in counts.items() if count == most)
    if len(first) == 1:
        return Vote(first[0], n, most / n)
    return Vote(None, n, most / n if n else 0.0, first)


def raw_agreement(one: Sequence[Label], other: Sequence[Label], level: float = 0.95) -> Interval:
    """The share of items that both labelled alike."""
    _alike(one, other)
    return wilson(sum(a == b for a, b in zip(one, other, strict=True)), len(one), level)


def cohen(
    one: Sequence[Label],
    other: Sequence[Label],
    weights: Weights = "nominal",
    order: Sequence[Label] | None = None,
    level: float = 0.95,
    cases: Sequence[Hashable] | None = None,
) -> Agreement:
    """Cohen's kappa of two who labelled the same items (1960, doi:10.1177/001316446002000104), also weighted by the
    distance of the labels (1968, doi:10.1037/h0026256). Its bounds are by the large-sample variance of Fleiss, Cohen
    and Everitt (1969, doi:10.1037/h0028106), told as Wilson's of as many items as would have it: the lower one is
    then above the kappa of all items in one of forty samples, where errors to each side make it one of ten
    (benchmarks/evals). `cases` names the case of each item: items of one case are not independent, so that they count
    as one together, and the variance is that of cases. Raises ValueError for no items, not equally many, or labels that
    have no order where one is needed."""
    _alike(one, other)
    categories = _categories([*one, *other], order, weights != "nominal")
    places = {label: place for place, label in enumerate(categories)}
    joint = np.zeros((len(categories), len(categories)))
    first, second = [places[a] for a in one], [places[b] for b in other]
    members = _members(cases)
    n = len(one) if members is None else int(members.max()) + 1
    parts = 1.0 if members is None else 1 / np.bincount(members)[members]
    np.add.at(joint, (first, second), parts)
    joint /= n
    worth = _worth(categories, weights)
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    seen, chance = float((worth * joint).sum()), float(rows @ worth @ columns)
    if chance >= 1 - 1e-12:
        return _undefined(n, seen, chance, "cohen", level)
    value = (seen - chance) / (1 - chance)
    if not 1e-12 < seen < 1 - 1e-12:
        return _of_all_alike(n, seen, chance, "cohen", level)
    means = (worth @ columns)[:, None] + (rows @ worth)[None, :]
    pulls = worth * (1 - chance) - means * (1 - seen)
    if members is None:
        spread = float((joint * pulls**2).sum())
    else:
        spread = float((np.bincount(members, parts * pulls[first, second]) ** 2).sum()) / n
    spread -= (seen * chance - 2 * chance + seen) ** 2
    error = math.sqrt(max(0.0, spread) / n) / (1 - chance) ** 2
    if members is not None and spread < 1e-12:  # cases alike by chance, which few are, say nothing of how they vary
        return Agreement(value, None, None, n, seen, chance, "cohen", level, f"all {n} cases are alike: no bounds")
    low, high = within(value, error, student(level, max(1, n - 1)), (-chance / (1 - chance), 1.0))
    few = f"of {n} {'items' if members is None else 'cases'}: the bounds are rough" if n < _FEW else ""
    return Agreement(value, low, high, n, seen, chance, "cohen", level, few, error)


def fleiss(
    items: Sequence[Sequence[Label]], random: np.random.Generator | None = None, level: float = 0.95
) -> Agreement:
    """Fleiss' kappa of several labels an item, equally many each (1971, doi:10.1037/h0031619). Bounds by resampling
    items, where `random` is given. Raises ValueError where items have not equally many, or fewer than two."""
    raters = {sum(label is not None for label in item) for item in items}
    if len(raters) != 1 or min(raters) < 2:
        raise ValueError(
            f"fleiss needs equally many labels an item, two or more, not {sorted(raters)}; krippendorff takes others"
        )
    counts, times = _alike_once(_counted(items, None, False)[0])
    n, each = len(items), raters.pop()

    def kappa(weights: Floats) -> tuple[float, float]:
        total = weights.sum()
        seen = float(weights @ ((counts**2).sum(axis=1) - each) / (each * (each - 1)) / total)
        shares = weights @ counts / (each * total)
        return seen, float(shares @ shares)

    seen, chance = kappa(times)
    if chance >= 1 - 1e-12:
        return _undefined(n, seen, chance, "fleiss", level)
    if seen >= 1 - 1e-12:
        return _of_all_alike(n, 1.0, chance, "fleiss", level)
    low, high, note = _resampled(lambda w: _beyond(*kappa(w)), times, random, level)
    return Agreement((seen - chance) / (1 - chance), low, high, n, seen, chance, "fleiss", level, note)


def krippendorff(
    items: Sequence[Sequence[Label | None]],
    metric: Metric = "nominal",
    order: Sequence[Label] | None = None,
    random: np.random.Generator | None = None,
    level: float = 0.95,
    cases: Sequence[Hashable] | None = None,
) -> Agreement:
    """Krippendorff's alpha of any number of labels an item, missing ones allowed (Krippendorff 2019, "Content
    Analysis", 4th edition, chapter 12). `n` counts the items with two labels or more; others say nothing. Bounds by
    resampling items, where `random` is given, or the cases that `cases` names for each. Raises ValueError where no item
    has two labels, or where labels are no
    numbers for `interval` or have no order for `ordinal`."""
    counts, categories = _counted(items, order, metric == "ordinal")
    told = counts.sum(axis=1) >= 2
    counts = counts[told]
    if not len(counts):
        raise ValueError("no item has two labels: agreement needs one that has")
    members = _members(None if cases is None else [case for case, one in zip(cases, told, strict=True) if one])
    n = len(counts) if members is None else int(members.max()) + 1
    of_cases = None if members is None else _kinds(counts, members)
    counts, times = _alike_once(counts)
    values = np.arange(len(categories), dtype=np.float64)
    if metric == "interval":
        values = _numbers(categories)
    seen, chance = _disagreements(counts, times, metric, values)
    if chance <= 1e-12:
        return _undefined(n, seen, chance, "krippendorff", level)
    if seen <= 1e-12:
        if metric == "nominal":
            alike = _of_all_alike(n, 1.0, 1 - chance, "krippendorff", level)
            return Agreement(1.0, alike.low, 1.0, n, seen, chance, "krippendorff", level, alike.note)
        note = "all agree: that tells no bounds in this metric"
        return Agreement(1.0, None, None, n, seen, chance, "krippendorff", level, note)

    def alpha(weights: Floats) -> float | None:
        one, other = _disagreements(counts, weights, metric, values)
        return 1 - one / other if other > 1e-12 else None

    low, high, note = _resampled(alpha, times, random, level, of_cases)
    return Agreement(1 - seen / chance, low, high, n, seen, chance, "krippendorff", level, note)


def _disagreements(counts: Floats, weights: Floats, metric: Metric, values: Floats) -> tuple[float, float]:
    """Observed and expected, of items that count `weights` times."""
    scaled = counts * (weights / (counts.sum(axis=1) - 1))[:, None]
    pairs = scaled.T @ counts - np.diag(scaled.sum(axis=0))
    totals = pairs.sum(axis=1)
    n = totals.sum()
    if metric == "nominal":
        apart = 1 - np.eye(len(values))
    elif metric == "interval":
        apart = (values[:, None] - values[None, :]) ** 2
    else:
        passed = np.cumsum(totals) - totals / 2
        apart = (passed[:, None] - passed[None, :]) ** 2
    return float((pairs * apart).sum() / n), float(totals @ apart @ totals / (n * (n - 1)))


def _alike_once(counts: Floats) -> tuple[Floats, Floats]:
    """Items that were labelled alike as one row, and how many they are: of many items there are few kinds."""
    rows, times = np.unique(counts, axis=0, return_counts=True)
    return rows, times.astype(np.float64)


def _resampled(
    measure: Callable[[Floats], float | None],
    times: Floats,
    random: np.random.Generator | None,
    level: float,
    of_cases: Floats | None = None,
) -> tuple[float | None, float | None, str]:
    """Bounds by drawing as many items as there are, with replacement; `times` are how many each kind has. With
    `of_cases` (cases, kinds), how many items of each kind a case has, cases are drawn, each with all its items."""
    if random is None:
        return None, None, ""
    what = "items"
    if of_cases is not None:
        what = "cases"
        of_cases, times = _alike_once(of_cases)
    n = int(times.sum())
    drawn = random.multinomial(n, times / n, size=_RESAMPLES).astype(np.float64)
    if of_cases is not None:
        drawn = drawn @ of_cases
    found = [one for one in map(measure, drawn) if one is not None]
    if len(found) < (1 - _UNDEFINED) * _RESAMPLES:
        return None, None, f"of {n} {what}, nearly all with the same label: too few to tell bounds"
    low, high = np.quantile(found, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high), f"of {n} {what}: the bounds are rough" if n < _FEW else ""


def _members(cases: Sequence[Hashable] | None) -> NDArray[np.intp] | None:
    """The number of each item's case, from 0; None where each item is a case of its own."""
    if cases is None:
        return None
    numbers = {case: number for number, case in enumerate(dict.fromkeys(cases))}
    return None if len(numbers) == len(cases) else np.asarray([numbers[case] for case in cases], np.intp)


def _kinds(counts: Floats, members: NDArray[np.intp]) -> Floats:
    """How many items of each kind, in the order of `_alike_once`, a case has: (cases, kinds)."""
    kinds, which = np.unique(counts, axis=0, return_inverse=True)
    found = np.zeros((int(members.max()) + 1, len(kinds)))
    np.add.at(found, (members, which.reshape(-1)), 1)
    return found


def _beyond(seen: float, chance: float) -> float | None:
    return (seen - chance) / (1 - chance) if chance < 1 - 1e-12 else None


def _undefined(n: int, seen: float, chance: float, method: str, level: float) -> Agreement:
    return Agreement(None, None, None, n, seen, chance, method, level, "one label alone was given: chance agrees, too")


def _of_all_alike(n: int, seen: float, chance: float, method: str, level: float) -> Agreement:
    """Where all agree, or none do, nothing varies: by the bounds of that share, with the chance as it is."""
    seen = float(round(seen))
    low, high = ((one - chance) / (1 - chance) for one in wilson_bounds(seen * n, n, quantile(level)))
    note = f"{'all' if seen else 'none'} of {n} agree: the bounds are Wilson's of the agreement"
    return Agreement((seen - chance) / (1 - chance), low, high, n, seen, chance, method, level, note)


def _alike(one: Sequence[Label], other: Sequence[Label]) -> None:
    if len(one) != len(other) or not len(one):
        raise ValueError(f"{len(one)} and {len(other)} labels: two who labelled the same items, at least 1, are needed")


def _categories(labels: Iterable[Label], order: Sequence[Label] | None, ordered: bool) -> list[Label]:
    seen = dict.fromkeys(labels)
    wrong = [one for one in seen if isinstance(one, float) and not math.isfinite(one)]
    if wrong:
        raise ValueError(f"{wrong[0]} is no label: None is one that is missing")
    if order is not None:
        unknown = [one for one in seen if one not in order]
        if unknown:
            raise ValueError(f"the label {unknown[0]!r} is not in the order {list(order)}")
        return list(order)
    if all(isinstance(one, int | float) for one in seen):
        return sorted(seen)
    if ordered:
        raise ValueError(f"labels such as {next(one for one in seen if isinstance(one, str))!r} need an order")
    return list(seen)


def _worth(categories: Sequence[Label], weights: Weights) -> Floats:
    if weights == "nominal" or len(categories) < 2:
        return np.eye(len(categories))
    numbers = all(isinstance(one, int | float) for one in categories)
    values = _numbers(categories) if numbers else np.arange(len(categories), dtype=np.float64)
    apart = np.abs(values[:, None] - values[None, :])
    apart = apart / apart.max()
    return np.asarray(1 - (apart if weights == "linear" else apart**2))


def _numbers(categories: Sequence[Label]) -> Floats:
    strange = [one for one in categories if not isinstance(one, int | float)]
    if strange:
        raise ValueError(f"the label {strange[0]!r} is no number, which an interval scale needs")
    return np.asarray(categories, np.float64)


def _counted(
    items: Sequence[Sequence[Label | None]], order: Sequence[Label] | None, ordered: bool
) -> tuple[Floats, list[Label]]:
    """How often each item has each label: (items, categories)."""
    categories = _categories((one for item in items for one in item if one is not None), order, ordered)
    places = {label: place for place, label in enumerate(categories)}
    counts = np.zeros((len(items), len(categories)))
    for row, item in enumerate(items):
        for label in item:
            if label is not None:
                counts[row, places[label]] += 1
    return counts, categories
