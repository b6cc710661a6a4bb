"""What a run can tell, before it is paid for: the smallest effect that it finds, and the cases that an effect needs.

`power` is the share of runs that find an effect of that size, `level` one less the share that find one where there is
none. All tests are two-sided.
"""

import math
from collections.abc import Callable
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from pilothouse.stats.intervals import quantile

__all__ = [
    "cases_for_flips", "cases_for_scores", "cases_for_shares", "detectable_flips", "detectable_scores",
    "detectable_shares", "power_of_flips", "power_of_shares",
]  # fmt: skip

_NORMAL = NormalDist()
_MOST = 10_000_000  # cases: beyond them an effect counts as out of reach
_EXACT = 5000  # cases up to which the power of McNemar's test is summed, not approximated


def power_of_shares(n: int, base: float, difference: float, level: float = 0.95) -> float:
    """The power of a test of two shares, `base` and `base + difference`, each of `n` cases of its own (Fleiss, Levin
    and Paik 2003, "Statistical Methods for Rates and Proportions", 4.14)."""
    other = _share(base) + difference
    if not 0 <= other <= 1:
        raise ValueError(f"a share of {base} that changes by {difference} is none: it leaves 0 to 1")
    middle = (base + other) / 2
    alike, apart = math.sqrt(2 * middle * (1 - middle)), math.sqrt(base * (1 - base) + other * (1 - other))
    reach = abs(difference) * math.sqrt(_positive(n)) - quantile(level) * alike
    return _NORMAL.cdf(reach / apart) if apart else float(reach > 0)


def detectable_shares(n: int, base: float = 0.5, level: float = 0.95, power: float = 0.8) -> float | None:
    """The smallest change from a share of `base` that runs of `n` different cases each find, in the direction in which
    there is more room; None where there is none."""
    _checked_power(power)
    room = max(_share(base), 1 - base)
    sign = 1 if room == 1 - base else -1
    return _smallest(lambda one: power_of_shares(n, base, sign * one, level), room, power)


def cases_for_shares(base: float, difference: float, level: float = 0.95, power: float = 0.8) -> int | None:
    """How many cases each of two runs needs, over different cases; None where ten million are too few."""
    return _fewest(lambda n: power_of_shares(n, base, difference, level), _checked_power(power))


def power_of_flips(n: int, flips: float, difference: float, level: float = 0.95) -> float:
    """The power of McNemar's exact test on `n` cases, of which a share of `flips` changes between the runs, to one side
    more than to the other by `difference`, as a share of all cases.

    Summed over all outcomes up to 5,000 cases, beyond them by Connor 1987 (doi:10.2307/2531961).
    """
    if not 0 < flips <= 1 or abs(difference) > flips:
        raise ValueError(f"flips of {flips} and a difference of {difference}: |difference| <= flips, 0 < flips <= 1")
    if _positive(n) > _EXACT:
        spread = math.sqrt(max(0.0, flips - difference * difference))
        reach = abs(difference) * math.sqrt(n) - quantile(level) * math.sqrt(flips)
        return _NORMAL.cdf(reach / spread) if spread else float(reach > 0)
    logs = _log_factorials(n)
    many = _binomial(logs, n, flips)
    likely = np.flatnonzero(many > 1e-12)
    to_one = (flips + abs(difference)) / (2 * flips)
    return float(sum(many[m] * _rejects(logs, int(m), to_one, 1 - level) for m in likely))


def detectable_flips(n: int, flips: float, level: float = 0.95, power: float = 0.8) -> float | None:
    """The smallest difference of the shares that pass which a paired run of `n` cases finds, where a share of `flips`
    changes; None where even flips all to one side would not be found."""
    return _smallest(lambda one: power_of_flips(n, flips, one, level), flips, _checked_power(power))


def cases_for_flips(flips: float, difference: float, level: float = 0.95, power: float = 0.8) -> int | None:
    """How many cases a paired run needs, as `power_of_flips` has it; None where ten million are too few."""
    return _fewest(lambda n: power_of_flips(n, flips, difference, level), _checked_power(power))


def detectable_scores(n: int, deviation: float = 1.0, level: float = 0.95, power: float = 0.8) -> float | None:
    """The smallest mean difference that a paired run of `n` cases finds, in the unit of `deviation`, the standard
    deviation of the differences; None below 4 cases. By Guenther's correction of the normal approximation (1981,
    The American Statistician 35:243)."""
    z = quantile(level)
    left = n - z * z / 2
    if n < 4 or left <= 0:
        return None
    return (z + _NORMAL.inv_cdf(_checked_power(power))) * deviation / math.sqrt(left)


def cases_for_scores(difference: float, deviation: float = 1.0, level: float = 0.95, power: float = 0.8) -> int | None:
    """How many cases a paired run needs for a mean difference, both in one unit; None where ten million are too few."""
    if deviation <= 0:
        raise ValueError(f"a standard deviation of {deviation}: it is above 0")
    z, other = quantile(level), _NORMAL.inv_cdf(_checked_power(power))
    if not difference:
        return None
    n = max(4, math.ceil(((z + other) * deviation / difference) ** 2 + z * z / 2))
    return n if n <= _MOST else None


def _binomial(logs: NDArray[np.float64], n: int, share: float) -> NDArray[np.float64]:
    """The chance of each count, 0 to n."""
    k = np.arange(n + 1)
    if share >= 1:
        return np.asarray(k == n, np.float64)
    return np.asarray(np.exp(logs[n] - logs[k] - logs[n - k] + k * math.log(share) + (n - k) * math.log1p(-share)))


def _rejects(logs: NDArray[np.float64], flips: int, to_one: float, alpha: float) -> float:
    """How often so many flips tell a difference, of which each goes to one side with a chance of `to_one`."""
    most = _most_rejected(flips, alpha)
    if most < 0 or 2 * most >= flips:
        return 0.0
    chances = _binomial(logs, flips, to_one)
    return float(chances[: most + 1].sum() + chances[flips - most :].sum())


@cache
def _most_rejected(flips: int, alpha: float) -> int:
    """How many of so many flips may go to the fewer side where McNemar's test still tells a difference; -1 for none."""
    tail = np.cumsum(_binomial(_log_factorials(flips), flips, 0.5)) * 2
    return int(np.searchsorted(tail, alpha * (1 + 1e-12), side="right")) - 1


def _log_factorials(n: int) -> NDArray[np.float64]:
    return np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))


def _smallest(power_of: Callable[[float], float], room: float, power: float) -> float | None:
    if power_of(room) < power:
        return None
    low, high = 0.0, room
    while high - low > 1e-5:
        middle = (low + high) / 2
        low, high = (low, middle) if power_of(middle) >= power else (middle, high)
    return high


def _fewest(power_of: Callable[[int], float], power: float) -> int | None:
    high = 2
    while power_of(high) < power:
        high *= 2
        if high > _MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= power else (middle, high)
    return high


def _share(base: float) -> float:
    if not 0 <= base <= 1:
        raise ValueError(f"a share of {base}: it is between 0 and 1")
    return base


def _positive(n: int) -> int:
    if n < 1:
        raise ValueError(f"{n} cases: at least 1")
    return n


def _checked_power(power: float) -> float:
    if not 0 < power < 1:
        raise ValueError(f"a power of {power}: it is between 0 and 1, as 0.8")
    return power
