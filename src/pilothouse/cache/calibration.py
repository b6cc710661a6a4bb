"""Which cosine to ask for, so that no more than a stated share of the answers given belong to another question.

Plain functions over labelled pairs. Knows nothing of caches.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["Calibration", "Pair", "calibrate", "exact_interval"]


class Pair(NamedTuple):
    """Two questions: the cosine of their vectors, whether one's answer serves the other, whether a veto parts them."""

    cosine: float
    same: bool
    vetoed: bool = False


class Calibration(NamedTuple):
    """At `threshold`, of the pairs that mean the same `hit_rate` are served, and of the pairs served
    `false_hit_rate` do not mean the same. Each with its two-sided interval."""

    threshold: float
    hit_rate: float
    hit_interval: tuple[float, float]
    false_hit_rate: float
    false_hit_interval: tuple[float, float]
    served: int


def exact_interval(count: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided interval of a share, by Clopper and Pearson (Biometrika 26, 1934): never too narrow."""
    if total == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    lower = 0.0 if count == 0 else _solve(lambda p: 1 - _at_most(count - 1, total, p), tail)
    upper = 1.0 if count == total else _solve(lambda p: -_at_most(count, total, p), -tail)
    return lower, upper


def calibrate(
    pairs: Sequence[Pair], max_false_hit_rate: float, confidence: float = 0.95, *, lowest: float = 0.0
) -> Calibration | None:
    """The lowest threshold whose false-hit rate stays, by the upper end of its interval, within the rate asked for.

    None where no threshold does: with too few pairs the interval is too wide, whatever they say (0 false ones of 367
    served are needed for 1 %).
    """
    open_pairs = sorted((p for p in pairs if not p.vetoed and p.cosine >= lowest), key=lambda p: -p.cosine)
    wanted = sum(pair.same for pair in pairs)
    tail = (1 - confidence) / 2
    best: tuple[int, int] | None = None
    false = 0
    for served, pair in enumerate(open_pairs, 1):
        false += not pair.same
        last_of_its_cosine = served == len(open_pairs) or open_pairs[served].cosine != pair.cosine
        # The upper end is within the rate if so few false ones would be that unlikely at the rate itself.
        if last_of_its_cosine and _at_most(false, served, max_false_hit_rate) <= tail:
            best = served, false
    if best is None:
        return None
    served, false = best
    hits = served - false
    return Calibration(
        open_pairs[served - 1].cosine, hits / max(1, wanted), exact_interval(hits, wanted, confidence),
        false / served, exact_interval(false, served, confidence), served,
    )  # fmt: skip


def _at_most(count: int, total: int, p: float) -> float:
    """The chance of at most `count` out of `total` at the rate p."""
    if p <= 0.0 or p >= 1.0:
        return 1.0 if p <= 0.0 or count >= total else 0.0
    logs = (math.log(p), math.log1p(-p))
    return math.fsum(
        math.exp(
            math.lgamma(total + 1)
            - math.lgamma(k + 1)
            - math.lgamma(total - k + 1)
            + k * logs[0]
            + (total - k) * logs[1]
        )
        for k in range(count + 1)
    )


def _solve(rising: Callable[[float], float], value: float) -> float:
    """Where a rising function of a rate takes this value, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2
