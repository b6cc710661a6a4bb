"""What a run says: for each evaluator a mean with its interval, how often it passes, and how much could not be told.

Every interval is over cases; the trials of a case are one value, since they are alike. What failed or was skipped is in
no mean: it is counted, with the reasons. The same outcomes give the same summary.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Self

import msgspec
import numpy as np

from pilothouse.cases import Outcome
from pilothouse.evals.reports.gathering import Gathered, Measured, Reason, case_means, gather, most_frequent
from pilothouse.evals.reports.slicing import SliceOf, sliced
from pilothouse.stats.flaky import flaky, passes
from pilothouse.stats.intervals import Interval, bootstrap_mean, mean_interval
from pilothouse.types import Json

__all__ = ["FlakyCase", "Latency", "Metric", "Summary", "quantiles", "span_of", "summarise"]

_ALL_KS, _SOME_KS = 5, (1, 2, 5, 10, 20, 50, 100)
_MOST_FLAKY = 100
_LEVELS = (1.0, 5.0)
_SEED = 0


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluator says of a run. `n` verdicts are ok, over `cases` cases; `mean` with its bounds is of the
    scores, of the passes where there are none, None where there is neither. `pass_at_k` and `pass_hat_k` are by k, over
    the cases with k trials that were told. `criteria` are the means of a judge that scores several, from 1 to 5. `why`
    gives the most frequent reasons of what failed or was skipped."""

    name: str
    n: int
    failed: int
    skipped: int
    cases: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = "none"
    note: str = ""
    pass_rate: float | None = None
    pass_low: float | None = None
    pass_high: float | None = None
    labels: dict[str, int] = {}
    pass_at_k: dict[int, Interval] = {}
    pass_hat_k: dict[int, Interval] = {}
    criteria: dict[str, Interval] = {}
    cost_nano: int | None = None
    unpriced: int = 0
    lower_is_better: bool = False
    why: tuple[Reason, ...] = ()


class Latency(msgspec.Struct, frozen=True):
    """Seconds from question to answer, of `n` answers; the nearest rank."""

    n: int
    p50: float | None = None
    p95: float | None = None


class FlakyCase(msgspec.Struct, frozen=True):
    """A case that both passed and failed; `disagree` is how often two of its trials differ."""

    case_id: str
    metric: str
    trials: int
    passed: int
    disagree: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in figures. `errors` counts outcomes whose task failed. `task_nano` is what the answers cost, `judge_nano`
    what evaluators did, `cost_nano` both: what is known of them (None where nothing is), with `unpriced` calls of which
    it is not. `flaky` names at most 100 cases of `flaky_cases`; `slices` are the worst first, with p-values corrected
    for their number, and `small_slices` counts by key those with too few cases."""

    cases: int
    trials: int
    outcomes: int
    cached: int = 0
    errors: int = 0
    why_errors: tuple[Reason, ...] = ()
    metrics: dict[str, Metric] = {}
    cost_nano: int | None = None
    task_nano: int | None = None
    judge_nano: int | None = None
    unpriced: int = 0
    latency: Latency = Latency(0)
    flaky: tuple[FlakyCase, ...] = ()
    flaky_cases: int = 0
    slices: tuple[SliceOf, ...] = ()
    small_slices: dict[str, int] = {}

    def to_json(self) -> Json:
        told: Json = msgspec.to_builtins(self, str_keys=True)
        return told

    @classmethod
    def from_json(cls, told: Json) -> Self:
        """What `to_json` made. Raises msgspec.ValidationError for anything else."""
        return msgspec.convert(told, cls, str_keys=True)


def summarise(
    outcomes: Iterable[Outcome], *, trials: int = 1, lower_is_better: Collection[str] = (), slices: Sequence[str] = ()
) -> Summary:
    """The summary of a run's outcomes, read once. `trials` is how many each case was to have; `lower_is_better` names
    evaluators whose scores are good when low; `slices` are keys as `metadata.topic`, or `topic`, to cut cases by."""
    found = gather(outcomes)
    metrics = {
        name: _metric(name, measured, trials, name in lower_is_better) for name, measured in found.metrics.items()
    }
    unsteady = sorted(_flaky(found), key=lambda one: (-one.disagree, one.case_id, one.metric))
    cut, small = sliced(found, slices, lower_is_better)
    judges = sum(one.cost_nano for one in found.metrics.values())
    judges_unpriced = sum(one.unpriced for one in found.metrics.values())
    unpriced = found.unpriced + judges_unpriced
    return Summary(
        cases=len(found.cases), trials=trials, outcomes=found.outcomes, cached=found.cached, errors=len(found.errors),
        why_errors=most_frequent(found.errors), metrics=metrics, unpriced=unpriced,
        cost_nano=_known(found.cost_nano + judges, unpriced), task_nano=_known(found.cost_nano, found.unpriced),
        judge_nano=_known(judges, judges_unpriced),
        latency=quantiles(value for values in found.latencies.values() for value in values),
        flaky=tuple(unsteady[:_MOST_FLAKY]), flaky_cases=len({one.case_id for one in unsteady}),
        slices=cut, small_slices=small,
    )  # fmt: skip


def quantiles(seconds: Iterable[float]) -> Latency:
    """The median and the 95th percentile, by nearest rank."""
    ordered = sorted(seconds)
    if not ordered:
        return Latency(0)
    middle, late = (ordered[max(0, -(-len(ordered) * share // 100) - 1)] for share in (50, 95))
    return Latency(len(ordered), middle, late)


def span_of(values: Collection[float], lower_is_better: bool) -> tuple[float, float] | None:
    """The range that scores can have: 0 to 1 where all do, unknown for others, as for seconds and USD."""
    unit = not lower_is_better and all(0 <= value <= 1 for value in values)
    return (0.0, 1.0) if unit else None


def _metric(name: str, measured: Measured, trials: int, lower: bool) -> Metric:
    random = np.random.default_rng(_SEED)
    values = list(case_means(measured).values())
    mean = mean_interval(values, random, bounds=span_of(values, lower)) if values else None
    shares = [sum(own) / len(own) for own in measured.passes.values()]
    rate = mean_interval(shares, random, bounds=(0.0, 1.0)) if shares else None
    return Metric(
        name=name, n=measured.ok, failed=measured.failed, skipped=measured.skipped, cases=len(values),
        mean=None if mean is None else mean.value, low=None if mean is None else mean.low,
        high=None if mean is None else mean.high, method="none" if mean is None else mean.method,
        note="" if mean is None else mean.note, pass_rate=None if rate is None else rate.value,
        pass_low=None if rate is None else rate.low, pass_high=None if rate is None else rate.high,
        labels=dict(measured.labels.most_common()),
        pass_at_k=_of_k(measured, trials, every=False), pass_hat_k=_of_k(measured, trials, every=True),
        criteria={criterion: _of_levels(cases) for criterion, cases in measured.criteria.items()},
        cost_nano=_known(measured.cost_nano, measured.unpriced), unpriced=measured.unpriced,
        lower_is_better=lower, why=most_frequent(measured.why),
    )  # fmt: skip


def _of_levels(cases: Mapping[str, Sequence[float]]) -> Interval:
    means = [sum(trials) / len(trials) for trials in cases.values()]
    within = all(_LEVELS[0] <= mean <= _LEVELS[1] for mean in means)
    return bootstrap_mean(means, np.random.default_rng(_SEED), bounds=_LEVELS if within else None)


def _of_k(measured: Measured, trials: int, every: bool) -> dict[int, Interval]:
    if trials < 2:
        return {}
    wanted = range(1, trials + 1) if trials <= _ALL_KS else [k for k in (*_SOME_KS, trials) if k <= trials]
    told = {k: [own for own in measured.passes.values() if len(own) >= k] for k in dict.fromkeys(wanted)}
    return {k: passes(own, k, np.random.default_rng(_SEED), every) for k, own in told.items() if own}


def _flaky(found: Gathered) -> Iterable[FlakyCase]:
    for name, measured in found.metrics.items():
        ids = list(measured.passes)
        for one in flaky([measured.passes[case_id] for case_id in ids]).cases:
            yield FlakyCase(ids[one.case], name, one.trials, one.passed, one.disagree)


def _known(nano: int, unpriced: int) -> int | None:
    """A sum, None where nothing of it is known."""
    return None if unpriced and not nano else nano
