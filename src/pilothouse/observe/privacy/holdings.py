"""How much is kept, since when, and when the oldest of it goes: told by sizes and by the ends of indexes, so that it
takes a moment over millions of rows. Nothing is counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, text

from pilothouse.ids import now_us
from pilothouse.privacy import RetentionConfig
from pilothouse.storage import span_days
from pilothouse.storage.database import Store
from pilothouse.storage.payload_days import Size, day_of
from pilothouse.storage.tables import question_vectors, rollups, traces

__all__ = ["Holding", "Holdings"]

_NAMES = ("traces", "scores", "rollups", "score_rollups", "sheets", "question_vectors", "manifests", "payloads")


@dataclass(frozen=True, slots=True)
class Holding:
    """A kind of thing. `kept` is for how many days, 0 for ever; `oldest` is the day of the oldest, None where there is
    nothing; `goes` is the day on which that becomes too old, None where it never does. Days count from 1970-01-01
    (UTC)."""

    what: str
    kept: int
    oldest: int | None
    goes: int | None


class Holdings:
    """Of a store. `clock` gives UTC microseconds. Blocks on the database."""

    def __init__(self, store: Store, clock: Callable[[], int] = now_us) -> None:
        self._store = store
        self._clock = clock

    @property
    def today(self) -> int:
        return day_of(self._clock())

    def of(self, project: str, ages: RetentionConfig, days: Sequence[Size]) -> list[Holding]:
        """What is kept of a project, or for payloads, whose days (see `days`) hold all projects, at all."""
        t, q, r = traces.c, question_vectors.c, rollups.c
        by_day = self._store.observe.dialect.name == "postgresql"
        daily = (r.project_id == project) & (r.grain == "day") & (r.dimension == "all")
        return [
            _holding("payloads", ages.payloads, min((size.day for size in days), default=None)),
            _holding("questions", ages.payloads, self._first(q.at_us, q.project_id == project)),
            _holding("traces", ages.spans, self._first(t.start_us, t.project_id == project), whole_days=by_day),
            _holding("rollups", ages.rollups, self._first(r.at, daily, unit=1)),
        ]

    def days(self) -> list[Size]:
        """The bytes of the payloads of each day, of all projects, oldest first."""
        with self._store.observe.connect() as connection:
            return self._store.payloads.sizes(connection)

    def records(self) -> int:
        """The bytes of everything else: spans, traces, scores and rollups of all projects."""
        with self._store.observe.connect() as connection:
            if connection.dialect.name == "sqlite":
                pages, size = (connection.scalar(text(f"PRAGMA {name}")) for name in ("page_count", "page_size"))
                return int(pages or 0) * int(size or 0)
            sizes = ", ".join(f"(to_regclass('{name}'))" for name in _NAMES)
            query = f"SELECT sum(pg_total_relation_size(name)) FROM (VALUES {sizes}) AS kept(name)"
            return int(connection.scalar(text(query)) or 0) + span_days.size(connection)

    def _first(self, column: ColumnElement[int], where: ColumnElement[bool], unit: int = 86_400_000_000) -> int | None:
        with self._store.observe.connect() as connection:
            first = connection.scalar(select(func.min(column)).where(where))
        return None if first is None else int(first) // unit


def _holding(what: str, kept: int, oldest: int | None, *, whole_days: bool = True) -> Holding:
    """Where whole days go, they go when the last moment of them is too old."""
    return Holding(what, kept, oldest, None if oldest is None or not kept else oldest + kept + whole_days)
