"""Trains a difficulty head from pairs of scores, and says on held-out requests what routing by it saves and loses.

The threshold is not chosen by hand: it is the highest at which the calibration split keeps the target quality, as its
lower bound of a bootstrap says. Plain functions over rows; reads no files and calls no model.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from pilothouse.errors import InvalidRequest
from pilothouse.gateway.routing.difficulty import INPUTS
from pilothouse.models.heads import Head, fit
from pilothouse.types import Json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

__all__ = ["LEAST", "Pair", "report", "split", "train"]

LEAST = 60
"""Pairs needed: with fewer no split says anything."""

_RESAMPLES = 1000
_PENALTIES = (1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Pair:
    """One request answered by both models: the scores (0 to 1) and the costs (USD, None where unknown).

    `group` keeps what belongs together, such as the requests of one user, in one split.
    """

    text: str
    simple_score: float
    complex_score: float
    simple_cost: float | None = None
    complex_cost: float | None = None
    group: str = ""


def split(pairs: Sequence[Pair]) -> "list[NDArray[np.int64]]":
    """Indexes for training (60 %), calibration (20 %) and test (20 %), by a hash of the group or the text."""
    place = np.array([blake2b((p.group or p.text).encode(), digest_size=4).digest()[0] / 256 for p in pairs])
    return [np.flatnonzero((low <= place) & (place < high)) for low, high in ((0, 0.6), (0.6, 0.8), (0.8, 1.0))]


def train(pairs: Sequence[Pair], rows: "Rows", target: float) -> tuple[Head, Json]:
    """A head whose threshold keeps `target` of the complex model's mean score, and its report on the test split.

    `rows` are those of `difficulty.row`, (len(pairs), 399). Raises InvalidRequest where the pairs are too few.
    """
    parts = split(pairs)
    if len(pairs) < LEAST:
        raise InvalidRequest(f"{len(pairs)} pairs are too few to train and to measure on: {LEAST} are the least.")
    if min(map(len, parts)) < LEAST // 10:
        raise InvalidRequest(
            f"{len(pairs)} pairs of {len({p.group or p.text for p in pairs})} groups are too few: a group stays whole, "
            f"and that leaves {', '.join(str(len(part)) for part in parts)} pairs to train, to calibrate and to test "
            f"on, where {LEAST // 10} are the least. Take pairs of more groups (sessions, users)."
        )
    learn, calibrate, test = parts
    gain = np.array([min(1.0, max(0.0, p.complex_score - p.simple_score)) for p in pairs])
    fits = {l2: fit(rows[learn], gain[learn], l2=l2) for l2 in _PENALTIES}
    losses = {l2: _loss(_chances(rows[calibrate], fits[l2]), gain[calibrate]) for l2 in _PENALTIES}
    mean, scale, weights, bias = fits[min(losses, key=lambda l2: losses[l2])]
    head = Head("difficulty", INPUTS, mean, scale, weights, bias, 0.0, {})
    threshold = _threshold([pairs[i] for i in calibrate], head.probabilities(rows[calibrate]), target)
    head = Head("difficulty", INPUTS, mean, scale, weights, bias, threshold, {})
    held_out = report([pairs[i] for i in test], head.probabilities(rows[test]), threshold)
    card = {"pairs": len(pairs), "splits": [len(part) for part in parts], "target": target, "held_out": held_out}
    return Head("difficulty", INPUTS, mean, scale, weights, bias, threshold, card), held_out


def report(pairs: Sequence[Pair], chances: "Rows", threshold: float) -> Json:
    """What routing by these probabilities would have saved and lost, with 95 % bootstrap intervals.

    `quality_kept` is the mean score as a share of the complex model's alone; `by_chance` that of sending the same share
    of requests, at random, to the simple model. `cost_saved` is None where a cost is unknown.
    """
    simple = chances < threshold
    low = np.array([p.simple_score for p in pairs])
    high = np.array([p.complex_score for p in pairs])
    routed = np.where(simple, low, high)
    share = float(simple.mean())
    by_chance = share * low.mean() + (1 - share) * high.mean()
    return {
        "requests": len(pairs),
        "threshold": threshold,
        "to_simple": share,
        "quality_kept": _ratio(routed, high),
        "quality_kept_95": _interval(routed, high, _drawn(len(pairs))),
        "quality_kept_by_chance": float(by_chance / high.mean()) if high.mean() else 1.0,
        "worse_than_complex": float((simple & (low < high)).mean()),
        "cost_saved": _saved(pairs, simple),
    }


def _threshold(pairs: Sequence[Pair], chances: "Rows", target: float) -> float:
    """The highest threshold whose kept quality is, at the lower end of its interval, at least `target`."""
    low = np.array([p.simple_score for p in pairs])
    high = np.array([p.complex_score for p in pairs])
    best, drawn = 0.0, _drawn(len(pairs))
    for candidate in np.unique(np.round(chances, 4)):
        threshold = float(candidate) + 1e-6
        if _interval(np.where(chances < threshold, low, high), high, drawn)[0] >= target:
            best = max(best, threshold)
    return round(best, 6)


def _drawn(count: int) -> "Rows":
    """How often each of so many requests is in each resample: (resamples, count)."""
    source = random.Random(1)
    drawn = [np.bincount(source.choices(range(count), k=count), minlength=count) for _ in range(_RESAMPLES)]
    return np.array(drawn, dtype=np.float64)


def _interval(routed: "Rows", alone: "Rows", drawn: "Rows") -> list[float]:
    below = drawn @ alone
    ratios = np.where(below > 0, drawn @ routed / np.where(below > 0, below, 1), 1.0)
    return [float(np.quantile(ratios, 0.025)), float(np.quantile(ratios, 0.975))]


def _ratio(routed: "Rows", alone: "Rows") -> float:
    return float(routed.sum() / alone.sum()) if alone.sum() else 1.0


def _saved(pairs: Sequence[Pair], simple: "NDArray[np.bool_]") -> float | None:
    """The share of the complex model's cost that routing spares."""
    costs = [(p.simple_cost, p.complex_cost) for p in pairs]
    if any(low is None or high is None for low, high in costs):
        return None
    alone = sum(high or 0.0 for _, high in costs)
    routed = sum((low if cheap else high) or 0.0 for (low, high), cheap in zip(costs, simple, strict=True))
    return 1 - routed / alone if alone else None


def _chances(rows: "Rows", made: "tuple[Rows, Rows, Rows, float]") -> "Rows":
    mean, scale, weights, bias = made
    return Head("", INPUTS, mean, scale, weights, bias, 0.0, {}).probabilities(rows)


def _loss(chances: "Rows", wanted: "Rows") -> float:
    kept = np.clip(chances, 1e-6, 1 - 1e-6)
    return float(-(wanted * np.log(kept) + (1 - wanted) * np.log(1 - kept)).mean())
