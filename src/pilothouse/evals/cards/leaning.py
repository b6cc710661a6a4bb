"""What a judge leans to beyond people: the longer answer, answers of its own kind. Knows nothing of where they lie.

That the longer answer wins more often is no fault where people prefer it as well. So each figure of the judge stands
beside that of the people on the same items, and the difference of both is what the judge adds.
"""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

import msgspec
import numpy as np

from pilothouse.evals.cards.makers import maker
from pilothouse.evals.cards.ratings import LOSS, WIN, Rating, Scale, case_means, number
from pilothouse.stats.intervals import Interval, bootstrap_mean, difference, mean_interval
from pilothouse.stats.paired import compare_passes, compare_scores

__all__ = ["Leaning", "length_bias", "self_preference"]

Side = Callable[[Rating], int]
"""1 where the answer is on the side that is looked at, -1 where the other one is (of a pair), or it is not; 0 where
that says nothing."""

_LEAST = 2  # items on each side, of which a mean can be told


class Leaning(msgspec.Struct, frozen=True, kw_only=True):
    """Of pairs: the share of the decided ones that the favoured side wins, by the judge and by people. Else: how much
    higher the mean is on that side. `difference` is the judge's less the people's, on the items that both told (of
    pairs: decided), `n` of them; `p` that of McNemar's exact test, of pairs alone. Trials of a case count as one: where
    some have several, `p` is of a permutation test over cases."""

    judge: Interval | None = None
    people: Interval | None = None
    difference: Interval | None = None
    n: int = 0
    p: float | None = None


def length_bias(ratings: Sequence[Rating], scale: Scale) -> Leaning | None:
    """How the longer answer of a pair fares; else answers longer than the median of those that people labelled.
    Without people's labels it is the judge's figure alone. None where lengths are not known."""
    if scale == "pairs":
        return _of_pairs(ratings, _longer_of_two)
    known = [rating for rating in ratings if rating.lengths]
    if not known:
        return None
    middle = median(rating.lengths[0] for rating in [one for one in known if one.people is not None] or known)
    return _of_scores(known, lambda rating: 1 if rating.lengths[0] > middle else -1)


def self_preference(ratings: Sequence[Rating], scale: Scale, judge: str) -> Leaning | None:
    """How answers of models by the judge's own maker fare: of pairs against those of others. None where no model is
    known, or all are by the same maker or none."""
    own = maker(judge)
    if not own:
        return None

    def side(rating: Rating) -> int:
        of_own = [who == own for model in rating.models if (who := maker(model))]
        if scale == "pairs":
            return of_own[0] - of_own[1] if len(of_own) == 2 else 0
        return (1 if of_own[0] else -1) if of_own else 0

    return _of_pairs(ratings, side) if scale == "pairs" else _of_scores(ratings, side)


def _longer_of_two(rating: Rating) -> int:
    if len(rating.lengths) != 2:
        return 0
    one, other = rating.lengths
    return (one > other) - (one < other)


def _of_pairs(ratings: Sequence[Rating], side: Side) -> Leaning | None:
    found = [(rating, side(rating)) for rating in ratings]
    judge = {one.item: (one, _won(one.judge, way)) for one, way in found if way and one.judge in (WIN, LOSS)}
    people = {one.item: (one, _won(one.people, way)) for one, way in found if way and one.people in (WIN, LOSS)}
    both = [item for item in judge if item in people]
    if not judge:
        return None
    compared = _compared([(judge[one][0], people[one][1], judge[one][1]) for one in both]) if both else None
    return Leaning(
        judge=_share(judge.values()), people=_share(people.values()) if people else None,
        difference=compared[0] if compared else None, n=len(both), p=compared[1] if compared else None,
    )  # fmt: skip


def _compared(both: Sequence[tuple[Rating, bool, bool]]) -> tuple[Interval, float]:
    """Of people and the judge on the same items: the difference over cases, and its p-value."""
    people = case_means((rating, one) for rating, one, _ in both)
    judge = case_means((rating, other) for rating, _, other in both)
    if len(people) == len(both):
        passes = compare_passes([one for _, one, _ in both], [other for _, _, other in both])
        return passes.difference, passes.p
    scores = compare_scores(list(people.values()), list(judge.values()), np.random.default_rng(0))
    return scores.difference, scores.p


def _won(label: object, way: int) -> bool:
    return (label == WIN) == (way > 0)


def _share(won: Iterable[tuple[Rating, bool]]) -> Interval:
    return mean_interval(list(case_means(won).values()), np.random.default_rng(0), bounds=(0.0, 1.0))


def _of_scores(ratings: Sequence[Rating], side: Side) -> Leaning | None:
    told = [(one, number(one.judge), number(one.people), side(one)) for one in ratings]
    judge = _apart([(rating, value, way) for rating, value, _, way in told if value is not None and way])
    if judge is None:
        return None
    people = _apart([(rating, value, way) for rating, _, value, way in told if value is not None and way])
    off = [(rating, a - b, way) for rating, a, b, way in told if a is not None and b is not None and way]
    return Leaning(judge=judge, people=people, difference=_apart(off), n=len(off))


def _apart(values: Sequence[tuple[Rating, float, int]]) -> Interval | None:
    """How much higher the mean is on the one side than on the other. A case whose trials are on both sides counts on
    each; that these go together could only make the interval narrower."""
    one = list(case_means((rating, value) for rating, value, way in values if way > 0).values())
    other = list(case_means((rating, value) for rating, value, way in values if way < 0).values())
    if min(len(one), len(other)) < _LEAST:
        return None
    least, most = min(one + other), max(one + other)
    if least == most:
        return Interval(
            0.0, None, None, len(one) + len(other), "none", note="all are equal: they do not tell how others vary"
        )
    random = np.random.default_rng(0)
    rest = bootstrap_mean(other, random, bounds=(least, most))
    return difference(rest, bootstrap_mean(one, random, bounds=(least, most)))
