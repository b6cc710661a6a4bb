"""Several trials of the same case: how often at least one, or all, of k pass; and which cases do not know.

A case is a sequence of trials; cases may have different numbers of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from pilothouse.stats.intervals import Interval, finite, mean_interval, wilson

__all__ = ["Flakiness", "Flaky", "flaky", "pass_all_k", "pass_at_k", "passes", "unsteady"]


@dataclass(frozen=True, slots=True)
class Flaky:
    """A case (its place, 0-based) that both passed and failed; `disagree` is how often two of its trials differ."""

    case: int
    trials: int
    passed: int
    disagree: float


@dataclass(frozen=True, slots=True)
class Flakiness:
    """The flaky `cases`, those nearest to even first; the `share` they are of the cases with two trials or more, None
    where there is no such case; `disagree`, how often two trials of one case differ, over all those cases. A share from
    few trials is a lower bound: a case that fails one time in ten passes three trials in a row 73 % of the time."""

    cases: tuple[Flaky, ...]
    share: Interval | None
    disagree: float


def pass_at_k(trials: int, passed: int, k: int) -> float:
    """How often at least one of k trials passes, from `passed` of `trials`: without bias (Chen et al. 2021,
    arXiv:2107.03374). Raises ValueError unless 1 <= k <= trials and 0 <= passed <= trials."""
    _checked(trials, passed, k)
    return 1 - comb(trials - passed, k) / comb(trials, k)


def pass_all_k(trials: int, passed: int, k: int) -> float:
    """How often all of k trials pass, pass^k: without bias (Yao et al. 2024, arXiv:2406.12045). Raises as
    `pass_at_k`."""
    _checked(trials, passed, k)
    return comb(passed, k) / comb(trials, k)


def passes(
    cases: Sequence[Sequence[bool]], k: int, random: np.random.Generator, every: bool = False, level: float = 0.95
) -> Interval:
    """The mean of pass@k over cases, or of pass^k where `every`, with an interval over cases. Raises ValueError for no
    cases, and for one with fewer than k trials."""
    measure = pass_all_k if every else pass_at_k
    short = [place for place, trials in enumerate(cases) if len(trials) < k]
    if short:
        raise ValueError(f"case {short[0]} has {len(cases[short[0]])} trials: {len(short)} cases have fewer than {k}")
    found = [measure(len(trials), sum(map(bool, trials)), k) for trials in cases]
    return mean_interval(found, random, level, (0.0, 1.0))


def flaky(cases: Sequence[Sequence[bool]], level: float = 0.95) -> Flakiness:
    """Which cases passed in one trial and failed in another."""
    several = [(place, len(trials), sum(map(bool, trials))) for place, trials in enumerate(cases) if len(trials) > 1]
    told = [Flaky(place, n, passed, 2 * passed * (n - passed) / (n * (n - 1))) for place, n, passed in several]
    found = sorted((one for one in told if one.disagree), key=lambda one: (-one.disagree, one.case))
    share = wilson(len(found), len(told), level) if told else None
    return Flakiness(tuple(found), share, sum(one.disagree for one in told) / len(told) if told else 0.0)


def unsteady(cases: Sequence[Sequence[float]], limit: float) -> tuple[tuple[int, float], ...]:
    """The cases (places, 0-based) whose scores vary by a standard deviation above `limit` between trials, with it; the
    most unsteady first. Cases with one trial say nothing."""
    spreads = [(place, float(finite(scores).std(ddof=1))) for place, scores in enumerate(cases) if len(scores) > 1]
    return tuple(sorted((one for one in spreads if one[1] > limit), key=lambda one: (-one[1], one[0])))


def _checked(trials: int, passed: int, k: int) -> None:
    if not (1 <= k <= trials and 0 <= passed <= trials):
        raise ValueError(f"{passed} of {trials} trials passed, k = {k}: k is 1 to the number of trials")
