"""Adds cells to the rows of `rollups` and `score_rollups`, by hour and by day. Knows nothing of traces.

Callers choose users, models and features, so an hour or a day of a dimension holds at most 1,000 values; what comes
after them counts for `_OTHER`. Users, who are many, have rows by day alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from pilothouse.observe.cells import HISTOGRAMS, SUMS, Cell, Place, ScoreCell, ScorePlace
from pilothouse.stats.histogram import pack, unpack
from pilothouse.storage.statements import chunks, marks

__all__ = ["GRAINS", "MOST_VALUES", "OTHER", "apply", "apply_scores"]

MOST_VALUES = 1000
OTHER = "_OTHER"
GRAINS = {"hour": 1, "day": 24}
"""Hours of a row."""

_Key = tuple[str, str, str, int, str]
_KEYS = ("project_id", "grain", "dimension", "at", "value")
_ROW = (*_KEYS, *SUMS, *HISTOGRAMS)
_SCORE_ROW = (*_KEYS, "name", "count", "total", "histogram")
_AT_ONCE = 150  # rows of six keys: SQLite before 3.32 takes 999 parameters


def apply(connection: Connection, cells: Mapping[Place, Cell]) -> None:
    """Add the cells to the rows of their hour and their day. The caller's transaction keeps others from doing so at
    once (SQLite by its lock, Postgres by one that the caller takes)."""
    sums: defaultdict[_Key, Cell] = defaultdict(Cell)
    for grain, hours in GRAINS.items():
        for (project, dimension, hour, value), cell in cells.items():
            if grain == "hour" and dimension == "user":  # these are many
                continue
            sums[project, grain, dimension, hour // hours, value.replace("\0", "\ufffd")].add(cell)
    found = _read(connection, sums)
    renamed = _crowded(connection, sums.keys() - found.keys())
    if renamed:
        moved: defaultdict[_Key, Cell] = defaultdict(Cell)
        for key, cell in sums.items():
            moved[renamed.get(key, key)].add(cell)
        sums, found = moved, found | _read(connection, set(renamed.values()))
    for key, cell in found.items():
        sums[key].add(cell)
    _write(connection, "rollups", _ROW, 5, [_row(key, sums[key]) for key in sorted(sums) if sums[key]])
    _delete(connection, "rollups", _KEYS, [key for key in sorted(sums) if not sums[key]])


def apply_scores(connection: Connection, cells: Mapping[ScorePlace, ScoreCell]) -> None:
    """The same for scores; `value` is what `apply` made of it where an hour is crowded."""
    sums: dict[tuple[_Key, str], ScoreCell] = {}
    for grain, hours in GRAINS.items():
        for p, cell in cells.items():
            key = (p.project_id, grain, p.dimension, p.hour // hours, p.value.replace("\0", "\ufffd"))
            sums.setdefault((key, p.name.replace("\0", "\ufffd")), ScoreCell()).add(cell)
    for part in chunks(sorted(sums), _AT_ONCE):
        listed = ", ".join([f"({marks(connection, 6)})"] * len(part))
        names = ", ".join(f'"{name}"' for name in _SCORE_ROW)
        query = (
            f"SELECT {names} FROM score_rollups WHERE (project_id, grain, dimension, at, value, name) IN "
            f"({'VALUES ' if connection.dialect.name == 'sqlite' else ''}{listed})"
        )
        flat = tuple(value for key, name in part for value in (*key, name))
        for row in connection.exec_driver_sql(query, flat):
            known = ScoreCell(row[6], row[7], Counter(unpack(row[8])))
            sums[(row[0], row[1], row[2], row[3], row[4]), row[5]].add(known)
    rows = [(*key, name, c.count, c.total, pack(c.histogram)) for (key, name), c in sorted(sums.items(), key=_first)]
    _write(connection, "score_rollups", _SCORE_ROW, 6, [row for row in rows if row[6]])
    _delete(connection, "score_rollups", (*_KEYS, "name"), [row[:6] for row in rows if not row[6]])


def _first(item: tuple[Any, Any]) -> Any:
    return item[0]


def _read(connection: Connection, keys: Iterable[_Key]) -> dict[_Key, Cell]:
    found: dict[_Key, Cell] = {}
    names = ", ".join(f'"{name}"' for name in _ROW)
    for part in chunks(sorted(keys), _AT_ONCE):
        listed = ", ".join([f"({marks(connection, 5)})"] * len(part))
        query = (
            f"SELECT {names} FROM rollups WHERE (project_id, grain, dimension, at, value) IN "
            f"({'VALUES ' if connection.dialect.name == 'sqlite' else ''}{listed})"
        )
        for row in connection.exec_driver_sql(query, tuple(value for key in part for value in key)):
            cell = Cell()
            cell.sums = list(row[5 : 5 + len(SUMS)])
            cell.histograms = tuple([unpack(packed) if packed else {} for packed in row[5 + len(SUMS) :]])
            found[row[0], row[1], row[2], row[3], row[4]] = cell
    return found


def _crowded(connection: Connection, new: Iterable[_Key]) -> dict[_Key, _Key]:
    """Which of the new rows find no room, and the row that stands for them."""
    by_hour: dict[tuple[str, str, str, int], list[_Key]] = {}
    for key in sorted(new):
        by_hour.setdefault(key[:4], []).append(key)
    renamed: dict[_Key, _Key] = {}
    for hour, keys in by_hour.items():
        if hour[2] == "all":
            continue
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        where = " AND ".join(f"{name} = {mark}" for name in _KEYS[:4])
        count = connection.exec_driver_sql(f"SELECT count(*) FROM rollups WHERE {where}", hour).scalar() or 0
        renamed.update(dict.fromkeys(keys[max(0, MOST_VALUES - count) :], (*hour, OTHER)))
    return renamed


def _row(key: _Key, cell: Cell) -> tuple[object, ...]:
    return (*key, *cell.sums, *(pack(counts) for counts in cell.histograms))


def _write(
    connection: Connection, table: str, names: Sequence[str], keys: int, rows: Sequence[tuple[object, ...]]
) -> None:
    if rows:
        columns = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(f'"{name}" = excluded."{name}"' for name in names[keys:])
        statement = (
            f"INSERT INTO {table} ({columns}) VALUES ({marks(connection, len(names))}) "
            f"ON CONFLICT ({', '.join(names[:keys])}) DO UPDATE SET {values}"
        )
        connection.exec_driver_sql(statement, list(rows))


def _delete(connection: Connection, table: str, names: Sequence[str], keys: Sequence[tuple[object, ...]]) -> None:
    """Rows that nothing is left in: a span that arrived late showed what was counted there to belong elsewhere."""
    if keys:
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        where = " AND ".join(f"{name} = {mark}" for name in names)
        connection.exec_driver_sql(f"DELETE FROM {table} WHERE {where}", list(keys))
