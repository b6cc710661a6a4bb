"""Experiments without an effect, peeked at after every unit: how often a decision is made, each of which is false."""

from collections.abc import Callable, Sequence

import numpy as np
from looks import ALPHA, MINIMUM, Flags, Floats, Looks, by_unit, of_sums

from pilothouse.stats.intervals import wilson

__all__ = ["RETURNING", "SCENARIOS", "no_effect"]

Random = np.random.Generator
Draw = Callable[[Random, tuple[int, int]], Floats]
_AT_ONCE = 100


def _binary(share: float) -> Draw:
    return lambda random, size: (random.random(size) < share).astype(np.float64)


def _lognormal(sigma: float) -> Draw:
    return lambda random, size: random.lognormal(0.0, sigma, size)


def _pareto(tail: float) -> Draw:
    return lambda random, size: 1 + random.pareto(tail, size)


SCENARIOS: Sequence[tuple[str, Draw, float, bool]] = (
    ("binary, share 0.5", _binary(0.5), 0.5, True),
    ("binary, share 0.02", _binary(0.02), 0.5, True),
    ("binary, share 0.02, arms 90 to 10", _binary(0.02), 0.1, True),
    ("cost, lognormal sigma 1.5", _lognormal(1.5), 0.5, False),
    ("cost, lognormal sigma 1.5, arms 90 to 10", _lognormal(1.5), 0.1, False),
    ("latency, Pareto tail 2.5", _pareto(2.5), 0.5, False),
    ("latency, Pareto tail 2.5, arms 90 to 10", _pareto(2.5), 0.1, False),
)
"""What one unit's value is drawn from, the share of the treatment, and whether values lie from 0 to 1."""

RETURNING: Sequence[tuple[str, float, float, float]] = (
    ("returning units, all there from the start", 0.0, 0.0, 0.5),
    ("returning units, all there, whose means wander", 0.0, 0.25, 0.5),
    ("returning units, new ones come all the time", 0.8, 0.0, 0.5),
    ("returning units, new ones come, means wander", 0.8, 0.25, 0.5),
    ("returning units, new ones come, means wander, 90 to 10", 0.8, 0.25, 0.1),
)
"""When units come (up to this share of the time), how far a unit's mean wanders from one look to the next (standard
deviation of the log odds), and the share of the treatment."""


def no_effect(experiments: int, units: int, seed: int, minimum: int = MINIMUM, own: bool = False) -> None:
    """Print the false decisions of each scenario, with nothing decided before `minimum` units of each arm. `own` as
    `by_unit` has it."""
    print("| metric | Pilothouse | 95 % interval | naive peeking | one test at the end |\n|---|---|---|---|---|")
    for place, (name, draw, share, bounded) in enumerate(SCENARIOS):
        random = np.random.default_rng([seed, place])

        def made(number: int, draw: Draw = draw, share: float = share, bounded: bool = bounded) -> Looks:
            size = (number, units)
            return by_unit(draw(random, size), random.random(size) < share, bounded, minimum, own)  # noqa: B023 - called at once

        _line(name, experiments, made)
    for place, (name, spread, wandering, share) in enumerate(() if own else RETURNING):
        random = np.random.default_rng([seed, 100 + place])

        def returned(number: int, spread: float = spread, wandering: float = wandering, share: float = share) -> Looks:
            return returning(random, number, units // 10, 100, spread, wandering, share, minimum)  # noqa: B023 - called at once

        _line(name, experiments, returned)


def returning(
    random: Random, experiments: int, units: int, looks: int, spread: float, wandering: float, share: float,
    minimum: int = MINIMUM,
) -> Looks:  # fmt: skip
    """Units that come and come again: each has a rate of calls (lognormal, so that a few make most of them) and a
    chance of success of its own that may wander. A unit's value is the share of its calls until then that succeed."""
    size = (experiments, units)
    treated: Flags = random.random(size) < share
    begin, rate = random.random(size) * spread * looks, random.lognormal(-1.5, 1.2, size)
    odds, calls, wins = random.normal(0, 1.2, size), np.zeros(size), np.zeros(size)
    kept: list[list[Floats]] = [[], []]
    for look in range(looks):
        odds += wandering * random.normal(size=size)
        new = random.poisson(np.where(begin <= look, rate, 0.0))
        trend = 0.8 * np.sin(look / 9)
        wins += random.binomial(new, 1 / (1 + np.exp(-odds - trend)))
        calls += new
        value = wins / np.maximum(calls, 1)
        for arm, rows in ((~treated, kept[0]), (treated, kept[1])):
            mine = arm & (calls > 0)
            rows.append(np.stack([mine.sum(axis=1), (mine * value).sum(axis=1), (mine * value * value).sum(axis=1)]))
    control, treatment = (list(np.stack(rows, axis=2).astype(np.float64)) for rows in kept)
    return of_sums(control, treatment, True, minimum)


def _line(name: str, experiments: int, made: Callable[[int], Looks]) -> None:
    ours = naive = last = 0
    for begin in range(0, experiments, _AT_ONCE):
        looks = made(min(_AT_ONCE, experiments - begin))
        never = looks.value.shape[1]
        ours += int((looks.decided() < never).sum())
        naive += int((looks.naive() < never).sum())
        last += int(looks.last().sum())
    told = wilson(ours, experiments)
    assert told.low is not None
    assert told.high is not None
    mark = "" if told.low <= ALPHA else " **too often**"
    print(
        f"| {name} | {ours / experiments:.1%}{mark} | {told.low:.1%} to {told.high:.1%} "
        f"| {naive / experiments:.1%} | {last / experiments:.1%} |",
        flush=True,
    )
