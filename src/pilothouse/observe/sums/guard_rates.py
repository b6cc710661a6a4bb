"""How often guards trigger: by guard, or by guard and version of its policy, read from the rollups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.observe.sums.figures import Figures
from pilothouse.observe.sums.period import Period
from pilothouse.stats.intervals import wilson_bounds
from pilothouse.types import Json

__all__ = ["GuardRate", "guard_rates"]

_Z = 1.96  # the normal distribution's 95 %
_MOST = 200


@dataclass(frozen=True, slots=True)
class GuardRate:
    """In how many requests a guard `looked`, `triggered`, and could not look (`failed`). `version` is its policy's,
    such as `standard@3f2a9c01`, empty where all are told together. `marked` triggers were judged by people, `right` is
    the share of those that were right. `series` has (looked, triggered) by the UTC microsecond of an hour or day."""

    guard: str
    version: str
    looked: int
    triggered: int
    failed: int
    marked: int = 0
    right: float | None = None
    series: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        return self.triggered / self.looked if self.looked else None

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % interval of the rate (Wilson)."""
        return wilson_bounds(self.triggered, self.looked, _Z)

    def to_json(self) -> Json:
        low, high = self.bounds
        told = {
            "guard": self.guard, "version": self.version or None, "looked": self.looked, "triggered": self.triggered,
            "failed": self.failed, "rate": self.rate, "low": low, "high": high, "marked": self.marked,
            "right": self.right,
        }  # fmt: skip
        steps = [{"at_us": at, "looked": looked, "triggered": hit} for at, (looked, hit) in self.series.items()]
        return {**told, "series": steps} if steps else told


def guard_rates(
    figures: Figures, period: Period, project: str = DEFAULT_PROJECT, *, by: Literal["guard", "version"] = "guard",
    series: bool = False,
) -> list[GuardRate]:  # fmt: skip
    """Those that looked in the period, the most triggered first: 200 at most."""
    dimension = "guard" if by == "guard" else "guard_policy"
    found = figures.by(
        dimension, period, project, histograms=(), limit=_MOST, sums=("requests", "failed", "call_errors")
    )
    marks = {name: one for (_, name), one in figures.scores(period, project).items()} if by == "guard" else {}
    steps = _series(figures, dimension, period, project) if series else {}
    rates = []
    for value, told in found.items():
        version, _, guard = value.rpartition(": ")
        mark = marks.get(f"guard {guard}")
        rates.append(
            GuardRate(
                guard, version, told.requests, told.failed, told.call_errors, mark.count if mark else 0,
                mark.mean if mark else None, steps.get(value, {}),
            )
        )  # fmt: skip
    return sorted(rates, key=lambda one: (-one.triggered, -one.looked, one.guard, one.version))


def _series(
    figures: Figures, dimension: str, period: Period, project: str
) -> dict[str, dict[int, tuple[int, int]]]:  # fmt: skip
    looked = figures.by_over_time("requests", dimension, period, project)
    hits = figures.by_over_time("failed", dimension, period, project)
    return {
        value: {at: (count, hits.get(value, {}).get(at, 0)) for at, count in by_step.items()}
        for value, by_step in looked.items()
    }
