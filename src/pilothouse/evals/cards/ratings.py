"""Rating: what a judge said of one item, beside what people said of it. The one record under every card.

Three scales: `pairs`, whose labels are "win", "tie" and "loss" of the answer against another one; `levels`, numbers
such as 1 to 5; and `labels`, words without an order such as "pass" and "fail". Knows nothing of runs and files.
"""

from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import Literal

import msgspec

from pilothouse.stats.agreement import Label, majority

__all__ = ["FAIL", "LOSS", "PASS", "TIE", "WIN", "Rating", "Scale", "case_means", "number", "settled"]

Scale = Literal["pairs", "levels", "labels"]

WIN, TIE, LOSS = "win", "tie", "loss"
PASS, FAIL = "pass", "fail"


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """`judge` is None where the judge failed, `people` where they did not label the item or are of two minds; `votes`
    are the labels of each of them. `case` is the same for the trials of one; empty where each item is its own.

    `lengths` are the characters of the answer and, in a pair, of the other one; `models` who made them, empty where
    that is not known. `places` are which place the judge preferred in each order of a pair ("first", "second", "tie").
    `reasked` counts its answers that were of no use. `cost_nano` is None where a price is not known; `latency_s` where
    the time is not.
    """

    item: str
    case: str = ""
    judge: Label | None = None
    people: Label | None = None
    votes: tuple[Label, ...] = ()
    lengths: tuple[int, ...] = ()
    models: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    reasked: int = 0
    cost_nano: int | None = 0
    latency_s: float | None = None

    @property
    def of(self) -> str:
        """The case that it is a trial of, its own where there is none."""
        return self.case or self.item

    @property
    def flipped(self) -> bool:
        """Whether the judge preferred the same place in both orders, so another answer each time."""
        return len(self.places) == 2 and self.places[0] == self.places[1] != TIE


def settled(votes: Sequence[Label], scale: Scale) -> Label | None:
    """What people said together: the median of levels; else what most said, None where nobody did or several labels
    have as many votes."""
    if scale == "levels":
        numbers = [one for one in votes if isinstance(one, int | float)]
        return median(numbers) if numbers else None
    return majority(votes).label


def case_means(values: Iterable[tuple[Rating, float]]) -> dict[str, float]:
    """The mean value of each case, since its trials are alike and not independent; as given where it has one."""
    cases: dict[str, list[float]] = {}
    for rating, value in values:
        cases.setdefault(rating.of, []).append(value)
    return {case: fmean(some) for case, some in cases.items()}


def number(label: Label | None) -> float | None:
    """A label as a number: levels as they are, pass and win 1, fail and loss 0, a tie one half; None for others."""
    if isinstance(label, int | float):
        return float(label)
    return {PASS: 1.0, FAIL: 0.0, WIN: 1.0, TIE: 0.5, LOSS: 0.0}.get(label or "")
