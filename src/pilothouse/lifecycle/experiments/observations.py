"""What was seen of an experiment's units, as the values that are compared. Knows nothing of tests.

Each unit has one voice: its value is the mean over its own calls, however many these are. A unit that was given two
arms, as can be where weights change, counts for the first one alone.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pilothouse.observe.prompt_calls import Sums
from pilothouse.prompts.experiments.shape import Experiment
from pilothouse.stats.sequential import Sample

__all__ = ["BOUNDS", "Seen", "bounds_of", "seen"]

BOUNDS = {"feedback": (0.0, 1.0), "errors": (0.0, 1.0), "refusals": (0.0, 1.0), "guards": (0.0, 1.0)}
"""Between which the values of a metric lie, where that is known."""
_SETTLING_US = 5_000_000  # until every process knows new weights; units that come meanwhile are left out

_Value = Callable[[Sums], float | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """By arm: the units by epoch, the calls, and for each metric the units that have a value."""

    units: Mapping[str, list[int]]
    calls: Mapping[str, int]
    samples: Mapping[str, Mapping[str, Sample]]

    def sample(self, metric: str, arm: str) -> Sample:
        """The values of a metric in an arm."""
        return self.samples[metric][arm]


def seen(experiment: Experiment, found: Mapping[tuple[str, str], Sums]) -> Seen:
    """From the sums by arm and unit. Arms that the experiment does not have are left out."""
    firsts: dict[str, tuple[str, Sums]] = {}
    names = [arm.name for arm in experiment.arms]
    for (arm, unit), sums in found.items():
        if arm in names and (unit not in firsts or sums.first_us < firsts[unit][1].first_us):
            firsts[unit] = arm, sums
    begins = [epoch.since_us for epoch in experiment.epochs] or [0]
    mine: dict[str, list[tuple[int, Sums]]] = defaultdict(list)
    for arm, sums in firsts.values():
        epoch = max(0, bisect_right(begins, sums.first_us) - 1)
        if epoch == 0 or sums.first_us - begins[epoch] >= _SETTLING_US:
            mine[arm].append((epoch, sums))
    samples = {
        metric: {arm: _sample(mine[arm], value_of(metric), len(begins)) for arm in names}
        for metric in experiment.measured
    }
    units = {arm: [sum(epoch == at for epoch, _ in mine[arm]) for at in range(len(begins))] for arm in names}
    return Seen(units, {arm: sum(sums.calls for _, sums in mine[arm]) for arm in names}, samples)


def value_of(metric: str) -> _Value:
    """What a unit's value is, None where it has none."""
    if metric.startswith("score:") or metric == "feedback":
        name = metric.removeprefix("score:")
        return lambda sums: _mean_score(sums, name)
    return _VALUES[metric]


def bounds_of(metric: str) -> tuple[float, float] | None:
    """Between which values of the metric lie, None where nobody knows."""
    return BOUNDS.get(metric)


def _sample(units: list[tuple[int, Sums]], value: _Value, epochs: int) -> Sample:
    told = [(epoch, found) for epoch, sums in units if (found := value(sums)) is not None]
    return Sample.of([found for _, found in told], [epoch for epoch, _ in told], epochs)


def _mean_score(sums: Sums, name: str) -> float | None:
    scores = sums.scores.get(name)
    return scores.total / scores.count if scores is not None and scores.count else None


def _column(name: str, one: float) -> _Value:
    def value(sums: Sums) -> float | None:
        mean = sums.mean(name)
        return None if mean is None else mean / one

    return value


def _tokens(sums: Sums) -> float | None:
    means = sums.mean("input_tokens"), sums.mean("output_tokens")
    return None if means == (None, None) else sum(mean or 0.0 for mean in means)


_VALUES: Mapping[str, _Value] = {
    "cost": _column("cost_nano", 1e9),
    "latency": _column("latency_us", 1e6),
    "tokens": _tokens,
    "errors": lambda sums: sums.errors / sums.calls,
    "refusals": lambda sums: sums.refused / sums.calls,
    "guards": lambda sums: sums.guarded / sums.calls,
}
