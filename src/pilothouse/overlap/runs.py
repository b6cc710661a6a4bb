"""The n-grams of all orders that two long sequences share, by one sort. Knows nothing of what the items are.

Every place of both sequences is one integer: the items from there, and whose they are. Sorted, the n-grams of each
order stand together. It pays from some hundred items; below, matches.shared is faster.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIRST", "numbered", "room", "shared_runs"]

FIRST = 3
"""The number of the first item that both have: 0 is beyond the end, 1 and 2 are all items that only one of them has."""


def room(orders: int) -> int:
    """How many different shared items fit into one integer, `orders` of them in a row."""
    return (1 << _bits(orders)) - FIRST


def numbered(one: Sequence[Hashable], other: Sequence[Hashable]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Both sequences as numbers for shared_runs, and how many different items they share."""
    numbers = {item: number for number, item in enumerate(set(one) & set(other), FIRST)}
    find = numbers.get
    mine = np.array([find(item, 1) for item in one], np.int64)
    return mine, np.array([find(item, 2) for item in other], np.int64), len(numbers)


def shared_runs(one: NDArray[np.int64], other: NDArray[np.int64], orders: int) -> list[int]:
    """How many n-grams of 1 to `orders` items both have, each counted as often as in the one that has it less often.
    No more than room(orders) different items are shared."""
    if not len(one) or not len(other):
        return [0] * orders
    bits = _bits(orders)
    end = np.zeros(orders - 1, np.int64)
    numbers = np.concatenate((one, end, other, end))
    places = np.zeros(len(numbers) - orders + 1, np.int64)
    for at in range(orders):
        places = places << bits | numbers[at : at + len(places)]
    places <<= 1
    places[len(one) + orders - 1 :] |= 1
    places.sort()
    of_other_before = np.concatenate(([0], np.cumsum(places & 1)))
    hits = []
    for order in range(1, orders + 1):
        keys = places >> (1 + bits * (orders - order))
        starts = np.concatenate(([0], np.flatnonzero(keys[1:] != keys[:-1]) + 1, [len(keys)]))
        of_other = np.diff(of_other_before[starts])
        both = np.minimum(np.diff(starts) - of_other, of_other)
        hits.append(int(both[keys[starts[:-1]] & ((1 << bits) - 1) != 0].sum()))  # others reach beyond the end
    return hits


def _bits(orders: int) -> int:
    return 62 // orders
