"""Reads the rollups: what happened in a period, as a whole, over time, or by model, key, feature and so on.

Never looks at spans, so that a page over a million of them costs what a page over a thousand does.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import add, itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, func, select
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import InvalidRequest
from pilothouse.observe.amounts import Amounts, Scored, Users
from pilothouse.observe.cells import DIMENSIONS, HISTOGRAMS, SUMS
from pilothouse.observe.period import HOUR_US, Period, Stretch
from pilothouse.observe.rollups import OTHER
from pilothouse.observe.slices import EVERYTHING, Slice
from pilothouse.storage.database import Store
from pilothouse.storage.tables import rollups, score_rollups

__all__ = ["HOUR_US", "Amounts", "Figures", "Period", "Scored", "Users"]

_WEEK_HOURS = 7 * 24
_THURSDAY = 3  # 1970-01-01, where Monday is 0

_COST, _REQUESTS, _CALLS = map(SUMS.index, ("cost_nano", "requests", "calls"))
_TABLES = {"rollups": rollups, "score_rollups": score_rollups}
_Key = tuple[Any, ...]


class Figures:
    """The rollups of `store`. Every method reads one project and blocks on the database.

    `only` narrows to a value of one dimension, or of several of the cube's (see observe.slices); `histograms` are those
    that percentiles will be asked of. Raises InvalidRequest for what is not kept.
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
    ) -> dict[str, Amounts]:
        """The sums for each value of a dimension, the dearest first, then the busiest: `limit` of them, or those
        `among` some, where nothing is narrowed to."""
        wanted = Slice.of(dimension, only)
        if among is not None and wanted.parts is None and wanted.value is None:
            wanted = replace(wanted, among=tuple(among))
        many, stretches = limit if wanted.dimension == "user" else None, _stretches(period, wanted)
        with self._engine.connect() as connection:
            found = _summed(connection, project, wanted, stretches, ("value",), many)
            kept = dict(sorted(found.items(), key=_dearest)[:limit])
            if len(kept) < len(found) and wanted.parts is None:
                wanted = replace(wanted, among=tuple([value for (value,) in kept]))
            packed = _packed(connection, project, wanted, stretches, ("value",), histograms)
        return {key[0]: Amounts(*sums, packed=packed[key]) for key, sums in kept.items()}

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
        wanted, stretch = Slice.of(dimension, only), (period.grain, period.steps)
        _demand_steps(period, wanted)
        if wanted.parts is None and wanted.value is None:
            wanted = replace(wanted, among=tuple(names) or None)
        told: defaultdict[str, dict[int, int]] = defaultdict(dict)
        step_us = period.step_us
        with self._engine.connect() as connection:
            for at, value, amount in _sums(connection, project, wanted, stretch, ("at", "value"), (field,)):
                name = wanted.name(value)
                if name is not None and amount:
                    steps, at_us = told[name], at * step_us
                    steps[at_us] = steps.get(at_us, 0) + int(amount)
        return dict(told)

    def users(self, period: Period, project: str = DEFAULT_PROJECT) -> Users:
        """How many users there were on the days that the period touches, all together and by day."""
        c = rollups.c
        bound = _bound(project, Slice("user"), ("day", period.days))
        where = _where(rollups, "all")
        each = select(c.value).distinct().where(*where).subquery("each")
        crowd = select(func.count(), func.sum(case((each.c.value == OTHER, 1), else_=0))).select_from(each)
        by_day = select(c.at, func.count().label("users")).where(*where).group_by(c.at)
        with self._engine.connect() as connection:
            count, others = connection.execute(crowd, bound).one()
            days = {row.at: row.users for row in connection.execute(by_day, bound)}
        told = {day * 24 * HOUR_US: days.get(day, 0) for day in period.days}
        return Users(count - (others or 0), told, bool(others))

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
        query = _reading("score_rollups", (*keys, "count", "total", "histogram"), _shape(wanted))
        grouped: defaultdict[_Key, list[Any]] = defaultdict(list)
        with self._engine.connect() as connection:
            for stretch in stretches:
                for row in connection.execute(query, _bound(project, wanted, stretch)):
                    grouped[tuple(row[: len(keys)])].append(row[len(keys) :])
        return {key: _score(rows) for key, rows in grouped.items()}


def _score(rows: Sequence[Any]) -> Scored:
    return Scored(sum(row[0] for row in rows), sum(row[1] for row in rows), [row[2] for row in rows])


def _dearest(item: tuple[_Key, list[int]]) -> tuple[int, int, str]:
    (value,), sums = item
    return -sums[_COST], -sums[_REQUESTS] - sums[_CALLS], value


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


def _summed(
    connection: Connection, project: str, wanted: Slice, stretches: Iterable[Stretch], keys: Sequence[str],
    limit: int | None = None,
) -> dict[_Key, list[int]]:  # fmt: skip
    """The sums by key. With a `limit`, of the dearest keys alone; there is then but one stretch."""
    read, sums = _read(wanted, keys), dict[_Key, list[int]]()
    for stretch in stretches:
        for row in _sums(connection, project, wanted, stretch, read, SUMS, limit):
            key = _named(wanted, keys, read, row)
            if key is not None:
                before, now = sums.get(key), list(map(int, row[len(read) :]))
                sums[key] = now if before is None else list(map(add, before, now))
    return sums


def _packed(
    connection: Connection, project: str, wanted: Slice, stretches: Iterable[Stretch], keys: Sequence[str],
    histograms: Sequence[str],
) -> Mapping[_Key, dict[str, list[bytes]]]:  # fmt: skip
    """The packed histograms by key, those of a key without any being empty."""
    read = _read(wanted, keys)
    packed: defaultdict[_Key, dict[str, list[bytes]]] = defaultdict(lambda: {name: [] for name in histograms})
    for stretch in stretches:
        for row in _histograms(connection, project, wanted, stretch, read, histograms):
            key = _named(wanted, keys, read, row)
            if key is not None:
                for parts, part in zip(packed[key].values(), row[len(read) :], strict=True):
                    parts.append(part)
    return packed


def _read(wanted: Slice, keys: Sequence[str]) -> tuple[str, ...]:
    """The columns that tell a row's key."""
    return tuple(dict.fromkeys((*keys, "value"))) if wanted.parts is not None else tuple(keys)


def _named(wanted: Slice, keys: Sequence[str], read: Sequence[str], row: Sequence[Any]) -> _Key | None:
    """The key of a row, which for the cube its value gives; None where the row is not of the slice."""
    if wanted.parts is None:
        return tuple(row[: len(keys)])
    name = wanted.name(row[read.index("value")])
    return None if name is None else tuple([name if key == "value" else row[read.index(key)] for key in keys])


def _sums(
    connection: Connection,
    project: str,
    wanted: Slice,
    stretch: Stretch,
    keys: Sequence[str],
    fields: Sequence[str],
    limit: int | None = None,
) -> Iterable[Any]:
    query = _summing(tuple(keys), tuple(map(_known, fields)), _shape(wanted), limit is not None)
    return connection.execute(query, _bound(project, wanted, stretch) | ({} if limit is None else {"most": limit}))


def _histograms(
    connection: Connection, project: str, wanted: Slice, stretch: Stretch, keys: Sequence[str], names: Sequence[str]
) -> Iterable[Any]:
    if not names or wanted.dimension == "user":
        return ()
    query = _reading("rollups", (*keys, *names), _shape(wanted))
    return connection.execute(query, _bound(project, wanted, stretch))


def _known(field: str) -> str:
    if field not in SUMS:
        raise InvalidRequest(f"'{field[:40]}' is no sum. There are: {', '.join(SUMS)}.", param="field")
    return field


# ---- statements: the same ones every time, which are made once


@lru_cache(maxsize=200)
def _summing(keys: tuple[str, ...], fields: tuple[str, ...], shape: str, limited: bool) -> Select[Any]:
    c = rollups.c
    by = [c[key] for key in keys]
    query = select(*by, *(func.sum(c[field]) for field in fields)).where(*_where(rollups, shape))
    query = query.group_by(*by).having(func.count() > 0)
    if limited:
        dearest = func.sum(c.cost_nano).desc(), func.sum(c.requests + c.calls).desc()
        query = query.order_by(*dearest, *by).limit(bindparam("most"))
    return query


@lru_cache(maxsize=200)
def _reading(table: str, columns: tuple[str, ...], shape: str) -> Select[Any]:
    of = _TABLES[table]
    return select(*(of.c[name] for name in columns)).where(*_where(of, shape))


def _where(table: Table, shape: str) -> list[ColumnElement[bool]]:
    """The conditions on the rows of a slice of this shape; `_bound` gives their parameters."""
    c = table.c
    where = [
        c.project_id == bindparam("project"), c.grain == bindparam("grain"), c.dimension == bindparam("dimension"),
        c.at.between(bindparam("first"), bindparam("last")),
    ]  # fmt: skip
    if shape == "value":
        where.append(c.value == bindparam("value"))
    elif shape == "among":
        where.append(c.value.in_(bindparam("value", expanding=True)))
    elif shape == "pattern":
        where.append(c.value.like(bindparam("value"), escape="\\"))
    return where


def _shape(wanted: Slice) -> str:
    if wanted.value is not None:
        return "value"
    return "among" if wanted.among is not None else "pattern" if wanted.pattern is not None else "all"


def _bound(project: str, wanted: Slice, stretch: Stretch) -> dict[str, Any]:
    grain, steps = stretch
    told = {
        "project": project, "grain": grain, "dimension": wanted.dimension, "first": steps.start, "last": steps.stop - 1
    }  # fmt: skip
    shape = _shape(wanted)
    return told if shape == "all" else {**told, "value": getattr(wanted, shape)}
