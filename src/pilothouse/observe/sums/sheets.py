"""Days that are over, each dimension of them on one sheet: the values of its rows in `rollups`, and their sums.

A month of users is 30,000 rows, which a database takes long to group; as 30 sheets they are added up in arrays. A sheet
is made some time after its day (overnight.py) and thrown away in the transaction that changes a row of that day
(`spoil`), so that what is there always holds what the rows do. Where there is none, the rows are read.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import accumulate, count
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import bindparam, delete, select
from sqlalchemy.engine import Connection

from pilothouse.observe.sums.cells import SUMS
from pilothouse.storage.statements import among
from pilothouse.storage.tables import sheets

__all__ = ["RANKED", "Part", "added", "dearest", "of_rows", "pack", "read", "read_values", "spoil"]

Part = tuple[Sequence[str], npt.NDArray[np.int64]]
"""Different values of a dimension, and their sums: a row for each value."""

RANKED = ("cost_nano", "requests", "calls")
"""What values are ordered by: the dearest first, then the busiest."""


_WIDTHS = (1, 2, 4, 8)
_S = sheets.c
_decode = msgspec.msgpack.Decoder(list[str]).decode
_HERE = (
    _S.project_id == bindparam("project"), _S.dimension == bindparam("dimension"),
    _S.day.between(bindparam("first"), bindparam("last")),
)  # fmt: skip
_VALUES = select(_S.day, _S.named).where(*_HERE)
_SHEETS = select(_S.day, _S.named, _S.sums).where(*_HERE)


def read(
    connection: Connection, project: str, dimension: str, days: range, fields: Sequence[str], holding: str = ""
) -> tuple[dict[int, Part], list[int]]:
    """These sums of the sheets of a dimension by day, and the days without one: of values that hold a text alone."""
    found, columns = dict[int, Part](), [SUMS.index(field) for field in fields]
    sought = holding.encode()
    for day, named, sums in connection.execute(_SHEETS, _asked(project, dimension, days)).all():
        if sought not in named:
            found[day] = (), np.empty((0, len(fields)), np.int64)
            continue
        values = _decode(named)
        unpacked = _unpacked(sums, len(values), columns)
        if holding:
            kept = [place for place, value in enumerate(values) if holding in value]
            values, unpacked = [values[place] for place in kept], unpacked[kept]
        found[day] = values, unpacked
    return found, [day for day in days if day not in found]


def read_values(
    connection: Connection, project: str, dimension: str, days: range
) -> tuple[dict[int, list[str]], list[int]]:
    """The values by day, and the days without a sheet."""
    rows = connection.execute(_VALUES, _asked(project, dimension, days)).all()
    found = {day: _decode(named) for day, named in rows}
    return found, [day for day in days if day not in found]


def of_rows(rows: Sequence[Sequence[Any]], fields: Sequence[str]) -> Part:
    """Rows of a value and these of its sums."""
    sums = np.array([tuple(row[1:]) for row in rows], np.int64).reshape(len(rows), len(fields))
    return [row[0] for row in rows], sums


def added(parts: Collection[Part], width: int, name: Callable[[str], str | None] | None = None) -> Part:
    """The sum of parts, which have `width` sums, each value once. With a `name`, by what that calls a value, without
    those it calls None."""
    slots: defaultdict[str, int] = defaultdict(count().__next__)
    places = [np.fromiter(map(slots.__getitem__, values), np.intp, len(values)) for values, _ in parts]
    total = np.zeros((len(slots), width), np.int64)
    for at, (_, sums) in zip(places, parts, strict=True):
        total[at] += sums
    if name is None:
        return list(slots), total
    named = [(place, called) for value, place in slots.items() if (called := name(value)) is not None]
    names: defaultdict[str, int] = defaultdict(count().__next__)
    where = [names[called] for _, called in named]
    joined = np.zeros((len(names), width), np.int64)
    np.add.at(joined, where, total[[place for place, _ in named]])
    return list(names), joined


def dearest(values: Sequence[str], sums: npt.NDArray[np.int64], limit: int | None) -> dict[str, list[int]]:
    """The sums of each value, RANKED before others, the dearest first, then the busiest: of `limit` values at most."""
    cost, busy = -sums[:, 0], -(sums[:, 1] + sums[:, 2])
    there = list(range(len(values)))
    if limit is not None and 0 < limit < len(values):
        there = np.flatnonzero(cost <= np.partition(cost, limit - 1)[limit - 1]).tolist()
    ordered = sorted(zip(cost[there].tolist(), busy[there].tolist(), [values[n] for n in there], there, strict=True))
    return {value: sums[n].tolist() for _, _, value, n in ordered[:limit]}


def spoil(connection: Connection, days: Iterable[tuple[str, int]]) -> None:
    """Throw away the sheets of these days of projects, rows of which change in this transaction."""
    keys = sorted(set(days))
    if keys:
        connection.execute(delete(sheets).where(among(connection, (_S.project_id, _S.day), keys)))


def pack(part: Part) -> tuple[bytes, bytes]:
    """The columns of a sheet: the values; and the sums, each column of them in as few bytes a number as hold it, after
    these widths."""
    values, sums = part
    widths = [
        next(w for w in _WIDTHS if w == 8 or not ((column >> (8 * w - 1)) + (column < 0)).any()) for column in sums.T
    ]
    columns = [column.astype(f"<i{width}").tobytes() for column, width in zip(sums.T, widths, strict=True)]
    return msgspec.msgpack.encode(values), bytes(widths) + b"".join(columns)


def _unpacked(packed: bytes, rows: int, columns: Sequence[int]) -> npt.NDArray[np.int64]:
    widths = packed[: len(SUMS)]
    begins = [len(SUMS), *(len(SUMS) + rows * before for before in accumulate(widths))]
    sums = np.empty((rows, len(columns)), np.int64)
    for place, column in enumerate(columns):
        sums[:, place] = np.frombuffer(packed, f"<i{widths[column]}", rows, begins[column])
    return sums


def _asked(project: str, dimension: str, days: range) -> dict[str, object]:
    return {"project": project, "dimension": dimension, "first": days.start, "last": days.stop - 1}
