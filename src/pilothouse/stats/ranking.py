"""Rankings from comparisons of two. Knows nothing of what was compared."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pilothouse.stats.intervals import quantile

__all__ = ["Game", "Ranking", "Rated", "bradley_terry", "elo"]

Game = tuple[str, str, float]
"""One, other, and the result: 1 where one won, 0 where the other did, 0.5 for a tie."""

Floats = NDArray[np.float64]

_ROUNDS, _CLOSE, _STRIDE = 200, 1e-10, 2.0
_ELO, _AVERAGE = 400 / math.log(10), 1000.0


@dataclass(frozen=True, slots=True)
class Rated:
    """One of those compared. `strength` is in log-odds, 0 the average of its group, with its bounds; `elo` the same on
    the scale of chess, 1000 the average. `rank` is 1 more than how many of the group are better beyond doubt (the
    bounds of the difference leave out 0), so that several can share one; `worst` is the rank if all were better that
    are not worse beyond doubt. `score` is wins and half the ties."""

    name: str
    strength: float
    low: float
    high: float
    rank: int
    worst: int
    games: int
    score: float
    group: int

    @property
    def elo(self) -> float:
        """The strength on the scale of chess."""
        return elo(self.strength)


@dataclass(frozen=True, slots=True)
class Ranking:
    """All, the strongest of each group first. `groups` names who was compared with whom, through others too: strengths
    of two groups cannot be compared. `held` names those whose strength only the prior keeps finite, since some part of
    the group never lost to the rest, or never won."""

    rated: tuple[Rated, ...]
    groups: tuple[tuple[str, ...], ...]
    held: tuple[str, ...]
    level: float

    def chance(self, one: str, other: str) -> float | None:
        """How often one beats the other; None where they are of different groups. KeyError for unknown names."""
        by_name = {rated.name: rated for rated in self.rated}
        first, second = by_name[one], by_name[other]
        if first.group != second.group:
            return None
        return 1 / (1 + math.exp(second.strength - first.strength))


def elo(strength: float) -> float:
    """A strength in log-odds on the scale of chess, where 400 points are odds of ten to one."""
    return _AVERAGE + _ELO * strength


def bradley_terry(
    games: Iterable[Game], level: float = 0.95, prior: float = 0.5, weights: Iterable[float] | None = None
) -> Ranking:
    """Strengths such that one beats another with odds of exp(the difference) (Bradley and Terry 1952,
    doi:10.2307/2334029), ties as half a win to each.

    `weights` are how many games each of them counts, 1 by default.
    `prior` is how many wins and how many losses against an average opponent each begins with, which keeps the
    undefeated finite; 0 is maximum likelihood, which may not exist (Ford 1957, doi:10.2307/2308513): ValueError then.
    Bounds are by the curvature of the likelihood; as a tie tells more than half a win and half a loss, they are wide
    rather than narrow where there are many. Games over one case are taken to be independent.
    """
    names, wins = _table(games, weights)
    played = wins + wins.T
    reached = _reach(played > 0)
    beaten = _reach(wins > 0)
    held = ~np.all(~reached | (beaten & beaten.T), axis=1)
    if prior <= 0 and held.any():
        raise ValueError(f"{names[int(np.argmax(held))]} never lost to, or never beat, some: a prior above 0 is needed")
    groups: list[tuple[str, ...]] = []
    rated: list[Rated] = []
    for members in _groups(reached):
        own = wins[np.ix_(members, members)]
        strengths, spread = _fitted(own, prior)
        better = _better(strengths, spread, quantile(level))
        half = quantile(level) * np.sqrt(np.diag(spread))
        found = [
            Rated(
                names[member], float(strengths[place]), float(strengths[place] - half[place]),
                float(strengths[place] + half[place]), 1 + int(better[:, place].sum()),
                len(members) - int(better[place].sum()), round(float(played[member].sum())),
                float(wins[member].sum()), len(groups),
            )
            for place, member in enumerate(members)
        ]  # fmt: skip
        rated += sorted(found, key=lambda one: (-one.strength, one.name))
        groups.append(tuple(names[member] for member in members))
    return Ranking(tuple(rated), tuple(groups), tuple(names[one] for one in np.flatnonzero(held)), level)


def _table(games: Iterable[Game], weights: Iterable[float] | None) -> tuple[list[str], Floats]:
    played = list(games)
    counts = [1.0] * len(played) if weights is None else list(weights)
    names = sorted({name for one, other, _ in played for name in (one, other)})
    places = {name: place for place, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for (one, other, result), count in zip(played, counts, strict=True):
        if one == other or not 0 <= result <= 1:
            raise ValueError(f"{one!r} against {other!r} with {result}: two different ones and a result of 0 to 1")
        wins[places[one], places[other]] += count * result
        wins[places[other], places[one]] += count * (1 - result)
    return names, wins


def _fitted(wins: Floats, prior: float) -> tuple[Floats, Floats]:
    """Strengths around their mean and the covariance of them, by Newton's method."""
    k = len(wins)
    played, scores = wins + wins.T, wins.sum(axis=1)
    theta = np.zeros(k)
    for _ in range(_ROUNDS):
        chances = 1 / (1 + np.exp(np.clip(theta[None, :] - theta[:, None], -500, 500)))
        alone = 1 / (1 + np.exp(np.clip(-theta, -500, 500)))
        slope = scores - (played * chances).sum(axis=1) + prior * (1 - 2 * alone)
        weights = played * chances * (1 - chances)
        bend = np.diag(weights.sum(axis=1) + 2 * prior * alone * (1 - alone)) - weights
        step = np.linalg.pinv(bend, hermitian=True) @ slope
        step *= min(1.0, _STRIDE / max(float(np.abs(step).max()), 1e-300))
        theta = theta + step
        if float(np.abs(step).max()) < _CLOSE:
            break
    centre = np.eye(k) - 1 / k
    return theta - theta.mean(), centre @ np.linalg.pinv(bend, hermitian=True) @ centre


def _better(strengths: Floats, spread: Floats, z: float) -> NDArray[np.bool_]:
    """Who (rows) is better than whom (columns) beyond doubt."""
    own = np.diag(spread)
    errors = np.sqrt(np.maximum(0.0, own[:, None] + own[None, :] - 2 * spread))
    return np.asarray(strengths[:, None] - strengths[None, :] > z * errors) & ~np.eye(len(strengths), dtype=bool)


def _reach(linked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Who is reached from whom, over any number of links; each from itself."""
    found = linked | np.eye(len(linked), dtype=bool)
    for _ in range(max(1, len(linked)).bit_length()):
        found = (found.astype(np.float32) @ found.astype(np.float32)) > 0
    return found


def _groups(reached: NDArray[np.bool_]) -> Sequence[list[int]]:
    groups = {tuple(np.flatnonzero(row).tolist()) for row in reached}
    return [list(group) for group in sorted(groups, key=lambda one: (-len(one), one))]
