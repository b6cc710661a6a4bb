"""What a gate may name, as a number: of one metric, of the whole run, or a change against the baseline."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from pilothouse.evals.reports.compare import Change, Comparison
from pilothouse.evals.reports.summary import Metric, Summary
from pilothouse.stats.intervals import Interval, wilson

__all__ = ["Measure", "measure", "metric_of"]

_NANO = 1e9
_OF_K = re.compile(r"pass([@^])(\d+)")
_OF_RUNS = ("cost", "latency.p50", "latency.p95")
_COUNTS = ("errors", "failed", "skipped", "flaky", "cases")
_NO_BASELINE = "there is no run to compare with."


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with its bounds, where it has such, from `n` cases. `what` names it in a sentence; `metric` is the
    evaluator whose word it is, None for what is counted."""

    what: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""
    metric: str | None = None


def measure(name: str, change: str, share: bool, summary: Summary, comparison: Comparison | None) -> Measure | str:
    """The number that a gate names, or why it cannot be told. `change` is "drop", "rise" or nothing; with `share`
    counts are shares, and a rise is one of so much of what was before."""
    metric, part = _parts(name, summary.metrics)
    if name in _OF_RUNS:
        return _of_run(name, change, share, summary, comparison)
    if not change and name in _COUNTS:
        return _counted(name, share, summary)
    found = summary.metrics.get(metric)
    if found is None:
        there = ", ".join(sorted(summary.metrics)) or "none"
        return f"no evaluator '{metric}' said anything in this run; there are: {there}."
    if change or part == "lost":
        return _changed(found, part, change, comparison)
    return _of_metric(found, part, share)


def metric_of(name: str, metrics: Collection[str]) -> str | None:
    """The evaluator whose word a gate takes, be it one of these or not; None for what is of the whole run."""
    return None if name in (*_OF_RUNS, *_COUNTS) else _parts(name, metrics)[0]


def _parts(name: str, metrics: Collection[str]) -> tuple[str, str]:
    """An evaluator's name, which may have dots, and what is meant of it."""
    if name in metrics:
        return name, ""
    if "." in name and name.rpartition(".")[0] in metrics:
        metric, _, part = name.rpartition(".")
    else:
        metric, _, part = name.partition(".")
    return metric, part


def _of_metric(metric: Metric, part: str, share: bool) -> Measure | str:
    name = metric.name
    if part in ("failed", "skipped"):
        count = metric.failed if part == "failed" else metric.skipped
        return _part(f"{name}.{part}", count, metric.n + metric.failed + metric.skipped, share)
    if part in ("", "mean"):
        if metric.mean is None:
            return f"{name} has no score: {_why(metric)}"
        return Measure(name, metric.mean, metric.low, metric.high, metric.cases, metric.note, name)
    if part == "pass":
        if metric.pass_rate is None:
            return f"{name} says no pass or fail: {_why(metric)}"
        return Measure(f"{name}.pass", metric.pass_rate, metric.pass_low, metric.pass_high, metric.cases, "", name)
    if of_k := _OF_K.fullmatch(part):
        found = (metric.pass_at_k if of_k[1] == "@" else metric.pass_hat_k).get(int(of_k[2]))
        if found is None:
            return f"{name} has no {part}: that needs as many trials of a case that say pass or fail."
        return Measure(f"{name}.{part}", found.value, found.low, found.high, found.n, found.note, name)
    if found := metric.criteria.get(part):
        return Measure(f"{name}.{part}", found.value, found.low, found.high, found.n, found.note, name)
    criteria = f", {', '.join(metric.criteria)}" if metric.criteria else ""
    return f"{name} has no part '{part}': it is mean, pass, pass@2, pass^2, failed, skipped or lost{criteria}."


def _changed(metric: Metric, part: str, change: str, comparison: Comparison | None) -> Measure | str:
    name = metric.name
    if comparison is None:
        return _NO_BASELINE
    found: Change | None = comparison.metrics.get(name)
    if found is None:
        return f"no case of {name} could be told in both runs."
    if part == "lost":
        if found.passes is None:
            return f"{name} says no pass or fail."
        return Measure(f"{name}.lost", found.passes.lost, n=found.passes.n, metric=name)
    if part not in ("", "mean", "pass") or (part == "pass" and found.passes is None):
        return f"a drop of {name}.{part} is not known: it is of the mean, or of `{name}.pass`."
    pair, falls = (found.passes, True) if part == "pass" and found.passes else (found, not metric.lower_is_better)
    sign = -1 if (change == "drop") == falls else 1
    low, high = None, None
    if pair.low is not None and pair.high is not None:
        low, high = sorted((sign * pair.low, sign * pair.high))
    what = f"the {change} of {name}{'.' + part if part else ''}"
    return Measure(what, sign * pair.difference, low, high, pair.n, pair.note, name)


def _of_run(name: str, change: str, share: bool, summary: Summary, comparison: Comparison | None) -> Measure | str:
    if change:
        return _rise(name, change, share, comparison)
    if name == "cost":
        if summary.cost_nano is None or summary.unpriced:
            known = "" if summary.cost_nano is None else f"; what is known is {summary.cost_nano / _NANO:.4f} USD"
            return f"the cost of {summary.unpriced} answers or verdicts is not known{known}."
        return Measure("cost", summary.cost_nano / _NANO)
    seconds = summary.latency.p50 if name == "latency.p50" else summary.latency.p95
    return "no answer has a latency." if seconds is None else Measure(name, seconds)


def _rise(name: str, change: str, share: bool, comparison: Comparison | None) -> Measure | str:
    if comparison is None:
        return _NO_BASELINE
    pair: tuple[float | None, float | None]
    if name == "cost":
        cost = comparison.cost
        pair = (None, None) if cost is None else (cost.before, cost.after)
    else:
        one, other = comparison.latencies
        pair = (one.p50, other.p50) if name == "latency.p50" else (one.p95, other.p95)
    before, after = pair
    if before is None or after is None:
        return f"{name} is not known in both runs."
    if share and not before:
        return f"{name} was 0 before: a rise from that is no share."
    rise = (after - before) / before if share else after - before
    return Measure(f"the {change} of {name}", rise if change == "rise" else -rise)


def _counted(name: str, share: bool, summary: Summary) -> Measure | str:
    metrics = summary.metrics.values()
    asked = sum(one.n + one.failed + one.skipped for one in metrics)
    counts = {
        "errors": (summary.errors, summary.outcomes), "failed": (sum(one.failed for one in metrics), asked),
        "skipped": (sum(one.skipped for one in metrics), asked), "flaky": (summary.flaky_cases, summary.cases),
        "cases": (summary.cases, 0),
    }  # fmt: skip
    return _part(name, *counts[name], share)


def _part(what: str, count: int, total: int, share: bool) -> Measure | str:
    if not share:
        return Measure(what, count, n=total)
    if not total:
        return f"there is nothing of which {what} could be a share."
    found: Interval = wilson(count, total)
    return Measure(what, found.value, found.low, found.high, total)


def _why(metric: Metric) -> str:
    if metric.failed or metric.skipped:
        reason = f", most often: {metric.why[0].text}" if metric.why else "."
        return f"{metric.failed} verdicts failed and {metric.skipped} were skipped{reason}"
    return "its verdicts have none."
