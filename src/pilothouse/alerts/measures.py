"""What rules look at: one figure of a window of hours, and how many samples it rests on. Knows nothing of databases."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from pilothouse.monitoring import Measure
from pilothouse.stats.histogram import merge, percentile

__all__ = ["ADDITIVE", "HISTOGRAMS", "SUMS", "Window", "difference", "window_of"]

SUMS = ("requests", "failed", "calls", "call_errors", "input_tokens", "output_tokens", "cost_nano")
"""The columns of `rollups` that are read."""

HISTOGRAMS: Mapping[Measure, tuple[str, ...]] = {"latency": ("latency", "call_latency"), "ttft": ("ttft",)}
"""The histograms that a measure needs besides."""

ADDITIVE: frozenset[Measure] = frozenset(("cost", "requests"))
"""Measures that grow with the time that is looked at."""

_SUMS_OF = itemgetter(*SUMS)
_P95 = 0.95
_LEAST_SCORE = 0.05  # scores around zero differ by shares without end
_FLOORS: Mapping[Measure, float] = {
    "cost": 1e6, "requests": 1.0, "tokens": 1.0, "latency": 1000.0, "ttft": 1000.0, "triggers": 0.01,
}  # fmt: skip


@dataclass(frozen=True)
class Window:
    """The sums of some hours: of requests and calls, or of the scores of one name."""

    requests: int = 0
    failed: int = 0
    calls: int = 0
    call_errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano: int = 0
    scores: int = 0
    score_total: float = 0.0
    packed: tuple[Mapping[str, Any], ...] = ()

    @property
    def counted(self) -> int:
        """Requests; calls where what is looked at has no requests of its own, as models have none."""
        return self.requests or self.calls

    @property
    def errors(self) -> int:
        """Of those that are counted, the ones that failed."""
        return self.failed if self.requests else self.call_errors

    @cached_property
    def durations(self) -> dict[int, int]:
        """How long those that are counted took: numbers by bucket (stats.histogram), microseconds."""
        return self._merged("latency" if self.requests else "call_latency")

    @cached_property
    def first_tokens(self) -> dict[int, int]:
        """The same of times to the first token."""
        return self._merged("ttft")

    def samples(self, measure: Measure) -> int:
        """On how many samples the figure rests."""
        if measure == "score":
            return self.scores
        return sum(self.first_tokens.values()) if measure == "ttft" else self.counted

    def value(self, measure: Measure) -> float | None:
        """The figure: nano-USD, a number, tokens per request, microseconds (the 95th percentile), a mean score, or the
        share of requests that a guard looked at in which it triggered."""
        if measure == "cost":
            return float(self.cost_nano)
        if measure == "requests":
            return float(self.counted)
        if measure == "score":
            return self.score_total / self.scores if self.scores else None
        if measure == "triggers":
            return self.failed / self.requests if self.requests else None
        if measure == "tokens":
            return (self.input_tokens + self.output_tokens) / self.counted if self.counted else None
        return percentile(self.first_tokens if measure == "ttft" else self.durations, _P95)

    def _merged(self, name: str) -> dict[int, int]:
        return merge(row[name] for row in self.packed if name in row)


def window_of(rows: Iterable[Mapping[str, Any]]) -> Window:
    """The window of these rows, of `rollups` or of `score_rollups`."""
    rows = tuple(rows)
    if rows and "total" in rows[0]:
        return Window(scores=sum(row["count"] for row in rows), score_total=sum(row["total"] for row in rows))
    sums = map(sum, zip(*map(_SUMS_OF, rows), strict=True))
    return Window(**dict(zip(SUMS, sums, strict=bool(rows))), packed=rows)


def difference(measure: Measure, value: float, usual: float) -> float:
    """How far from what is usual: the natural logarithm of the ratio, so that half and double weigh the same; of scores
    the relative difference. Small figures count as no less than a floor, of triggers one in a hundred."""
    if measure == "score":
        return (value - usual) / max(abs(usual), _LEAST_SCORE)
    floor = _FLOORS[measure]
    return math.log((value + floor) / (usual + floor))
