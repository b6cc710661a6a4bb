"""What the calls of each version of a prompt came to in a period: how many, cost, latency, tokens, shares, scores.

Counts the calls of applications alone: what evaluation asked has no row in `prompt_calls`. Never looks at spans.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from pilothouse.observe.prompt_calls import PromptCalls, ScoreSums, Sums
from pilothouse.observe.sums.period import Period
from pilothouse.stats.intervals import wilson_bounds

__all__ = ["Quality", "Rate", "VersionUsage", "usage_of"]

_Z = 1.959963984540054  # standard errors to each side of 95 %
_NEWEST = 10_000  # calls that percentiles are made of


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of calls, with the bounds of 95 % (Wilson 1927)."""

    count: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quality:
    """The scores of one name: their mean with the bounds of 95 % by the normal distribution, None below two scores."""

    name: str
    count: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class VersionUsage:
    """Figures of a version. Money in nano-USD, times in microseconds; None where nothing is known.

    `nano_per_call` is of the calls with a known cost, `unpriced` are the others. `tokens_per_call` is of calls whose
    tokens are known, those that a cache answered left out. Percentiles are of the newest 10,000 calls.
    """

    version: int
    calls: int
    first_us: int
    last_us: int
    cost_nano: int
    nano_per_call: float | None
    unpriced: int
    latency_p50_us: float | None
    latency_p95_us: float | None
    ttft_p50_us: float | None
    input_tokens: int
    output_tokens: int
    tokens_per_call: float | None
    errors: Rate
    refusals: Rate
    guarded: Rate
    cached: Rate
    scores: list[Quality]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def usage_of(
    calls: PromptCalls, project: str, name: str, period: Period, *, label: str | None = None
) -> list[VersionUsage]:
    """The versions that were called in the period (by `label` alone where one is named), the newest first. Blocks."""
    found = calls.totals(project, name, period.since_us, period.until_us, label=label)
    return [_version(calls, project, name, period, version, found[version]) for version in sorted(found, reverse=True)]


def _version(
    calls: PromptCalls, project: str, name: str, period: Period, version: int, sums: Sums
) -> VersionUsage:  # fmt: skip
    def values(column: str) -> list[float]:
        found = calls.values(project, name, version, column, period.since_us, period.until_us, most=_NEWEST)
        return sorted(found)

    latency, ttft = values("latency_us"), values("ttft_us")
    known = sums.known["input_tokens"]
    tokens = sums.totals["input_tokens"] + sums.totals["output_tokens"]
    return VersionUsage(
        version, sums.calls, sums.first_us, sums.last_us, round(sums.totals["cost_nano"]), sums.mean("cost_nano"),
        sums.calls - sums.known["cost_nano"], _percentile(latency, 0.5), _percentile(latency, 0.95),
        _percentile(ttft, 0.5), round(sums.totals["input_tokens"]), round(sums.totals["output_tokens"]),
        tokens / known if known else None, _rate(sums.errors, sums.calls), _rate(sums.refused, sums.calls),
        _rate(sums.guarded, sums.calls), _rate(sums.cached, sums.calls),
        [_quality(name, scores) for name, scores in sorted(sums.scores.items())],
    )  # fmt: skip


def _percentile(values: list[float], share: float) -> float | None:
    """Of sorted values, between the two nearest."""
    if not values:
        return None
    place = share * (len(values) - 1)
    low = math.floor(place)
    return values[low] + (place - low) * (values[min(low + 1, len(values) - 1)] - values[low])


def _rate(count: int, calls: int) -> Rate:
    return Rate(count, count / calls, *wilson_bounds(count, calls, _Z))


def _quality(name: str, sums: ScoreSums) -> Quality:
    mean = sums.total / sums.count
    if sums.count < 2:
        return Quality(name, sums.count, mean, None, None)
    spread = max(0.0, sums.squares - sums.count * mean * mean) / (sums.count - 1)
    half = _Z * math.sqrt(spread / sums.count)
    return Quality(name, sums.count, mean, mean - half, mean + half)
