"""The cases that an optimisation chooses by, and those that it tells by: never the same ones."""

from collections.abc import Sequence
from itertools import islice

from pilothouse.cases import Case
from pilothouse.errors import InvalidRequest
from pilothouse.evals.datasets.cases import cases_of
from pilothouse.evals.datasets.near import normalised
from pilothouse.evals.datasets.splitting import split_by_groups
from pilothouse.lifecycle.optimizing.order import OptimizeOrder
from pilothouse.storage.evaluating.datasets import Datasets

__all__ = ["Sides", "read_sides", "split_cases"]

Sides = tuple[list[Case], list[Case]]
_HELD_OUT = ("held_out", "test", "validation", "dev")
_SHARES = {"train": 0.6, "held_out": 0.4}


def read_sides(datasets: Datasets, project: str, order: OptimizeOrder) -> tuple[str, Sides, bool]:
    """`name@version` of the dataset, the train and the held-out cases, and whether they were split here. Raises
    NotFound, and InvalidRequest for too few."""
    dataset, version = datasets.at(project, order.dataset)
    sides, here = split_cases([*islice(cases_of(datasets, project, dataset, version.number), order.limit)], order)
    if min(map(len, sides)) < 2:
        told = f"{len(sides[0])} train and {len(sides[1])} held-out cases are too few to choose and to tell by."
        raise InvalidRequest(told, param="dataset")
    return f"{dataset.name}@{version.number}", sides, here


def split_cases(cases: Sequence[Case], order: OptimizeOrder) -> tuple[Sides, bool]:
    """By the splits that the cases have; else 60 to 40, each by a hash of its input. Raises
    InvalidRequest where it has splits and not those that are asked for."""
    names = [case.metadata.get("split") for case in cases]
    there = {name for name in names if isinstance(name, str)}
    train, held = order.train, order.held_out or next((name for name in _HELD_OUT if name in there), "held_out")
    if not there:
        train, held = _SHARES
        names = list(split_by_groups([[normalised(case.input)] for case in cases], _SHARES))
    elif not {train, held} <= there or train == held:
        told = f"The dataset has the splits {', '.join(sorted(there))}: say which is 'train', and which 'held_out'."
        raise InvalidRequest(told, param="held_out")
    sides = [[case for case, name in zip(cases, names, strict=True) if name == side] for side in (train, held)]
    return (sides[0], sides[1]), not there
