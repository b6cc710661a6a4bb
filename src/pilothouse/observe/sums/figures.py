"""Reads the rollups: what happened in a period, as a whole, over time, or by model, key, feature and so on.

Never looks at spans, so that a page over a million of them costs what a page over a thousand does.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import add, itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, select
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import InvalidRequest
from pilothouse.observe.sums.amounts import Amounts, Scored, Users
from pilothouse.observe.sums.cells import DIMENSIONS, HISTOGRAMS, SUMS
from pilothouse.observe.sums.period import HOUR_US, Period, Stretch
from pilothouse.observe.sums.rollups import OTHER
from pilothouse.observe.sums.sheets import RANKED, Part, added, dearest, of_rows, read, read_values
from pilothouse.observe.sums.slices import EVERYTHING, Slice
from pilothouse.storage.database import Store
from pilothouse.storage.tables import rollups, score_rollups

__all__ = ["HOUR_US", "Amounts", "Figures", "Period", "Scored", "Users"]

_WEEK_HOURS = 7 * 24
_THURSDAY = 3  # 1970-01-01, where Monday is 0

_TABLES = {"rollups": rollups, "score_rollups": score_rollups}
_Key = tuple[Any, ...]


class Figures:
    """The rollups of `store`. Every method reads one project and blocks on the database.

    `only` narrows to a value of one dimension, or of several of the cube's (see slices.py); `histograms` are those that
    percentiles will be asked of. Raises InvalidRequest for what is not kept.
    """

    def __init__(self, store: Store) -> None:
        self._engine = store.observe

    def total(
        self,
        period: Period,
        project: str = DEFAULT_PROJECT,
        only: Mapping[str, str] | None = None,
        histograms: Sequence[str] = HISTOGRAMS,
    ) -> Amounts:
        """Everything in the period."""
        wanted = Slice.of(None, only)
        with self._engine.connect() as connection:
            found = _amounts(connection, project, wanted, _stretches(period, wanted), (), histograms)
        return found.get((), Amounts())

    def over_time(
        self,
        period: Period,
        project: str = DEFAULT_PROJECT,
        only: Mapping[str, str] | None = None,
        histograms: Sequence[str] = HISTOGRAMS,
    ) -> dict[int, Amounts]:
        """The same by hour or day (`period.step_us`): by the UTC microsecond of its beginning, quiet ones included."""
        wanted, stretch = Slice.of(None, only), (period.grain, period.steps)
        _demand_steps(period, wanted)
        with self._engine.connect() as connection:
            found = _amounts(connection, project, wanted, [stretch], ("at",), histograms)
        nothing, step_us = Amounts(), period.step_us
        return {step * step_us: found.get((step,), nothing) for step in period.steps}

    def by(
        self,
        dimension: str,
        period: Period,
        project: str = DEFAULT_PROJECT,
        only: Mapping[str, str] | None = None,
        histograms: Sequence[str] = HISTOGRAMS,
        limit: int | None = None,
        among: Sequence[str] | None = None,
        sums: Sequence[str] = SUMS,
    ) -> dict[str, Amounts]:
        """The sums for each value of a dimension, the dearest first, then the busiest: `limit` of them, or those
        `among` some, where nothing is narrowed to. `sums` are those that will be asked of; others may be 0."""
        wanted = Slice.of(dimension, only)
        if among is not None and wanted.parts is None and wanted.value is None:
            wanted = replace(wanted, among=tuple(among))
        stretches, fields = _stretches(period, wanted), tuple(dict.fromkeys((*RANKED, *map(_known, sums))))
        with self._engine.connect() as connection:
            values, found = _added(connection, project, wanted, stretches, fields)
            kept = dearest(values, found, limit)
            if len(kept) < len(values) and wanted.parts is None:
                wanted = replace(wanted, among=tuple(kept))
            packed = _packed(connection, project, wanted, stretches, ("value",), histograms)
        return {
            value: Amounts(**dict(zip(fields, told, strict=True)), packed=packed[(value,)])
            for value, told in kept.items()
        }

    def by_over_time(
        self,
        field: str,
        dimension: str,
        period: Period,
        project: str = DEFAULT_PROJECT,
        only: Mapping[str, str] | None = None,
        names: Sequence[str] = (),
    ) -> dict[str, dict[int, int]]:
        """One of the sums for each value of a dimension (or of `names` alone), by hour or day; steps and values with
        nothing are left out."""
        wanted = Slice.of(dimension, only)
        stretch: Stretch = period.grain, period.steps
        _demand_steps(period, wanted)
        if wanted.parts is None and wanted.value is None:
            wanted = replace(wanted, among=tuple(names) or None)
        if wanted.dimension == "user" and wanted.among is not None:
            stretch = period.grain, [*period.steps]  # so that the others of a day, who are many, are passed over
        told: defaultdict[str, dict[int, int]] = defaultdict(dict)
        step_us = period.step_us
        with self._engine.connect() as connection:
            rows, rest = list[Any](), stretch[1]
            if wanted.parts is not None and period.grain == "day":
                sheets, rest = read(connection, project, "cube", period.steps, (_known(field),), wanted.part)
                for day, (values, sums) in sheets.items():
                    rows += [(day, *row) for row in zip(values, sums[:, 0].tolist(), strict=True)]
            if rest:
                rows += _sums(connection, project, wanted, (period.grain, rest), ("at", "value"), (field,))
            for at, value, amount in rows:
                name = wanted.name(value)
                if name is not None and amount:
                    steps, at_us = told[name], at * step_us
                    steps[at_us] = steps.get(at_us, 0) + int(amount)
        return dict(told)

    def users(self, period: Period, project: str = DEFAULT_PROJECT, dearest_of: int = 0) -> Users:
        """How many users there were on the days that the period touches, all together and by day; and the dearest."""
        told: dict[int, Sequence[str]]
        with self._engine.connect() as connection:
            if dearest_of:
                parts, rest = read(connection, project, "user", period.days, RANKED)
                parts |= _of_days(connection, project, rest, RANKED)
                told = {day: values for day, (values, _) in parts.items()}
            else:
                named, rest = read_values(connection, project, "user", period.days)
                told = {**named} | {day: values for day, (values, _) in _of_days(connection, project, rest, ()).items()}
        by_day = {day * 24 * HOUR_US: len(told.get(day, ())) for day in period.days}
        if not dearest_of:
            everyone = set[str]().union(*told.values())
            return Users(len(everyone) - (OTHER in everyone), by_day, OTHER in everyone)
        values, sums = added(parts.values(), len(RANKED))
        others, kept = OTHER in values, dearest(values, sums, dearest_of)
        found = {value: Amounts(cost_nano=of[0], requests=of[1], calls=of[2]) for value, of in kept.items()}
        return Users(len(values) - others, by_day, others, found)

    def peak_hours(self, field: str, period: Period, project: str = DEFAULT_PROJECT) -> list[list[int]]:
        """One of the sums by weekday (Monday first) and hour of the day, UTC, over the whole of the period."""
        c, hours = rollups.c, range(period.steps.start, period.steps.stop)
        if period.grain == "day":
            hours = range(hours.start * 24, hours.stop * 24)
        place = (c.at + _THURSDAY * 24) % _WEEK_HOURS
        query = select(place.label("place"), func.sum(c[_known(field)]))
        query = query.where(*_where(rollups, "value")).group_by("place")
        week = [[0] * 24 for _ in range(7)]
        with self._engine.connect() as connection:
            for at, amount in connection.execute(query, _bound(project, EVERYTHING, ("hour", hours))):
                week[at // 24][at % 24] = int(amount)
        return week

    def scores(
        self, period: Period, project: str = DEFAULT_PROJECT, dimension: str = "all", value: str | None = "",
        among: Sequence[str] | None = None,
    ) -> dict[tuple[str, str], Scored]:  # fmt: skip
        """Scores by (value of the dimension, name); those of one value alone unless that is None, and then those of all
        or `among` some."""
        wanted = Slice(dimension, value, among=None if among is None else tuple(among))
        stretches = _stretches(period, wanted)
        found = self._scored(project, wanted, stretches, ("value", "name"))
        return {(of, name): scored for (of, name), scored in sorted(found.items())}

    def scores_over_time(
        self, period: Period, project: str = DEFAULT_PROJECT, dimension: str = "all", value: str = ""
    ) -> dict[str, dict[int, Scored]]:
        """The scores of each name by hour or day; steps without any are left out."""
        told: defaultdict[str, dict[int, Scored]] = defaultdict(dict)
        found = self._scored(project, Slice(dimension, value), [(period.grain, period.steps)], ("name", "at"))
        step_us = period.step_us
        for (name, at), scored in sorted(found.items(), key=itemgetter(0)):
            told[name][at * step_us] = scored
        return dict(told)

    def _scored(
        self, project: str, wanted: Slice, stretches: Sequence[Stretch], keys: Sequence[str]
    ) -> dict[_Key, Scored]:
        if wanted.dimension not in DIMENSIONS:
            raise InvalidRequest(f"'{wanted.dimension[:40]}' is no dimension.", param="by")
        columns = (*keys, "count", "total", "histogram")
        grouped: defaultdict[_Key, list[Any]] = defaultdict(list)
        with self._engine.connect() as connection:
            for stretch in stretches:
                query = _reading("score_rollups", columns, _shape(wanted), _listed(stretch))
                for row in connection.execute(query, _bound(project, wanted, stretch)).all():
                    grouped[tuple(row[: len(keys)])].append(row[len(keys) :])
        return {key: _score(rows) for key, rows in grouped.items()}


def _score(rows: Sequence[Any]) -> Scored:
    return Scored(sum(row[0] for row in rows), sum(row[1] for row in rows), [row[2] for row in rows])


def _stretches(period: Period, wanted: Slice) -> list[Stretch]:
    """Users have rows by day alone."""
    return [("day", period.days)] if wanted.dimension == "user" else period.stretches()


def _demand_steps(period: Period, wanted: Slice) -> None:
    if wanted.dimension == "user" and period.grain == "hour":
        raise InvalidRequest("Users are counted by day alone: ask for the grain 'day'.", param="grain")


def _amounts(
    connection: Connection, project: str, wanted: Slice, stretches: Iterable[Stretch], keys: Sequence[str],
    histograms: Sequence[str],
) -> dict[_Key, Amounts]:  # fmt: skip
    """What the slice's rows come to by `keys`, of `at` and `value`, with the packed histograms that are asked for."""
    sums = _summed(connection, project, wanted, stretches, keys)
    packed = _packed(connection, project, wanted, stretches, keys, histograms)
    return {key: Amounts(*told, packed=packed[key]) for key, told in sums.items()}


def _added(
    connection: Connection, project: str, wanted: Slice, stretches: Iterable[Stretch], fields: tuple[str, ...]
) -> Part:
    """The sums by value, in no order: of days that are over from their sheets, where those are there. Those `fields`
    at least."""
    parts, whole = list[Part](), _shape(wanted) in ("all", "pattern")
    for grain, steps in stretches:
        rest: Sequence[int] = steps
        if whole and grain == "day" and isinstance(steps, range):
            found, rest = read(connection, project, wanted.dimension, steps, fields, wanted.part)
            parts += found.values()
        if rest:
            rows = _sums(connection, project, wanted, (grain, rest), ("value",), fields)
            parts.append(of_rows(rows, fields))
    return added(parts, len(fields), None if wanted.parts is None else wanted.name)


def _of_days(connection: Connection, project: str, days: Sequence[int], fields: Sequence[str]) -> dict[int, Part]:
    """The rows of users by day, with these of their sums."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    if days:
        query = _reading("rollups", ("at", "value", *fields), "all", listed=True)
        for row in connection.execute(query, _bound(project, Slice("user"), ("day", days))).all():
            found[row[0]].append(row[1:])
    return {day: of_rows(rows, fields) for day, rows in found.items()}


def _summed(
    connection: Connection, project: str, wanted: Slice, stretches: Iterable[Stretch], keys: Sequence[str]
) -> dict[_Key, list[int]]:
    """The sums by key."""
    columns, sums = _columns(wanted, keys), dict[_Key, list[int]]()
    for stretch in stretches:
        for row in _sums(connection, project, wanted, stretch, columns, SUMS):
            key = _named(wanted, keys, columns, row)
            if key is not None:
                before, now = sums.get(key), list(map(int, row[len(columns) :]))
                sums[key] = now if before is None else list(map(add, before, now))
    return sums


def _packed(
    connection: Connection, project: str, wanted: Slice, stretches: Iterable[Stretch], keys: Sequence[str],
    histograms: Sequence[str],
) -> Mapping[_Key, dict[str, list[bytes]]]:  # fmt: skip
    """The packed histograms by key, those of a key without any being empty."""
    columns = _columns(wanted, keys)
    packed: defaultdict[_Key, dict[str, list[bytes]]] = defaultdict(lambda: {name: [] for name in histograms})
    for stretch in stretches:
        for row in _histograms(connection, project, wanted, stretch, columns, histograms):
            key = _named(wanted, keys, columns, row)
            if key is not None:
                for parts, part in zip(packed[key].values(), row[len(columns) :], strict=True):
                    parts.append(part)
    return packed


def _columns(wanted: Slice, keys: Sequence[str]) -> tuple[str, ...]:
    """The columns that tell a row's key."""
    return tuple(dict.fromkeys((*keys, "value"))) if wanted.parts is not None else tuple(keys)


def _named(wanted: Slice, keys: Sequence[str], columns: Sequence[str], row: Sequence[Any]) -> _Key | None:
    """The key of a row, which for the cube its value gives; None where the row is not of the slice."""
    if wanted.parts is None:
        return tuple(row[: len(keys)])
    name = wanted.name(row[columns.index("value")])
    return None if name is None else tuple([name if key == "value" else row[columns.index(key)] for key in keys])


def _sums(
    connection: Connection,
    project: str,
    wanted: Slice,
    stretch: Stretch,
    keys: Sequence[str],
    fields: Sequence[str],
) -> Sequence[Any]:
    query = _summing(tuple(keys), tuple(map(_known, fields)), _shape(wanted), _listed(stretch))
    return connection.execute(query, _bound(project, wanted, stretch)).all()


def _histograms(
    connection: Connection, project: str, wanted: Slice, stretch: Stretch, keys: Sequence[str], names: Sequence[str]
) -> Sequence[Any]:
    if not names or wanted.dimension == "user":
        return ()
    query = _reading("rollups", (*keys, *names), _shape(wanted), _listed(stretch))
    return connection.execute(query, _bound(project, wanted, stretch)).all()


def _known(field: str) -> str:
    if field not in SUMS:
        raise InvalidRequest(f"'{field[:40]}' is no sum. There are: {', '.join(SUMS)}.", param="field")
    return field


# ---- statements: the same ones every time, which are made once


@lru_cache(maxsize=200)
def _summing(keys: tuple[str, ...], fields: tuple[str, ...], shape: str, listed: bool) -> Select[Any]:
    c = rollups.c
    by = [c[key] for key in keys]
    query = select(*by, *(func.sum(c[field]) for field in fields)).where(*_where(rollups, shape, listed))
    return query.group_by(*by).having(func.count() > 0)


@lru_cache(maxsize=200)
def _reading(table: str, columns: tuple[str, ...], shape: str, listed: bool = False) -> Select[Any]:
    of = _TABLES[table]
    return select(*(of.c[name] for name in columns)).where(*_where(of, shape, listed))


def _where(table: Table, shape: str, listed: bool = False) -> list[ColumnElement[bool]]:
    """The conditions on the rows of a slice of this shape, at steps that are listed or a range; `_bound` gives their
    parameters."""
    c = table.c
    where = [
        c.project_id == bindparam("project"), c.grain == bindparam("grain"), c.dimension == bindparam("dimension"),
        c.at.in_(bindparam("steps", expanding=True)) if listed
        else c.at.between(bindparam("first"), bindparam("last")),
    ]  # fmt: skip
    if shape == "value":
        where.append(c.value == bindparam("value"))
    elif shape == "among":
        where.append(c.value.in_(bindparam("value", expanding=True)))
    elif shape == "pattern":
        where.append(c.value.like(bindparam("value"), escape="\\"))
    return where


def _listed(stretch: Stretch) -> bool:
    return not isinstance(stretch[1], range)


def _shape(wanted: Slice) -> str:
    if wanted.value is not None:
        return "value"
    return "among" if wanted.among is not None else "pattern" if wanted.pattern is not None else "all"


def _bound(project: str, wanted: Slice, stretch: Stretch) -> dict[str, Any]:
    grain, steps = stretch
    told: dict[str, Any] = {"project": project, "grain": grain, "dimension": wanted.dimension}
    told |= {"first": steps.start, "last": steps.stop - 1} if isinstance(steps, range) else {"steps": steps}
    shape = _shape(wanted)
    return told if shape == "all" else {**told, "value": getattr(wanted, shape)}
