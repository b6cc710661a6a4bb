"""Holds a window against a rule: whether the rule's level is passed, whether it is well below, and that in words.

Both a level and a doubt are asked for: a share counts as passed where the lower bound of its confidence interval is
above the threshold, a change where it is also far outside of what hours stray by themselves. So small samples and
noisy figures raise nothing. Knows nothing of what was decided before.
"""

import math
from dataclasses import dataclass

from pilothouse.alerts.expectation import Expectation
from pilothouse.alerts.measures import Window, difference
from pilothouse.alerts.rules import Rule
from pilothouse.monitoring import Measure
from pilothouse.observe.money import duration, usd
from pilothouse.stats.histogram import bucket, fraction_below
from pilothouse.stats.intervals import wilson_bounds

__all__ = ["Reading", "judge", "needs_expectation", "written"]

_SURE = 3.0  # standard errors of a share
_FAR = 3.5  # spreads of a change
_OF_ONE: dict[Measure, float] = {
    "cost": 2.0,
    "requests": 1.0,
    "tokens": 1.0,
    "latency": 1.5,
    "ttft": 1.5,
    "score": 0.5,
}  # how far a figure made of one sample strays, as a share: of a 95th percentile, by the tail of a lognormal one
_BACK = 1.5  # spreads within which a change is none any more
_SLOW_SHARE = 0.05  # slower than the 95th percentile
_LEAST_CHANGE = 0.25  # of an anomaly: what is far out and yet small is none
_BOTH_WAYS: frozenset[Measure] = frozenset(("requests", "triggers"))
_NOUNS: dict[Measure, str] = {
    "cost": "Spend", "requests": "Requests", "tokens": "Tokens per request", "latency": "P95 latency",
    "ttft": "P95 time to first token", "score": "The mean score",
    "triggers": "The share of texts in which the guard triggers",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule says of a window. `passed`: its level is exceeded; `below`: it is under the level at which an alert
    ends; between the two an alert goes on if there is one. `expected` is the limit or what is usual; `about_us` is from
    when until when it is about, where that is not the window of the rule."""

    value: float
    expected: float
    passed: bool
    below: bool
    samples: int
    text: str
    about_us: tuple[int, int] | None = None


def needs_expectation(rule: Rule) -> bool:
    """Whether the rule compares with what is usual."""
    return rule.kind not in ("errors", "latency")


def judge(rule: Rule, window: Window, expectation: Expectation | None = None, fraction: float = 1.0) -> Reading | None:
    """The reading, or None where there are too few samples or too little is known of what is usual.

    `fraction` of the window's last hour has passed.
    """
    if rule.kind == "errors":
        return _errors(rule, window)
    if rule.kind == "latency":
        return _latency(rule, window)
    return None if expectation is None else _change(rule, window, expectation, fraction)


def written(measure: Measure, value: float) -> str:
    """A figure for people."""
    if measure == "cost":
        return usd(round(value))
    if measure in ("latency", "ttft"):
        return duration(round(value))
    if measure == "triggers":
        return f"{value:.1%}"
    return f"{value:.3f}" if measure == "score" else f"{value:,.0f}"


def _errors(rule: Rule, window: Window) -> Reading | None:
    total = window.counted
    if total < rule.minimum:
        return None
    share = window.errors / total
    passed = wilson_bounds(window.errors, total, _SURE)[0] > rule.threshold
    text = f"{window.errors:,} of {total:,} failed: {share:.1%}, more than {rule.threshold:.1%}."
    return Reading(share, rule.threshold, passed, share < rule.clear, total, text)


def _latency(rule: Rule, window: Window) -> Reading | None:
    """More than 5 % being slower than the limit is the same as the 95th percentile being above it."""
    counts, total = window.durations, window.samples(rule.measure)
    p95 = window.value(rule.measure)
    if total < rule.minimum or p95 is None:
        return None
    slow = 1 - (fraction_below(counts, bucket(rule.threshold)) or 0.0)
    passed = p95 > rule.threshold and wilson_bounds(slow * total, total, _SURE)[0] > _SLOW_SHARE
    text = f"P95 latency is {duration(round(p95))}, above {duration(round(rule.threshold))}, over {total:,} requests."
    return Reading(p95, rule.threshold, passed, p95 < rule.clear, total, text)


def _change(rule: Rule, window: Window, expectation: Expectation, fraction: float) -> Reading | None:
    measure, usual, samples = rule.measure, expectation.usual(fraction), window.samples(rule.measure)
    value = window.value(measure)
    if value is None or not _enough(rule, samples, value, usual):
        return None
    apart = difference(measure, value, usual)
    rests_on = max(samples, usual if measure == "requests" else 0, 1)
    stray = math.hypot(expectation.spread, _of_one(measure, usual, samples) / math.sqrt(rests_on))
    far = apart / stray
    share = apart if measure == "score" else math.expm1(apart)
    if rule.kind == "anomaly":
        size = abs(apart) if measure in _BOTH_WAYS and expectation.weekly else -apart if measure == "score" else apart
        passed = size / stray > rule.threshold and size > math.log1p(_LEAST_CHANGE)
        below = abs(far) < rule.clear
    else:
        up = -share if measure == "score" else share
        outside = -far if measure == "score" else far
        passed = up > rule.threshold and outside > _FAR and abs(value - usual) >= _least(rule)
        below = up < rule.clear or outside < _BACK
    way = "above" if share >= 0 else "below"
    text = (
        f"{_NOUNS[measure]} over the last {rule.hours} h: {written(measure, value)}, {abs(share):.0%} {way} the usual "
        f"{written(measure, usual)} ({abs(far):.1f} spreads)."
    )
    return Reading(value, usual, passed, below, samples, text)


def _of_one(measure: Measure, usual: float, samples: int) -> float:
    """How far a figure made of one sample strays, as `difference` tells it: of a share by the binomial distribution."""
    if measure != "triggers":
        return _OF_ONE[measure]
    share = min(max(usual, 1 / samples), 1 - 1 / samples)
    return difference(measure, share + math.sqrt(share * (1 - share) / samples), share) * math.sqrt(samples)


def _enough(rule: Rule, samples: int, value: float, usual: float) -> bool:
    """Of requests the usual ones count, too: that none come is what the rule is to notice."""
    return max(value, usual) >= rule.minimum if rule.measure == "requests" else samples >= rule.minimum


def _least(rule: Rule) -> int:
    return rule.minimum_nano if rule.measure == "cost" else 0
