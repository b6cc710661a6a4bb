"""Which part of a dataset each item belongs to, so that what belongs together is never in two. Plain functions.

A group goes where the hash of its least name says, so that the choice depends on no other group: it stays when items
are added, whatever their order, but for groups that such an item joins; those stay where their split is held. Shares
are therefore met on average, not exactly.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from pilothouse.errors import InvalidRequest

__all__ = ["split_by_groups"]


def split_by_groups(
    groups: Sequence[Sequence[str]], shares: Mapping[str, float], seed: int = 0, held: Sequence[str | None] = ()
) -> list[str]:
    """The split of each item. `groups` names, for each item, everything that it shares with others (its source, its
    near duplicates, at least a name of its own): items with a name in common, also by way of others, get the same
    split.

    `shares` are those of the splits, such as `{"train": 0.8, "test": 0.2}`. `held` are splits that items have already:
    they stay, and whoever is grouped with such an item gets that one (of several, that of the first item). Another
    `seed` is another choice. Raises InvalidRequest for shares that do not add up to 1.
    """
    _check(shares)
    joined = _joined(groups)
    where = dict[int, str]()
    for item, split in enumerate(held):
        if split is not None and split in shares:
            where.setdefault(joined[item], split)
    names = defaultdict[int, list[str]](list)
    for item, root in enumerate(joined):
        if root not in where:
            names[root].extend(groups[item])
    for root, mine in names.items():
        where[root] = _drawn(min(mine), shares, seed)
    return [where[root] for root in joined]


def _check(shares: Mapping[str, float]) -> None:
    if not shares or min(shares.values()) <= 0 or not abs(sum(shares.values()) - 1) <= 1e-6 or not all(shares):
        raise InvalidRequest(
            "Shares of splits must be above 0 and add up to 1, like train=0.8, test=0.2.", param="shares"
        )


def _joined(groups: Sequence[Sequence[str]]) -> list[int]:
    """For each item the first one that it is joined with, by union-find."""
    above, seen = [*range(len(groups))], dict[str, int]()

    def root(item: int) -> int:
        while above[item] != item:
            above[item] = above[above[item]]
            item = above[item]
        return item

    for item, names in enumerate(groups):
        for name in names:
            least, most = sorted((root(item), root(seen.setdefault(name, item))))
            above[most] = least
    return [root(item) for item in range(len(groups))]


def _drawn(name: str, shares: Mapping[str, float], seed: int) -> str:
    digest = blake2b(name.encode("utf-8", "replace"), digest_size=8, key=str(seed).encode()).digest()
    place, reached = int.from_bytes(digest) / 2**64, 0.0
    for split, share in shares.items():
        reached += share
        if place < reached:
            return split
    return [*shares][-1]
