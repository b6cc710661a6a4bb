"""One look at an experiment: every metric of every arm beside the control, with intervals that hold at all looks.

Pure: from what was seen to figures. What follows from these is `deciding`'s.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from pilothouse.lifecycle.experiments.observations import Seen, bounds_of
from pilothouse.prompts.experiments.shape import LEAST_SHARE, Experiment, Guardrail, Margin
from pilothouse.stats.sequential import (
    Contrast,
    best_chances,
    contrast,
    mismatch,
    one_sided_p,
    one_sided_radius,
    radius,
    tuned_scale,
    two_sided_p,
)
from pilothouse.types import Json

__all__ = ["FURTHER", "GUARDED_FROM", "ArmSeen", "Compared", "Look", "look_at", "new_weights"]

GUARDED_FROM = 50
"""Units of each arm from which guardrails are held, where `minimum_units` is not less."""
FURTHER = 10
"""Times the minimum of units: where the intervals are narrowest (benchmarks/experiments)."""
_GUARDED_BEST = (
    100  # the minimum that guardrails are tuned by at most: harm is to be found early, however long one waits
)
_STEADY = 0.02  # how much a weight must change to be changed

Role = Literal["primary", "guardrail", "metric"]


class ArmSeen(msgspec.Struct, kw_only=True):
    """How many units and calls an arm had, and the share of new units that it gets."""

    name: str
    units: int
    calls: int
    share: float


class Compared(msgspec.Struct, kw_only=True):
    """A metric of an arm beside the control's. `difference` is the arm less the control, from `low` to `high` at every
    look at once; None, as is `p`, where there are too few units yet. `beyond` is by how much it passes its margin: of
    the primary metric the gain above the minimum effect (between `beyond_low` and `beyond_high`), of a guardrail the
    harm above what is allowed (at least `beyond_low`)."""

    metric: str
    arm: str
    role: Role
    control: float | None
    value: float | None
    units: list[int]
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    beyond: float | None = None
    beyond_low: float | None = None
    beyond_high: float | None = None
    ready: bool = False


class Look(msgspec.Struct, kw_only=True):
    """What was seen at `at_us` (UTC microseconds). `mismatch` is the p-value of the split of units being as the weights
    say; `compared` holds the primary metric of each arm first."""

    at_us: int
    arms: list[ArmSeen]
    mismatch: float
    compared: list[Compared]

    def of(self, role: Role) -> list[Compared]:
        """The comparisons in this role."""
        return [one for one in self.compared if one.role == role]

    def to_json(self) -> Json:
        """All fields."""
        found: Any = msgspec.to_builtins(self)
        return found  # type: ignore[no-any-return]


def look_at(experiment: Experiment, seen: Seen, at_us: int) -> tuple[Look, dict[str, float]]:
    """The figures, and how the tests of metrics that were ready for the first time were tuned (`Experiment.scales`)."""
    scales = dict(experiment.scales)
    weights = experiment.weights
    arms = [
        ArmSeen(
            name=arm.name, units=sum(seen.units[arm.name]), calls=seen.calls[arm.name],
            share=weights[arm.name] / sum(weights.values()),
        )
        for arm in experiment.arms
    ]  # fmt: skip
    compared = [_primary(experiment, seen, arm.name, scales) for arm in experiment.treatments]
    for rail in experiment.guardrails:
        compared += [_guardrail(experiment, seen, arm.name, rail, scales) for arm in experiment.treatments]
    for metric in experiment.metrics:
        if metric != experiment.primary:
            compared += [_metric(experiment, seen, arm.name, metric, scales) for arm in experiment.treatments]
    return Look(at_us=at_us, arms=arms, mismatch=_mismatch(experiment, seen), compared=compared), scales


def new_weights(experiment: Experiment, seen: Seen, random: np.random.Generator) -> dict[str, float] | None:
    """How new units are to be shared out by Thompson sampling, or None where that is much as it is. Every arm keeps
    LEAST_SHARE. A metric that is a share is taken to be one where its values lie from 0 to 1."""
    samples = [seen.sample(experiment.primary, arm.name) for arm in experiment.arms]
    if min(one.units for one in samples) < min(GUARDED_FROM, experiment.minimum_units):
        return None
    shares = _bounds(experiment.primary, [one.average for one in samples]) is not None
    chances = best_chances(samples, experiment.lower, shares, random)
    room = 1 - LEAST_SHARE * len(samples)
    made = {arm.name: LEAST_SHARE + room * float(one) for arm, one in zip(experiment.arms, chances, strict=True)}
    total = sum(experiment.weights.values())
    changes = [abs(made[name] - weight / total) for name, weight in experiment.weights.items()]
    return {name: round(one, 4) for name, one in made.items()} if max(changes) >= _STEADY else None


def _mismatch(experiment: Experiment, seen: Seen) -> float:
    counts = np.array([seen.units[arm.name] for arm in experiment.arms]).T
    shares = [[epoch.weights[arm.name] for arm in experiment.arms] for epoch in experiment.epochs]
    return mismatch(counts, shares or [[arm.weight for arm in experiment.arms]])


def _primary(experiment: Experiment, seen: Seen, arm: str, scales: dict[str, float]) -> Compared:
    """Two-sided, at alpha divided among the treatments (Bonferroni)."""
    alpha = experiment.alpha / len(experiment.treatments)
    told = _metric(experiment, seen, arm, experiment.primary, scales, "primary")
    if told.difference is not None:
        margin, sign = Margin.of(experiment.minimum_effect), -1 if experiment.lower else 1
        worth = _contrast(experiment, seen, experiment.primary, arm, 1 + sign * margin.factor)
        if worth.error is not None:
            told.beyond = sign * worth.value - (0.0 if margin.relative else margin.amount)
            half = float(radius(worth.error, scales[_key(experiment.primary, arm)], alpha))
            told.beyond_low, told.beyond_high = told.beyond - half, told.beyond + half
    return told


def _guardrail(
    experiment: Experiment, seen: Seen, arm: str, rail: Guardrail, scales: dict[str, float]
) -> Compared:  # fmt: skip
    """One-sided, at alpha divided among guardrails and treatments (Bonferroni)."""
    alpha = experiment.alpha / (len(experiment.treatments) * len(experiment.guardrails))
    told = _metric(experiment, seen, arm, rail.metric, scales, "guardrail")
    if told.difference is not None:
        margin, sign = Margin.of(rail.worse_by), -1 if rail.lower else 1
        harm = _contrast(experiment, seen, rail.metric, arm, 1 - sign * margin.factor)
        if harm.error is not None:
            told.beyond = -sign * harm.value - (0.0 if margin.relative else margin.amount)
            scale = scales[_key(rail.metric, arm)]
            told.beyond_low = told.beyond - float(one_sided_radius(harm.error, scale, alpha))
            told.p = float(one_sided_p(told.beyond, harm.error, scale))
    return told


def _metric(
    experiment: Experiment, seen: Seen, arm: str, metric: str, scales: dict[str, float], role: Role = "metric"
) -> Compared:
    """The difference with its two-sided interval, once both arms have the units for it."""
    control, treatment = seen.sample(metric, experiment.control.name), seen.sample(metric, arm)
    units = [control.units, treatment.units]
    told = Compared(
        metric=metric, arm=arm, role=role, units=units, control=control.average if units[0] else None,
        value=treatment.average if units[1] else None,
    )  # fmt: skip
    found = _contrast(experiment, seen, metric, arm, 1.0)
    least = min(GUARDED_FROM, experiment.minimum_units)
    if found.error is None or min(units) < least:
        return told
    alpha = experiment.alpha / len(experiment.treatments)
    tuned = min(experiment.minimum_units, _GUARDED_BEST) if role == "guardrail" else experiment.minimum_units
    further = max(2.0, FURTHER * tuned / min(units))
    scale = scales.setdefault(_key(metric, arm), tuned_scale(found.error, further, alpha))
    half = float(radius(found.error, scale, alpha))
    told.difference, told.low, told.high = found.value, found.value - half, found.value + half
    told.p = float(two_sided_p(found.value, found.error, scale))
    told.ready = role == "guardrail" or min(units) >= experiment.minimum_units
    return told


def _contrast(experiment: Experiment, seen: Seen, metric: str, arm: str, factor: float) -> Contrast:
    control, treatment = seen.sample(metric, experiment.control.name), seen.sample(metric, arm)
    return contrast(control, treatment, factor, _bounds(metric, [control.average, treatment.average]))


def _bounds(metric: str, averages: Sequence[float]) -> tuple[float, float] | None:
    found = bounds_of(metric)
    return found if found is None or all(found[0] <= one <= found[1] for one in averages) else None


def _key(metric: str, arm: str) -> str:
    return f"{metric} | {arm}"
