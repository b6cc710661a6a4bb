"""How many units an experiment will need, before it is started: by its own test, and by one that is looked at once."""

import math
from dataclasses import dataclass

import numpy as np

from pilothouse.lifecycle.experiments.looking import FURTHER
from pilothouse.prompts.experiments.shape import Design, Margin
from pilothouse.stats.intervals import quantile
from pilothouse.stats.sequential import radius, tuned_scale

__all__ = ["Plan", "plan_of"]

_PATHS, _LOOKS = 4000, 300
_MOST = 1000.0  # times the first look: beyond it an effect counts as out of reach


@dataclass(frozen=True, slots=True)
class Plan:
    """Units of all arms together. `fixed` is what one look at the end needs for this `power`; `median` after how many
    the experiment decides in half of the cases, `needed` after how many in as many as `power` says; None where that is
    out of reach. `effect` is the difference that is looked for, in the metric's unit."""

    effect: float
    power: float
    fixed: int
    median: int | None
    needed: int | None


def plan_of(design: Design, base: float, deviation: float, power: float = 0.8, seed: int = 1) -> Plan:
    """For a metric whose mean is `base` and whose units differ by this standard deviation. Simulated, by paths of the
    estimate. Raises ValueError where the design names no minimum effect, or nothing varies."""
    margin = Margin.of(design.minimum_effect)
    effect = abs(base) * margin.amount if margin.relative else margin.amount
    if not effect > 0:
        raise ValueError("the design names no minimum_effect (above 0) that could be looked for")
    if not deviation > 0:
        raise ValueError("units that do not differ need no experiment: the standard deviation must be above 0")
    alpha = design.alpha / len(design.treatments)
    total = sum(arm.weight for arm in design.arms)
    least = min(arm.weight for arm in design.treatments) / total
    control = design.control.weight / total
    spread = deviation * math.sqrt(1 / control + 1 / least)  # of the estimate, from one unit in all
    fixed = ((quantile(1 - alpha) + quantile(2 * power - 1)) * spread / effect) ** 2
    first = design.minimum_units / min(control, least)
    units = first * np.geomspace(1, _MOST, _LOOKS)
    steps = np.diff(units, prepend=0.0)
    random = np.random.default_rng(seed)
    noise = np.cumsum(random.normal(size=(_PATHS, _LOOKS)) * np.sqrt(steps), axis=1) * spread / units
    errors = spread / np.sqrt(units)
    scale = tuned_scale(float(errors[0]), float(FURTHER), alpha)
    beyond = effect + noise > radius(errors, scale, alpha)
    found = np.where(beyond.any(axis=1), units[beyond.argmax(axis=1)], math.inf)
    return Plan(effect, power, max(2, math.ceil(fixed)), _at(found, 0.5), _at(found, power))


def _at(found: "np.ndarray[tuple[int], np.dtype[np.float64]]", share: float) -> int | None:
    units = float(np.quantile(found, share, method="higher"))
    return math.ceil(units) if math.isfinite(units) else None
