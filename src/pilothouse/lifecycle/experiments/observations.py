"""What was seen of an experiment's units, as the values that are compared. Knows nothing of tests.

Each unit has one voice: its value is the mean over its own calls, however many these are. A unit that was given two
arms, as can be where weights change, counts for the first one alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pilothouse.observe.unit_calls import UnitCalls
from pilothouse.prompts.experiments.shape import Experiment
from pilothouse.stats.sequential import Sample

__all__ = ["BOUNDS", "Seen", "bounds_of", "needed", "seen", "values_of"]

BOUNDS = {"feedback": (0.0, 1.0), "errors": (0.0, 1.0), "refusals": (0.0, 1.0), "guards": (0.0, 1.0)}
"""Between which the values of a metric lie, where that is known."""
_SETTLING_US = 5_000_000  # until every process knows new weights; units that come meanwhile are left out
_COLUMNS = {
    "cost": ("cost_nano",), "latency": ("latency_us",), "tokens": ("input_tokens", "output_tokens"),
    "errors": ("error",), "refusals": ("refused",), "guards": ("guarded",),
}  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """By arm: the units by epoch, the calls, and for each metric the units that have a value."""

    units: Mapping[str, list[int]]
    calls: Mapping[str, int]
    samples: Mapping[str, Mapping[str, Sample]]

    def sample(self, metric: str, arm: str) -> Sample:
        """The values of a metric in an arm."""
        return self.samples[metric][arm]


def needed(experiment: Experiment) -> tuple[list[str], list[str]]:
    """What is to be read of its calls: the columns, and the names of scores."""
    columns = [column for metric in experiment.measured for column in _COLUMNS.get(metric, ())]
    return columns, [_score(metric) for metric in experiment.measured if metric not in _COLUMNS]


def seen(experiment: Experiment, found: UnitCalls) -> Seen:
    """From the sums by arm and unit. Arms that the experiment does not have are left out."""
    names = [arm.name for arm in experiment.arms]
    codes = {name: code for code, name in enumerate(names)}
    arms = np.array([codes.get(arm, -1) for arm in found.arms], np.int64)
    begins = np.array([epoch.since_us for epoch in experiment.epochs] or [0], np.int64)
    epochs = np.maximum(0, np.searchsorted(begins, found.first_us, side="right") - 1)
    settled = (epochs == 0) | (found.first_us - begins[epochs] >= _SETTLING_US)
    counted = settled & _first_of_unit(found, arms)
    mine = [np.flatnonzero(counted & (arms == code)) for code in range(len(names))]
    samples = {
        metric: {
            name: _sample(values[of_arm], epochs[of_arm], len(begins))
            for name, of_arm in zip(names, mine, strict=True)
        }
        for metric in experiment.measured
        for values in [values_of(metric)(found)]
    }  # fmt: skip
    return Seen(
        {name: np.bincount(epochs[at], minlength=len(begins)).tolist() for name, at in zip(names, mine, strict=True)},
        {name: int(found.calls[at].sum()) for name, at in zip(names, mine, strict=True)},
        samples,
    )


def values_of(metric: str) -> Callable[[UnitCalls], Floats]:
    """What the value of each unit is, not a number where it has none."""
    return _VALUES.get(metric, lambda found: found.scores[_score(metric)].mean)


def bounds_of(metric: str) -> tuple[float, float] | None:
    """Between which values of the metric lie, None where nobody knows."""
    return BOUNDS.get(metric)


def _score(metric: str) -> str:
    return metric.removeprefix("score:")


def _first_of_unit(found: UnitCalls, arms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the arm is the experiment's, and the one that its unit was given first."""
    firsts: dict[str, int] = {}
    for place in np.lexsort((arms, found.first_us)).tolist():
        if arms[place] >= 0:
            firsts.setdefault(found.units[place], place)
    chosen = np.zeros(len(arms), np.bool_)
    chosen[[*firsts.values()]] = True
    return chosen


def _sample(values: Floats, epochs: NDArray[np.int64], number: int) -> Sample:
    there = ~np.isnan(values)
    return Sample.of(values[there], epochs[there], number)


def _share(column: str) -> Callable[[UnitCalls], Floats]:
    return lambda found: found.columns[column].total / found.calls


def _tokens(found: UnitCalls) -> Floats:
    both = [found.columns[name].mean for name in _COLUMNS["tokens"]]
    return np.where(np.isnan(both).all(axis=0), np.nan, np.nan_to_num(both).sum(axis=0))


_VALUES: Mapping[str, Callable[[UnitCalls], Floats]] = {
    "cost": lambda found: found.columns["cost_nano"].mean / 1e9,
    "latency": lambda found: found.columns["latency_us"].mean / 1e6,
    "tokens": _tokens,
    "errors": _share("error"),
    "refusals": _share("refused"),
    "guards": _share("guarded"),
}
