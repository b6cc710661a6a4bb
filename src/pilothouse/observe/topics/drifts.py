"""Drift by day, kept: each ended day of a project compared with those before it, once. Knows nothing of rules.

A day is compared some hours after it has ended, when what came late is there. What was found stays as it is: later
changes of that day, by late spans or by deletions, do not change it.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy import select

from pilothouse.ids import now_us
from pilothouse.observe.topics.compared import Compared, Kind, compare_inputs, compare_outputs
from pilothouse.observe.topics.questions import Questions
from pilothouse.storage.database import Store, writing
from pilothouse.storage.tables import drifts, insert_new, topic_states
from pilothouse.types import Json

__all__ = ["DayDrift", "Drifts"]

_DAY_US = 86_400_000_000
_GRACE_US = 3 * 3_600_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_BACK = 7  # days that are made up for, where no server ran
_KINDS: tuple[Kind, ...] = ("input", "output")
_C = drifts.c


@dataclass(frozen=True, slots=True)
class DayDrift:
    """A row of `drifts`: `day` counts from 1970-01-01 (UTC), the numbers are those of stats.drift.Drift."""

    day: int
    kind: Kind
    measure: str
    statistic: float
    p: float
    effect: float
    usual: float
    furthest: float
    samples: int
    earlier: int
    days: int

    @property
    def date(self) -> str:
        """The day, as 2026-11-27."""
        return str(date.fromordinal(_EPOCH + self.day))

    def to_json(self) -> Json:
        """All fields, with the day as a date."""
        return asdict(self) | {"day": self.date}


class Drifts:
    """Of a store. Blocks on the database, and computes for up to a second."""

    def __init__(self, store: Store, clock: Callable[[], int] = now_us) -> None:
        self._store = store
        self._questions = Questions(store)
        self._clock = clock
        self._done: set[tuple[str, int, Kind]] = set()

    def between(self, project: str, first: int, last: int) -> list[DayDrift]:
        """What was found for the days from `first` to `last`, the newest first, inputs before outputs."""
        query = select(drifts).where(_C.project_id == project, _C.day.between(first, last))
        with self._store.observe.connect() as connection:
            rows = connection.execute(query.order_by(_C.day.desc(), _C.kind, _C.measure)).mappings()
            return [DayDrift(**{name: row[name] for name in DayDrift.__slots__}) for row in rows]

    def last(self, project: str, days: int) -> list[DayDrift]:
        """The same for the last so many days, today included."""
        today = self._clock() // _DAY_US
        return self.between(project, today - days + 1, today)

    def catch_up(self, projects: Iterable[str]) -> int:
        """Compare the ended days that were not yet, up to a week back, until there is something to tell; how many days
        were looked at. The inputs of a day wait until its questions are there."""
        last = (self._clock() - _GRACE_US) // _DAY_US - 1
        owed = range(last - _BACK + 1, last + 1)
        self._done = {place for place in self._done if place[1] in owed}
        looked = 0
        for project in projects:
            missing = [(day, kind) for day in owed for kind in _KINDS if (project, day, kind) not in self._done]
            if not missing:
                continue
            told, asked_until = self._progress(project, owed)
            for day, kind in missing:
                if kind == "input" and asked_until < (day + 1) * _DAY_US:
                    continue
                found = [] if (day, kind) in told else self._compare(project, day, kind)
                self._done.add((project, day, kind))
                looked += 1
                if found:
                    return looked
        return looked

    def _progress(self, project: str, days: range) -> tuple[set[tuple[int, Kind]], int]:
        """What was compared of these days, and until when the project's questions were gone through."""
        query = select(_C.day, _C.kind).distinct().where(_C.project_id == project, _C.day.between(days[0], days[-1]))
        state = select(topic_states.c.cursor_us).where(topic_states.c.project_id == project)
        with self._store.observe.connect() as connection:
            told = {(row.day, row.kind) for row in connection.execute(query)}
            return told, connection.scalar(state) or 0

    def _compare(self, project: str, day: int, kind: Kind) -> list[Compared]:
        if kind == "input":
            asked = compare_inputs(self._questions, project, day)
            found = [] if asked is None else [asked]
        else:
            with self._store.observe.connect() as connection:
                found = compare_outputs(connection, project, day)
        if found:
            with writing(self._store.observe) as connection:
                connection.execute(insert_new(connection, drifts), [_row(project, day, one) for one in found])
        return found


def _row(project: str, day: int, found: Compared) -> dict[str, object]:
    return {
        "project_id": project, "day": day, "kind": found.kind, "measure": found.measure, **asdict(found.drift),
        "samples": found.samples, "earlier": found.earlier, "days": found.days,
    }  # fmt: skip
