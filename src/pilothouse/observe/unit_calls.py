"""The counted calls of an experiment, summed by arm and unit in the database: only what is asked for, as columns.

A look at a large experiment is made of this alone, so no more is read than its metrics need. Knows none of these.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Float, and_, cast, func, or_, select
from sqlalchemy.engine import Connection

from pilothouse.storage.database import Store
from pilothouse.storage.tables import prompt_calls, scores

__all__ = ["Column", "UnitCalls", "unit_calls"]

Floats = NDArray[np.float64]
_C, _S = prompt_calls.c, scores.c


@dataclass(frozen=True, slots=True)
class Column:
    """Of the calls of each unit, how many have a value and the sum of these."""

    known: Floats
    total: Floats

    @property
    def mean(self) -> Floats:
        """Of each unit, not a number where none of its calls has a value."""
        return np.where(self.known > 0, self.total / np.maximum(self.known, 1), np.nan)


@dataclass(frozen=True, slots=True)
class UnitCalls:
    """All of one length, a place for each pair of an arm and a unit: how many calls, when the first one was (UTC
    microseconds), the columns that were asked for, and the scores of the calls' traces and spans by name."""

    arms: list[str]
    units: list[str]
    calls: Floats
    first_us: NDArray[np.int64]
    columns: Mapping[str, Column]
    scores: Mapping[str, Column]


def unit_calls(
    store: Store, project: str, experiment: str, columns: Collection[str], names: Collection[str]
) -> UnitCalls:  # fmt: skip
    """As of now. `columns` are those of the table of calls that hold numbers, `names` those of scores; a score
    counts for the span that it names, else for every call of its trace."""
    wanted = sorted(columns)
    mine = [_C.project_id == project, _C.experiment_id == experiment, _C.unit.is_not(None), _C.arm.is_not(None)]
    told: list[ColumnElement[Any]] = [_C.arm, _C.unit, func.count(), func.min(_C.at_us)]
    for column in wanted:
        told += [func.count(_C[column]), func.coalesce(func.sum(cast(_C[column], Float)), 0.0)]
    query = select(*told).where(*mine).group_by(_C.arm, _C.unit)
    with store.observe.connect() as connection:
        rows = connection.execute(query).all()
        arms, units, calls, first, *sums = zip(*rows, strict=True) if rows else [()] * len(told)
        places = {pair: place for place, pair in enumerate(zip(arms, units, strict=True))}
        judged = _scores(connection, mine, names, places)
    made = {name: Column(_floats(sums[2 * at]), _floats(sums[2 * at + 1])) for at, name in enumerate(wanted)}
    return UnitCalls([*arms], [*units], _floats(calls), np.array(first, np.int64), made, judged)


def _scores(
    connection: Connection, mine: Collection[ColumnElement[bool]], names: Collection[str],
    places: Mapping[tuple[str, str], int],
) -> dict[str, Column]:  # fmt: skip
    made = {name: Column(np.zeros(len(places)), np.zeros(len(places))) for name in names}
    if not made:
        return made
    same = and_(
        _S.project_id == _C.project_id, _S.trace_id == _C.trace_id, or_(_S.span_id.is_(None), _S.span_id == _C.span_id)
    )
    query = (
        select(_C.arm, _C.unit, _S.name, func.count(), func.sum(_S.value))
        .select_from(prompt_calls.join(scores, same))
        .where(*mine, _S.name.in_(sorted(made)), _S.value.is_not(None))
        .group_by(_C.arm, _C.unit, _S.name)
    )
    for arm, unit, name, count, total in connection.execute(query):
        place = places.get((arm, unit))  # else its first call came between the two queries
        if place is not None:
            made[name].known[place], made[name].total[place] = count, total
    return made


def _floats(values: Collection[Any]) -> Floats:
    return np.array(values, np.float64)
