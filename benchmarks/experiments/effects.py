"""Planted effects: how often they are found, and after how many units, beside a t-test at a fixed end."""

import math
from collections.abc import Sequence

import numpy as np
from looks import ALPHA, Floats, by_unit

from pilothouse.stats.intervals import quantile

__all__ = ["planted"]

_AT_ONCE = 50
_POWER = 0.8

EFFECTS: Sequence[tuple[str, str, float, float, float]] = (
    ("binary, 0.50 to 0.55", "binary", 0.50, 0.55, 0.5),
    ("binary, 0.50 to 0.60", "binary", 0.50, 0.60, 0.5),
    ("binary, 0.50 to 0.60, arms 90 to 10", "binary", 0.50, 0.60, 0.1),
    ("binary, 0.02 to 0.05", "binary", 0.02, 0.05, 0.5),
    ("cost, lognormal sigma 1, 20 % less", "lognormal", 1.0, 0.8, 0.5),
    ("cost, lognormal sigma 1, 20 % less, arms 90 to 10", "lognormal", 1.0, 0.8, 0.1),
)
"""What a unit's value is drawn from, the control's and the treatment's mean (or its factor), the treatment's share."""


def planted(experiments: int, seed: int) -> None:
    """Print what it takes to find each effect in 80 % of the experiments. All run to six times the units that the
    fixed test needs; naive peeking is told with the false decisions it makes in the same design without the effect."""
    print(
        "| effect | fixed test: units for 80 % | Pilothouse: found by then | median of units | units for 80 % "
        "| times the fixed | found at six times |\n|---|---|---|---|---|---|---|"
    )
    for place, (name, kind, base, other, share) in enumerate(EFFECTS):
        random = np.random.default_rng([seed, 200 + place])
        fixed = _fixed(kind, base, other, share)
        units, ended = 6 * fixed, []
        for begin in range(0, experiments, _AT_ONCE):
            size = (min(_AT_ONCE, experiments - begin), units)
            treated = random.random(size) < share
            looks = by_unit(_drawn(random, kind, base, other, treated), treated, kind == "binary")
            at = looks.decided()
            right = np.sign(looks.value[np.arange(len(at)), np.minimum(at, units - 1)]) == np.sign(other - base)
            ended.append(np.where((at < units) & right, at + 1.0, math.inf))
        found = np.concatenate(ended)
        median, needed = (float(np.quantile(found, q, method="higher")) for q in (0.5, _POWER))
        print(
            f"| {name} | {fixed:,} | {(found <= fixed).mean():.0%} | {median:,.0f} | {needed:,.0f} "
            f"| {needed / fixed:.2f} | {np.isfinite(found).mean():.1%} |",
            flush=True,
        )


def _fixed(kind: str, base: float, other: float, share: float) -> int:
    """Units of both arms that a two-sided test needs, looked at once."""
    if kind == "binary":
        variances, effect = (base * (1 - base), other * (1 - other)), other - base
    else:
        mean, spread = math.exp(0.5), (math.e - 1) * math.e
        variances, effect = (spread * base**2, spread * other**2), (other - base) * mean
    spread_of_one = variances[0] / (1 - share) + variances[1] / share
    return math.ceil((quantile(1 - ALPHA) + quantile(2 * _POWER - 1)) ** 2 * spread_of_one / effect**2)


def _drawn(random: np.random.Generator, kind: str, base: float, other: float, treated: Floats) -> Floats:
    mean = np.where(treated, other, base)
    if kind == "binary":
        return (random.random(treated.shape) < mean).astype(np.float64)
    return mean * random.lognormal(0.0, 1.0, treated.shape)
