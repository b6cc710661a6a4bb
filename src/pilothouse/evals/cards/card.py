"""The card of one judge on one criterion: how far it may be believed, and what it costs. Knows nothing of databases."""

from collections.abc import Iterable, Sequence
from statistics import quantiles

import msgspec
import numpy as np

from pilothouse.evals.cards.leaning import Leaning, length_bias, self_preference
from pilothouse.evals.cards.ratings import LOSS, WIN, Rating, Scale, case_means
from pilothouse.stats.agreement import Agreement, Label, cohen, krippendorff
from pilothouse.stats.intervals import Interval, mean_interval
from pilothouse.types import Json

__all__ = ["Card", "JudgeId", "make_card"]

_FAILED = "(failed)"
_MOST_PAIRS = 100  # of a judge's label and the people's, on a card


class JudgeId(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a card is about: a model, asked by an evaluator (its `kind` in the registry) with these `options` (their
    hash, which the words of the prompts are part of). `name` is what runs call it."""

    model: str
    kind: str
    options: str
    name: str = ""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a judge on one criterion; "" is its verdict as a whole, pass or fail.

    `items` counts what it was asked, of which `failed` have no verdict and `reasked` needed more than one answer;
    `labelled` the items that people labelled, too, `cases` of how many cases these are (0 on cards made before this was
    counted); `votes` their labels and `split` the items on which they are of two minds. Trials of a case are alike: in
    each share and coefficient they count as one, and `n` is of cases. `kappa` is Cohen's, with quadratic weights of
    levels; `agreement` the share of equal labels, `among_people`
    Krippendorff's alpha of people who labelled the same items: what a judge can hardly exceed. `always_longer` is the
    agreement of a judge that always takes the longer answer, of equally long ones the other one.

    `flips` is the share of pairs in which the same place won in both orders, `first` the share of these that the first
    place won. `cost_nano` is the mean of what a verdict cost that was paid for, `unpriced` counts those of unknown
    price; `latency_s` are the median and the 95th percentile. `confusion` counts (judge, people, items). `notes` say
    what to mind.
    """

    judge: JudgeId
    criterion: str
    scale: Scale
    items: int
    failed: int = 0
    reasked: int = 0
    labelled: int = 0
    cases: int = 0
    votes: int = 0
    split: int = 0
    agreement: Interval | None = None
    kappa: Agreement | None = None
    among_people: Agreement | None = None
    always_longer: Interval | None = None
    flips: Interval | None = None
    first: Interval | None = None
    length: Leaning | None = None
    own: Leaning | None = None
    cost_nano: float | None = 0
    unpriced: int = 0
    latency_s: tuple[float, float] | None = None
    confusion: tuple[tuple[Label, Label, int], ...] = ()
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    made_us: int = 0

    def to_json(self) -> Json:
        """For the API, files and the database; `convert` of msgspec reads it back."""
        found: Json = msgspec.json.decode(msgspec.json.encode(self))
        return found


def make_card(
    ratings: Sequence[Rating],
    judge: JudgeId,
    scale: Scale,
    criterion: str = "",
    *,
    failures_disagree: bool = False,
    sources: Sequence[str] = (),
    made_us: int = 0,
) -> Card:
    """The card of a judge from all that it was asked. Items without a verdict say nothing of its agreement, unless
    `failures_disagree`: then each differs from whatever people said. Raises ValueError for no rating."""
    if not ratings:
        raise ValueError("no ratings: a card needs at least one item that the judge was asked about")
    both = [(rating, _told(rating, failures_disagree)) for rating in ratings if rating.people is not None]
    ours = [label for _, label in both if label is not None]
    told = [rating for rating, label in both if label is not None]
    theirs = [rating.people for rating in told if rating.people is not None]
    kappa = _kappa(ours, theirs, scale, [rating.of for rating in told])
    alike = [(rating, label == rating.people) for rating, label in both if label is not None]
    asked = [rating for rating in ratings if rating.places]
    flipped = [rating for rating in asked if rating.flipped]
    paid = [rating for rating in ratings if rating.cost_nano != 0]
    known = [rating.cost_nano for rating in paid if rating.cost_nano is not None]
    return Card(
        judge=judge, criterion=criterion, scale=scale, items=len(ratings), sources=tuple(sources), made_us=made_us,
        failed=sum(rating.judge is None for rating in ratings), reasked=sum(rating.reasked > 0 for rating in ratings),
        labelled=len(ours), cases=len({rating.of for rating in told}),
        votes=sum(len(rating.votes) for rating in ratings),
        split=sum(bool(rating.votes) and rating.people is None for rating in ratings),
        agreement=_share(alike), kappa=kappa, among_people=_alpha(ratings, scale),
        always_longer=_always_longer(ratings) if scale == "pairs" else None,
        flips=_share((one, one.flipped) for one in asked),
        first=_share((one, one.places[0] == "first") for one in flipped),
        length=length_bias(ratings, scale), own=self_preference(ratings, scale, judge.model),
        cost_nano=sum(known) / len(known) if known else None if paid else 0, unpriced=len(paid) - len(known),
        latency_s=_latency(paid or ratings), confusion=_confusion(ours, theirs), notes=_notes(ratings, ours, kappa),
    )  # fmt: skip


def _told(rating: Rating, failures_disagree: bool) -> Label | None:
    return _FAILED if rating.judge is None and failures_disagree else rating.judge


def _share(found: Iterable[tuple[Rating, bool]]) -> Interval | None:
    """Over cases: Wilson's where each has one rating, else by resampling them."""
    means = list(case_means(found).values())
    return mean_interval(means, np.random.default_rng(0), bounds=(0.0, 1.0)) if means else None


def _kappa(ours: Sequence[Label], theirs: Sequence[Label], scale: Scale, cases: Sequence[str]) -> Agreement | None:
    """Failures have no place among levels: such a kappa is nominal."""
    if not ours:
        return None
    levels = scale == "levels" and all(isinstance(one, int | float) for one in (*ours, *theirs))
    return cohen(ours, theirs, "quadratic" if levels else "nominal", cases=cases)


def _alpha(ratings: Sequence[Rating], scale: Scale) -> Agreement | None:
    several = [rating for rating in ratings if len(rating.votes) > 1]
    if not several:
        return None
    random = np.random.default_rng(0)
    return krippendorff(
        [one.votes for one in several], "interval" if scale == "levels" else "nominal", random=random,
        cases=[one.of for one in several],
    )  # fmt: skip


def _always_longer(ratings: Sequence[Rating]) -> Interval | None:
    known = [one for one in ratings if one.people is not None and len(one.lengths) == 2]
    return _share((one, one.people == (WIN if one.lengths[0] > one.lengths[1] else LOSS)) for one in known)


def _latency(ratings: Sequence[Rating]) -> tuple[float, float] | None:
    times = [rating.latency_s for rating in ratings if rating.latency_s is not None]
    if len(times) < 2:
        return (times[0], times[0]) if times else None
    cuts = quantiles(times, n=20, method="inclusive")
    return cuts[9], cuts[18]


def _confusion(ours: Sequence[Label], theirs: Sequence[Label]) -> tuple[tuple[Label, Label, int], ...]:
    counts: dict[tuple[Label, Label], int] = {}
    for pair in zip(ours, theirs, strict=True):
        counts[pair] = counts.get(pair, 0) + 1
    ordered = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
    return tuple((one, other, count) for (one, other), count in ordered[:_MOST_PAIRS])


def _notes(ratings: Sequence[Rating], ours: Sequence[Label], kappa: Agreement | None) -> tuple[str, ...]:
    notes = []
    if not ours:
        notes.append("No item has both a verdict and a label of people: nothing is known of its agreement.")
    if kappa is not None and kappa.note:
        notes.append(f"Kappa {kappa.note}.")
    failed = sum(rating.judge is None and rating.people is not None for rating in ratings)
    if failed:
        notes.append(f"Of the items with labels, {failed} have no verdict of the judge.")
    return tuple(notes)
