"""Adds cells to the rows of `rollups` and `score_rollups`, by hour and by day. Knows nothing of traces.

Callers choose users, models and features, so an hour or a day of a dimension holds at most 1,000 rows; what comes after
them counts for `_OTHER`. Users, who are many, have rows by day alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table, select
from sqlalchemy.engine import Connection

from pilothouse.observe.sums.cells import HISTOGRAMS, SUMS, Cell, Place, ScoreCell, ScorePlace, add_to
from pilothouse.observe.sums.sheets import spoil
from pilothouse.stats.histogram import pack, unpack
from pilothouse.storage.statements import among, marks, overwrite
from pilothouse.storage.tables import rollups, score_rollups

__all__ = ["GRAINS", "MOST_VALUES", "OTHER", "apply"]

MOST_VALUES = 1000
OTHER = "_OTHER"
GRAINS = {"hour": 1, "day": 24}
"""Hours of a row."""

_Key = tuple[Any, ...]
"""Project, grain, dimension, number of the hour or day, value; for scores the name, too."""
_PLACE = ("project_id", "grain", "dimension", "at")


class _Rows(NamedTuple):
    """A table of cells: its primary key, its other columns, and the kind of cell that these are."""

    table: Table
    keys: tuple[str, ...]
    amounts: tuple[str, ...]
    kind: type[Cell] | type[ScoreCell]


_CALLS = _Rows(rollups, (*_PLACE, "value"), (*SUMS, *HISTOGRAMS), Cell)
_SCORES = _Rows(score_rollups, (*_PLACE, "value", "name"), ("count", "total", "histogram"), ScoreCell)


def apply(connection: Connection, cells: Mapping[Place, Cell], scores: Mapping[ScorePlace, ScoreCell]) -> None:
    """Add the cells to the rows of their hour and their day. The caller's transaction keeps others from doing so at
    once (SQLite by its lock, Postgres by one that the caller takes)."""
    _add(connection, _CALLS, cells)
    spoil(connection, {(place.project_id, place.hour // GRAINS["day"]) for place in cells})
    _add(connection, _SCORES, scores)


def _add(connection: Connection, rows: _Rows, cells: Mapping[Any, Any]) -> None:
    if not cells:
        return
    sums: dict[_Key, Any] = {}
    for grain, hours in GRAINS.items():
        for (project, dimension, hour, *rest), cell in cells.items():
            if grain == "day" or dimension != "user":
                told = [text.replace("\0", "\ufffd") for text in rest]
                add_to(sums, [(project, grain, dimension, hour // hours, *told)], cell)
    found = _read(connection, rows, sums)
    renamed = _crowded(connection, rows, sums.keys() - found.keys())
    if renamed:
        moved: dict[_Key, Any] = {}
        for key, cell in sums.items():
            add_to(moved, [renamed.get(key, key)], cell)
        sums, found = moved, found | _read(connection, rows, set(renamed.values()))
    for key, cell in found.items():
        sums[key] = sums[key] + cell
    kept = [(*key, *_packed(sums[key])) for key in sorted(sums) if sums[key]]
    overwrite(connection, rows.table.name, (*rows.keys, *rows.amounts), len(rows.keys), kept)
    _delete(connection, rows, [key for key in sorted(sums) if not sums[key]])


def _read(connection: Connection, rows: _Rows, keys: Iterable[_Key]) -> dict[_Key, Any]:
    c, width = rows.table.c, len(rows.keys)
    query = select(*(c[name] for name in (*rows.keys, *rows.amounts)))
    found = connection.execute(query.where(among(connection, [c[name] for name in rows.keys], sorted(keys))))
    return {tuple(row[:width]): _unpacked(rows, row[width:]) for row in found}


def _crowded(connection: Connection, rows: _Rows, new: Iterable[_Key]) -> dict[_Key, _Key]:
    """Which of the new rows find no room, and the row that stands for them."""
    by_hour: defaultdict[_Key, list[_Key]] = defaultdict(list)
    for key in sorted(new):
        by_hour[key[:4]].append(key)
    where, renamed = _equal(connection, _PLACE), {}
    for hour, keys in by_hour.items():
        if hour[2] != "all":
            query = f"SELECT count(*) FROM {rows.table.name} WHERE {where}"
            count = connection.exec_driver_sql(query, hour).scalar() or 0
            renamed.update({key: (*hour, OTHER, *key[5:]) for key in keys[max(0, MOST_VALUES - count) :]})
    return renamed


def _delete(connection: Connection, rows: _Rows, keys: Sequence[_Key]) -> None:
    """Rows that nothing is left in: a span that arrived late showed what was counted there to belong elsewhere."""
    if keys:
        statement = f"DELETE FROM {rows.table.name} WHERE {_equal(connection, rows.keys)}"
        connection.exec_driver_sql(statement, list(keys))


def _equal(connection: Connection, names: Iterable[str]) -> str:
    return " AND ".join(f"{name} = {marks(connection)}" for name in names)


def _packed(cell: Cell | ScoreCell) -> tuple[object, ...]:
    if isinstance(cell, ScoreCell):
        return cell.count, cell.total, pack(cell.histogram)
    return *cell.sums, *(pack(counts) for counts in cell.histograms)


def _unpacked(rows: _Rows, amounts: Sequence[Any]) -> Cell | ScoreCell:
    if rows.kind is ScoreCell:
        return ScoreCell(amounts[0], amounts[1], unpack(amounts[2]))
    histograms = tuple([unpack(packed) if packed else {} for packed in amounts[len(SUMS) :]])
    return Cell(list(amounts[: len(SUMS)]), histograms)
