"""Weeks of traffic with its days and weeks, made from a seed, and incidents in it. As hours of rollups, whole or begun.

What is random is what traffic is: numbers of requests (Poisson, times a factor of the hour and a drifting one of the
day), latencies, tokens and prices with long tails, a share of errors that varies, and scores of one request in ten.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pilothouse.observe.sums.cells import HISTOGRAMS, SUMS
from pilothouse.stats.histogram import pack

What = Literal["errors", "cost", "latency", "score", "requests"]
_Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Incident:
    """From one hour until before another: a share of errors, or by what the rest is multiplied."""

    what: What
    first: int
    end: int
    size: float


@dataclass(frozen=True)
class _Hour:
    at: _Numbers
    latency: _Numbers
    tokens: _Numbers
    written: _Numbers
    cost: _Numbers
    failed: _Numbers
    scored: _Numbers
    score: _Numbers


class Traffic:
    """`weeks` from `start` (an hour) on, with about `peak` requests in the busiest hour."""

    def __init__(
        self, seed: int, start: int, weeks: int, peak: float = 400.0, incidents: Sequence[Incident] = ()
    ) -> None:
        self._seed = seed
        self._random = np.random.default_rng(seed)
        self._incidents = incidents
        self._days = self._drift(weeks * 7 + 1)
        self.start = start
        self.hours = range(start, start + weeks * 168)
        self._made = {hour: self._make(hour, peak) for hour in self.hours}

    def rows(self, hour: int, fraction: float = 1.0) -> Iterator[Mapping[str, Any]]:
        """The rows of an hour of which `fraction` has passed."""
        made = self._made[hour]
        count = int(np.searchsorted(made.at, fraction, "right")) if fraction < 1 else len(made.at)
        place = {"project_id": "default", "grain": "hour", "dimension": "all", "at": hour, "value": ""}
        failed = int(made.failed[:count].sum())
        if count:
            yield place | dict.fromkeys(SUMS, 0) | dict.fromkeys(HISTOGRAMS, b"") | {
                "requests": count, "failed": failed, "calls": count, "call_errors": failed,
                "input_tokens": int(made.tokens[:count].sum()), "cost_nano": int(made.cost[:count].sum()),
                "latency": _packed(made.latency[:count]),
            }  # fmt: skip
        scores = made.score[:count][made.scored[:count] > 0]
        if len(scores):
            place |= {"name": "helpful", "count": len(scores), "total": float(scores.sum()), "histogram": b""}
            yield place

    def day(self, day: int) -> Iterator[Mapping[str, Any]]:
        """The rows of a whole day."""
        hours = [self._made[hour] for hour in range(day * 24, day * 24 + 24)]
        latency, written = (
            _packed(np.concatenate([getattr(h, name) for h in hours])) for name in ("latency", "written")
        )
        place = {"project_id": "default", "grain": "day", "dimension": "all", "at": day, "value": ""}
        count, failed = sum(len(h.at) for h in hours), int(sum(h.failed.sum() for h in hours))
        nothing = dict.fromkeys(SUMS, 0) | dict.fromkeys(HISTOGRAMS, b"")
        sums = {"requests": count, "failed": failed}
        yield place | nothing | sums | {"latency": latency, "written": written}
        yield place | nothing | {"dimension": "error", "value": "timeout", "requests": failed, "failed": failed}
        scores = np.concatenate([h.score[h.scored > 0] for h in hours])
        places, counts = np.unique(np.floor(scores * 100).astype(int), return_counts=True)
        histogram = pack(dict(zip(places.tolist(), counts.tolist(), strict=True)))
        yield place | {"name": "helpful", "count": len(scores), "total": float(scores.sum()), "histogram": histogram}

    def questions(self, day: int, count: int = 100) -> NDArray[np.float32]:
        """Vectors of a day's questions: of three kinds, in shares that differ from day to day, and at weekends more."""
        source = np.random.default_rng((self._seed, day))
        kinds = np.random.default_rng(self._seed).normal(size=(3, 16))
        often = [50.0, 40.0, 10.0] if (day + 3) % 7 >= 5 else [70.0, 20.0, 10.0]
        of = source.choice(3, count, p=source.dirichlet(often))
        return (kinds[of] + source.normal(0, 2.0, (count, 16))).astype(np.float32)

    def _drift(self, days: int) -> list[float]:
        found, now = [], 0.0
        for _ in range(days):
            now = 0.6 * now + self._random.normal(0, 0.06)
            found.append(math.exp(now))
        return found

    def _size(self, what: What, hour: int, usual: float) -> float:
        return next((i.size for i in self._incidents if i.what == what and i.first <= hour < i.end), usual)

    def _make(self, hour: int, peak: float) -> _Hour:
        source, of_day = self._random, hour % 24
        day = 0.15 + 0.85 * math.exp(-(((of_day - 14) / 4.5) ** 2))
        week = 0.35 if (hour // 24 + 3) % 7 >= 5 else 1.0
        mean = peak * day * week * self._days[(hour - self.start) // 24] * math.exp(source.normal(0, 0.12))
        count = int(source.poisson(mean) * self._size("requests", hour, 1.0))
        load = math.exp(source.normal(0, 0.08)) * (1 + 0.15 * day)
        latency = source.lognormal(math.log(2e6 * load), 0.7, count) * self._size("latency", hour, 1.0)
        read = source.lognormal(math.log(900), 0.9, count) * math.exp(source.normal(0, 0.05))
        written = source.lognormal(math.log(250), 0.8, count)
        dear = source.random(count) < 0.15
        cost = (read * np.where(dear, 3000, 150) + written * np.where(dear, 15_000, 600)) * self._size(
            "cost", hour, 1.0
        )
        share = self._size("errors", hour, 0.012 * math.exp(source.normal(0, 0.4)))
        score = np.clip(source.normal(0.82, 0.2, count), 0, 1) * self._size("score", hour, 1.0)
        return _Hour(
            np.sort(source.random(count)), latency, read + written, written, cost, (source.random(count) < share) * 1.0,
            (source.random(count) < 0.1) * 1.0, score,
        )  # fmt: skip


def _packed(values: _Numbers) -> bytes:
    places, counts = np.unique(np.floor(np.log2(values) * 8).astype(int), return_counts=True)
    return pack(dict(zip(places.tolist(), counts.tolist(), strict=True)))
