"""Makes the sheets (sheets.py) of days that are over, a day of a project at a time. Knows nothing of readers."""

from collections.abc import Callable, Iterator

from sqlalchemy import bindparam, func, select
from sqlalchemy.engine import Connection

from pilothouse.ids import now_us
from pilothouse.observe.sums.cells import DIMENSIONS, SUMS
from pilothouse.observe.sums.sheets import of_rows, pack
from pilothouse.observe.sums.summaries import known_traces
from pilothouse.storage.database import Store, writing
from pilothouse.storage.payload_days import day_of
from pilothouse.storage.statements import upsert
from pilothouse.storage.tables import rollups, sheets

__all__ = ["Overnight"]

_DIMENSIONS = tuple(name for name in DIMENSIONS if name != "all")
_LAST = "user"
"""A day has all its sheets where it has this one: deleting a user takes theirs alone."""
_S, _R = sheets.c, rollups.c
_OF_DAY = (
    select(_R.value, *(_R[name] for name in SUMS))
    .where(_R.project_id == bindparam("project"), _R.grain == "day", _R.dimension == bindparam("dimension"))
    .where(_R.at == bindparam("day"))
    .order_by(_R.value)
)


class Overnight:
    """Makes the sheets of a store. `clock` gives UTC microseconds. Blocks on the database, in small transactions."""

    def __init__(self, store: Store, clock: Callable[[], int] = now_us) -> None:
        self._engine = store.observe
        self._clock = clock

    def run(self) -> Iterator[int]:
        """Make those that are missing of days that are over, a day of a project with each turn of the iteration."""
        for project, day in self.missing():
            with writing(self._engine) as connection:
                _make(connection, project, day)
            yield day

    def missing(self) -> list[tuple[str, int]]:
        """The projects and days, before today, that have rows and no sheets."""
        today, found = day_of(self._clock()), list[tuple[str, int]]()
        with self._engine.connect() as connection:
            for project in _projects(connection):
                daily = (_R.project_id == project, _R.grain == "day", _R.dimension == "all", _R.at < today)
                there = select(_S.day).where(_S.project_id == project, _S.dimension == _LAST)
                query = select(_R.at).where(*daily, _R.at.not_in(there)).order_by(_R.at)
                found += [(project, day) for day in connection.execute(query).scalars()]
        return found


def _projects(connection: Connection) -> Iterator[str]:
    """Those with rollups, by the index: rows are many, projects few."""
    last = ""
    while (project := connection.scalar(select(func.min(_R.project_id)).where(_R.project_id > last))) is not None:
        yield project
        last = project


def _make(connection: Connection, project: str, day: int) -> None:
    known_traces(connection, [])  # who writes spans waits until this is committed
    rows = []
    for dimension in _DIMENSIONS:
        asked = {"project": project, "dimension": dimension, "day": day}
        named, sums = pack(of_rows(connection.execute(_OF_DAY, asked).all(), SUMS))
        rows.append({"project_id": project, "day": day, "dimension": dimension, "named": named, "sums": sums})
    connection.execute(upsert(connection, sheets), rows)
