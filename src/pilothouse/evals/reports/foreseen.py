"""What a run will be able to tell, before it is paid for: how wide its intervals will be, and the smallest change that
a comparison finds in eight of ten runs."""

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from pilothouse.cases import Outcome
from pilothouse.evals.reports.figures import figure, percent
from pilothouse.evals.reports.gathering import Measured, case_means, gather
from pilothouse.stats.intervals import quantile, wilson_bounds
from pilothouse.stats.power import detectable_flips, detectable_scores

__all__ = ["Foreseen", "foresee"]

_FLIPS = 0.2  # of cases, where nobody knows how many flip
_EVEN = 0.5  # the share that passes for which intervals are widest
_LEVEL = 0.95


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What `cases` cases tell of a metric. `half_width` is of the interval of its mean, `detectable` the smallest
    change that a paired comparison finds in eight of ten runs, None where it finds none. `why` says from what that was
    told."""

    metric: str
    cases: int
    half_width: float | None
    detectable: float | None
    why: str

    @property
    def sentence(self) -> str:
        """The same, for people."""
        width = "unknown" if self.half_width is None else f"±{figure(self.half_width)}"
        change = "no change at all" if self.detectable is None else f"a change of {figure(self.detectable)}"
        return f"{self.metric}: {self.cases} cases tell its mean to {width} and show {change} ({self.why})."


def foresee(cases: int, metrics: Sequence[str], earlier: Iterable[Outcome] = ()) -> list[Foreseen]:
    """What so many cases will tell of these metrics, by what an earlier run found of each; one of which nothing is
    known is taken for a share that passes, 50 % in the worst case. Of the changes between two runs one run tells
    nothing: flips are taken as 20 % of the cases, but no more than a metric's share allows, scores as if both runs
    varied by themselves."""
    found = gather(earlier).metrics
    return [_foreseen(cases, name, found.get(name)) for name in metrics] if cases > 0 else []


def _foreseen(cases: int, name: str, earlier: Measured | None) -> Foreseen:
    values = list(case_means(earlier).values()) if earlier is not None else []
    if not values or {0.0, 1.0}.issuperset(values):
        share = sum(values) / len(values) if values else _EVEN
        low, high = wilson_bounds(share * cases, cases, quantile(_LEVEL))
        flips = min(_FLIPS, 2 * share, 2 * (1 - share)) or _FLIPS
        known = f"{percent(share)} of {len(values)} passed before" if values else "for a share that passes"
        why = f"{known}; where {percent(flips)} flip"
        return Foreseen(
            metric=name, cases=cases, half_width=(high - low) / 2, detectable=detectable_flips(cases, flips), why=why
        )
    if len(values) < 2 or not (spread := float(np.std(values, ddof=1))):
        why = f"{len(values)} scores before, all alike"
        return Foreseen(metric=name, cases=cases, half_width=None, detectable=None, why=why)
    half = quantile(_LEVEL) * spread / math.sqrt(cases)
    why = f"{len(values)} scores before vary by {figure(spread)}"
    detectable = detectable_scores(cases, math.sqrt(2) * spread)
    return Foreseen(metric=name, cases=cases, half_width=half, detectable=detectable, why=why)
