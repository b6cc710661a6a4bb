"""Spans that are to be sent elsewhere, in the database: put there in the transaction that stores them, gone once sent.

So a restart neither loses one nor sends more than a batch twice. Only places are queued, and at most so many: beyond
that the oldest batches are given up, and counted. Knows nothing of where spans go.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.engine import Connection, Engine

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.exports.fitting import is_low
from pilothouse.ids import new_id
from pilothouse.monitoring import ExportConfig
from pilothouse.observe.scores import Score
from pilothouse.storage.database import writing
from pilothouse.storage.statements import marks
from pilothouse.storage.tables import export_queue

__all__ = ["MOST_BATCHES", "Place", "Queue", "Waiting"]

MOST_BATCHES = 5000
"""Of each export: up to five million spans, about 400 MB of places."""

_CHECKED = 64  # batches between two looks at how many there are
_log = logging.getLogger(__name__)

Place = tuple[str, str, str]
"""Project, trace and span; of a score the project, nothing, and its id."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch that an export has not sent yet."""

    export: str
    id: str
    places: list[Place]


class Queue:
    """The batches of all exports. `exports` names those that there are now. `dropped` counts spans given up."""

    def __init__(self, engine: Engine, exports: Callable[[], Mapping[str, ExportConfig]]) -> None:
        self._engine = engine
        self._exports = exports
        self._put = 0
        self.dropped = 0

    def put(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Queue these rows of spans for every export of spans, within the transaction that writes them."""
        self._add(connection, [n for n, export in self._exports().items() if not export.below], [r[:3] for r in rows])

    def put_scores(self, connection: Connection, project_id: str, given: Sequence[Score]) -> None:
        """The same of scores, for the webhooks to which they are too low."""
        for name, export in self._exports().items():
            if export.below:
                low = [(project_id, "", s.id) for s in given if is_low(project_id, s.name, s.value, export)]
                self._add(connection, [name], low)

    def _add(self, connection: Connection, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        if not names or not rows:
            return
        places = msgspec.msgpack.encode(rows)
        statement = f"INSERT INTO export_queue (project_id, export, id, spans, places) VALUES ({marks(connection, 5)})"
        made = new_id()
        connection.exec_driver_sql(statement, [(DEFAULT_PROJECT, name, made, len(rows), places) for name in names])
        self._put += 1
        if self._put % _CHECKED == 1:
            self._bound(connection, names)

    def next(self, export: str) -> Waiting | None:
        """The oldest batch."""
        c = export_queue.c
        query = select(c.id, c.places).where(c.project_id == DEFAULT_PROJECT, c.export == export).order_by(c.id)
        with self._engine.connect() as connection:
            row = connection.execute(query.limit(1)).one_or_none()
        return None if row is None else Waiting(export, row.id, msgspec.msgpack.decode(row.places, type=list[Place]))

    def done(self, waiting: Waiting) -> None:
        """It was sent."""
        c = export_queue.c
        here = (c.project_id == DEFAULT_PROJECT, c.export == waiting.export, c.id == waiting.id)
        with writing(self._engine) as connection:
            connection.execute(delete(export_queue).where(*here))

    def forget_others(self, exports: Iterable[str]) -> None:
        """Delete what waits for exports that there are no more."""
        gone = export_queue.c.export.not_in(list(exports))
        with self._engine.connect() as connection:
            if connection.execute(select(export_queue.c.id).where(gone).limit(1)).one_or_none() is None:
                return
        with writing(self._engine) as connection:
            connection.execute(delete(export_queue).where(gone))

    def sizes(self) -> dict[str, int]:
        """How many spans wait, by export."""
        query = select(export_queue.c.export, func.sum(export_queue.c.spans)).group_by(export_queue.c.export)
        with self._engine.connect() as connection:
            return {name: int(count) for name, count in connection.execute(query)}

    def _bound(self, connection: Connection, names: Iterable[str]) -> None:
        c = export_queue.c
        for name in names:
            here = (c.project_id == DEFAULT_PROJECT, c.export == name)
            edge = connection.execute(select(c.id).where(*here).order_by(c.id.desc()).offset(MOST_BATCHES).limit(1))
            last = edge.scalar()
            if last is None:
                continue
            lost = connection.execute(select(func.sum(c.spans)).where(*here, c.id <= last)).scalar() or 0
            connection.execute(delete(export_queue).where(*here, c.id <= last))
            self.dropped += int(lost)
            _log.error("The export '%s' does not keep up: %d of its oldest spans were given up.", name, lost)
