"""What people would say of all cases, from few labels of theirs and the verdicts of a judge on all.

By stats.ppi, where the papers are named. The labelled cases must be a random sample: who labels what looks bad, learns
how bad that is, not how good the whole. Knows nothing of runs and files.
"""

from collections.abc import Sequence
from statistics import fmean

import msgspec

from pilothouse.evals.cards.ratings import Rating, Scale, number
from pilothouse.stats.intervals import Interval
from pilothouse.stats.ppi import ppi_mean
from pilothouse.types import Json

__all__ = ["Estimate", "estimate"]

_LIKERT = (1.0, 5.0)


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """`together` combines both; `people` is of the labels alone, `judge` the judge's mean over all that it told, which
    has no interval that holds what people say. `weight` (0 to 1) is what the judge counts, `bias` how much higher it
    scores than people do; `labelled` and `judged` count the cases with both and with the judge alone. `worth` is how
    many labels of people would give as narrow an interval by themselves; None where that cannot be told. `left_out`
    are cases with a label and no verdict."""

    together: Interval
    people: Interval
    judge: float
    weight: float
    bias: float
    labelled: int
    judged: int
    left_out: int
    worth: int | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """For the API and the command line."""
        found: Json = msgspec.to_builtins(self)
        return found


def estimate(ratings: Sequence[Rating], scale: Scale, bounds: tuple[float, float] | None = None) -> Estimate:
    """The mean that people would give: of levels, of passes, or of wins (a tie counts one half). The trials of a case
    are one value.

    `bounds` are the least and the greatest level there can be, 1 and 5 where none is beyond them. Raises ValueError for
    fewer than 2 labelled cases with a verdict, no case that only the judge told, and labels that are no numbers.
    """
    cases = dict[str, list[Rating]]()
    for rating in ratings:
        cases.setdefault(rating.of, []).append(rating)
    human, told, others = list[float](), list[float](), list[float]()
    left_out = 0
    for trials in cases.values():  # are alike, so that a case counts once: by the trials with a label, where there are
        both = [one for one in trials if one.people is not None and one.judge is not None]
        alone = [one.judge for one in trials if one.people is None and one.judge is not None]
        if both:
            human.append(fmean(_numbers([one.people for one in both])))
            told.append(fmean(_numbers([one.judge for one in both])))
        elif any(one.people is not None for one in trials):
            left_out += 1
        elif alone:
            others.append(fmean(_numbers(alone)))
    if len(human) < 2 or not others:
        raise ValueError(
            f"{len(human)} cases have a verdict and a label of people, {len(others)} a verdict alone: "
            "an estimate by both needs at least 2 and at least 1."
        )
    if scale != "levels":
        bounds = (0.0, 1.0)
    elif bounds is None and all(_LIKERT[0] <= value <= _LIKERT[1] for value in (*human, *told, *others)):
        bounds = _LIKERT
    found = ppi_mean(human, told, others, bounds=bounds)
    width, plain = _width(found.estimate), _width(found.classical)
    notes = tuple(dict.fromkeys(note for note in (found.estimate.note, found.classical.note) if note))
    return Estimate(
        together=found.estimate, people=found.classical, judge=sum(told + others) / (len(told) + len(others)),
        weight=found.weight, bias=found.bias, labelled=len(human), judged=len(others), left_out=left_out,
        worth=round(len(human) * (plain / width) ** 2) if width and plain else None, notes=notes,
    )  # fmt: skip


def _numbers(labels: Sequence[object]) -> list[float]:
    found = [number(label) for label in labels]  # type: ignore[arg-type]
    wrong = next((label for label, value in zip(labels, found, strict=True) if value is None), None)
    if wrong is not None:
        raise ValueError(f"The label {wrong!r} is no number, pass, fail, win, tie or loss: it has no mean.")
    return [value for value in found if value is not None]


def _width(interval: Interval) -> float | None:
    if interval.low is None or interval.high is None:
        return None
    return interval.high - interval.low
