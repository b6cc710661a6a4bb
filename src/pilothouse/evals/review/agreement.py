"""How far the annotators of a queue agree, on each criterion, with intervals. Knows nothing of where votes are kept."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pilothouse.stats.agreement import Agreement, cohen, fleiss, krippendorff
from pilothouse.stats.intervals import Interval, wilson
from pilothouse.storage.evaluating.review_labels import CHOICES, POINTS, Kind, Value, apart
from pilothouse.storage.evaluating.reviews import Label

__all__ = ["Agreed", "Pair", "agreed"]

_MOST_PAIRS = 20
_SEED = 20_260_101


@dataclass(frozen=True, slots=True)
class Pair:
    """Cohen's kappa of two annotators over the items on which both voted, of points weighted by their squared
    distance."""

    one: str
    other: str
    kappa: Agreement


@dataclass(frozen=True, slots=True)
class Agreed:
    """Agreement on one criterion, over the `items` that two or more voted on.

    `alike` is the share of those on which all said the same. `alpha` is Krippendorff's, ordinal for points and nominal
    for choices; `fleiss` is over the items that have as many votes as most have. Each is None where nothing can be
    told yet.
    """

    criterion: str
    items: int
    votes: int
    alike: Interval | None
    alpha: Agreement | None
    fleiss: Agreement | None
    pairs: tuple[Pair, ...]


def agreed(kind: Kind, criterion: str, labels: Sequence[Label], level: float = 0.95) -> Agreed:
    """The agreement of these votes; the same for the same votes. `level` is that of the intervals."""
    several = [label for label in labels if len(label.votes) > 1]
    votes = sum(len(label.votes) for label in several)
    if not several:
        return Agreed(criterion, 0, 0, None, None, None, ())
    alike = wilson(sum(apart([*label.votes.values()]) == 0 for label in several), len(several), level)
    order, metric = (POINTS, "ordinal") if kind == "likert" else (CHOICES, "nominal")
    given = [[*label.votes.values()] for label in several]
    alpha = krippendorff(
        given, "ordinal" if metric == "ordinal" else "nominal", order, np.random.default_rng(_SEED), level
    )
    usual = Counter(len(one) for one in given).most_common(1)[0][0]
    same = [one for one in given if len(one) == usual]
    kappa = fleiss(same, np.random.default_rng(_SEED), level)
    return Agreed(criterion, len(several), votes, alike, alpha, kappa, _pairs(kind, several, level))


def _pairs(kind: Kind, labels: Sequence[Label], level: float) -> tuple[Pair, ...]:
    """Those who share most items first."""
    shared = Counter(pair for label in labels for pair in combinations(sorted(label.votes), 2))
    made = []
    for (one, other), _ in sorted(shared.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_PAIRS]:
        both = [label.votes for label in labels if one in label.votes and other in label.votes]
        first, second = ([votes[name] for votes in both] for name in (one, other))
        made.append(Pair(one, other, _kappa(kind, first, second, level)))
    return tuple(made)


def _kappa(kind: Kind, first: Sequence[Value], second: Sequence[Value], level: float) -> Agreement:
    if kind == "likert":
        return cohen(first, second, "quadratic", POINTS, level)
    return cohen(first, second, level=level)
