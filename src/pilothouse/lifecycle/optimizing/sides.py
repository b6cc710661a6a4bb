"""The cases that an optimisation chooses by, and those that it tells by: never the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from pilothouse.cases import Case
from pilothouse.errors import InvalidRequest
from pilothouse.evals.datasets.cases import cases_of
from pilothouse.evals.datasets.near import normalised
from pilothouse.evals.datasets.sampling import at_random
from pilothouse.evals.datasets.splitting import split_by_groups
from pilothouse.lifecycle.optimizing.order import OptimizeOrder
from pilothouse.storage.evaluating.datasets import Datasets

__all__ = ["Sides", "read_sides", "split_cases"]

_HELD_OUT = ("held_out", "test", "validation", "dev")
_SHARES = {"train": 0.6, "held_out": 0.4}
_READ = 10_000  # cases of a dataset, of which `limit` are taken
_FEW = 10  # held-out cases below which an interval says little


@dataclass(frozen=True, slots=True)
class Sides:
    """No input of `held` is one of `train`. `notes` say, in sentences, how both came about."""

    train: list[Case]
    held: list[Case]
    notes: tuple[str, ...] = ()


def read_sides(datasets: Datasets, project: str, order: OptimizeOrder) -> tuple[str, Sides]:
    """`name@version` of the dataset, and its cases. Raises NotFound, and InvalidRequest for too few."""
    dataset, version = datasets.at(project, order.dataset)
    sides = split_cases([*islice(cases_of(datasets, project, dataset, version.number), _READ)], order)
    if min(len(sides.train), len(sides.held)) < 2:
        told = f"{len(sides.train)} train and {len(sides.held)} held-out cases are too few to choose and to tell by."
        raise InvalidRequest(" ".join([told, *sides.notes]), param="dataset")
    few = f"{len(sides.held)} held-out cases are few: their interval says little."
    notes = sides.notes if len(sides.held) >= _FEW else (*sides.notes, few)
    return f"{dataset.name}@{version.number}", Sides(sides.train, sides.held, notes)


def split_cases(cases: Sequence[Case], order: OptimizeOrder) -> Sides:
    """By the splits that the cases have; else 60 to 40, each by a hash of its input. Of more than `limit` cases a
    sample, the same every time, in the shares of both sides. Raises InvalidRequest where those splits are not there
    that are asked for."""
    names = [case.metadata.get("split") for case in cases]
    there = {name for name in names if isinstance(name, str)}
    train, held = order.train, order.held_out or next((name for name in _HELD_OUT if name in there), "held_out")
    notes = list[str]()
    if not there:
        if (train, held) != (*_SHARES,):
            raise InvalidRequest("The dataset has no splits: leave 'train' and 'held_out' out.", param="train")
        names = list(split_by_groups([[normalised(case.input)] for case in cases], _SHARES))
        notes.append("The dataset has no splits: 60 % are for choosing and 40 % held out, by their inputs.")
    elif not {train, held} <= there or train == held:
        told = f"The dataset has the splits {', '.join(sorted(there))}: say which is 'train', and which 'held_out'."
        raise InvalidRequest(told, param="held_out")
    by_train = [case for case, name in zip(cases, names, strict=True) if name == train]
    by_held = [case for case, name in zip(cases, names, strict=True) if name == held]
    seen = {normalised(case.input) for case in by_train}
    alone = [case for case in by_held if normalised(case.input) not in seen]
    if twice := len(by_held) - len(alone):
        notes.append(f"Held-out cases left out, as a train case has the same input: {twice}.")
    return _sampled(by_train, alone, order.limit, notes)


def _sampled(train: list[Case], held: list[Case], limit: int, notes: Sequence[str]) -> Sides:
    whole = len(train) + len(held)
    if whole <= limit:
        return Sides(train, held, tuple(notes))
    most = min(max(2, round(limit * len(train) / whole)), limit - 2)
    told = f"{limit} of {whole} cases, drawn by their ids ('limit' bounds them)."
    return Sides(_some(train, most), _some(held, limit - most), (*notes, told))


def _some(cases: list[Case], most: int) -> list[Case]:
    kept = {*at_random([case.id for case in cases], most)}
    return [case for case in cases if case.id in kept]
