"""Whether a sequence of runs has changed, looked at after every run, with a known rate of false alarms.

Each run has a score that grows with its strangeness. As long as nothing has changed the scores are exchangeable, and
then the rank of each among those before is independent of the ranks that came before it (Vovk, Gammerman and Shafer,
"Algorithmic Learning in a Random World", 2005): a bet on a high rank, at fair odds, gains nothing in the mean. For each
run at which a change may have begun such bets are made on all runs from it on; their gains are summed (Shin, Ramdas and
Rinaldo, "E-detectors", 2022, whose sum is that of Shiryaev and Roberts). An alarm at a sum of N comes, where nothing
has changed, once in at least N runs, in the mean. No distribution is assumed. Equal scores count as strange as each
other, which makes alarms rarer. Everything here is deterministic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evidence", "combined", "evidence"]

_BEYOND = (0.0, 0.05, 0.2)
"""Shares of the runs before a change that may be as strange as one after it: one bet each."""
_STAKE = 0.9
"""Of what a bet has, so that one ordinary run among strange ones does not end it."""
_STARTS = 200  # runs at which a change may have begun: fewer terms only lower the sum


@dataclass(frozen=True, slots=True)
class Evidence:
    """`total` is the sum of what the bets have; `since` is the run (from 0) from which on most was gained, None where
    nothing was."""

    total: float
    since: int | None


def evidence(scores: Sequence[float], learnt: int) -> Evidence:
    """What speaks for a change after the first `learnt` runs (2 or more), all that came since being looked at."""
    count = len(scores)
    if count <= learnt:
        return Evidence(0.0, None)
    first = max(learnt, count - _STARTS)
    starts, runs = np.arange(first, count)[:, None], np.arange(first, count)[None, :]
    above, after = _above(np.asarray(scores, np.float64), first), runs - starts + 1
    total, best, since = 0.0, 1.0, None
    for share in _BEYOND:
        wanted = np.floor(share * starts) + after  # of a run's rank among all until it
        odds = (runs + 1) / np.minimum(np.maximum(wanted, 1), runs + 1)
        gains = np.log(1 - _STAKE + _STAKE * np.where(above <= wanted, odds, 0.0))
        values = np.exp(np.minimum(np.where(after > 0, gains, 0.0).sum(axis=1), 600.0))
        total += float(values.sum()) / len(_BEYOND)
        place = int(values.argmax())
        if values[place] > best:
            best, since = float(values[place]), first + place
    return Evidence(total, since)


def combined(found: Sequence[Evidence]) -> Evidence:
    """Of several sequences of the same runs, however they depend on each other: the mean of the sums keeps the rate of
    false alarms. The run is that of the sequence that says most."""
    if not found:
        return Evidence(0.0, None)
    return Evidence(sum(one.total for one in found) / len(found), max(found, key=lambda one: one.total).since)


def _above(scores: NDArray[np.float64], first: int) -> NDArray[np.int64]:
    """How many of the runs until each, itself included, are at least as strange; from `first` on."""
    return np.array([int((scores[: run + 1] >= scores[run]).sum()) for run in range(first, len(scores))], np.int64)
