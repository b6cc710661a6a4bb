"""Drift by day, kept: each ended day of a project compared with those before it, once. Knows nothing of rules.

A day is compared some hours after it has ended, when what came late is there. What was found stays as it is: later
changes of that day, by late spans or by deletions, do not change it.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy import select

from pilothouse.ids import now_us
from pilothouse.observe.compared import Compared, Kind, compare_inputs, compare_outputs
from pilothouse.observe.questions import Questions
from pilothouse.storage.database import Store, writing
from pilothouse.storage.tables import drifts, insert_new

__all__ = ["DayDrift", "Drifts"]

_DAY_US = 86_400_000_000
_GRACE_US = 3 * 3_600_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_BACK = 7  # days that are made up for, where no server ran
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


class Drifts:
    """Of a store. Blocks on the database, and computes for up to a second."""

    def __init__(self, store: Store, clock: Callable[[], int] = now_us) -> None:
        self._store = store
        self._questions = Questions(store)
        self._clock = clock
        self._done: set[tuple[str, int]] = set()

    def between(self, project: str, first: int, last: int) -> list[DayDrift]:
        """What was found for the days from `first` to `last`, the newest first, inputs before outputs."""
        query = select(drifts).where(_C.project_id == project, _C.day.between(first, last))
        with self._store.observe.connect() as connection:
            rows = connection.execute(query.order_by(_C.day.desc(), _C.kind, _C.measure)).mappings()
            return [DayDrift(**{name: row[name] for name in DayDrift.__slots__}) for row in rows]

    def catch_up(self, projects: Iterable[str]) -> int:
        """Compare the ended days that were not yet, up to a week back, until one has something to tell; how many days
        that were looked at."""
        last = (self._clock() - _GRACE_US) // _DAY_US - 1
        owed = range(last - _BACK + 1, last + 1)
        self._done = {(project, day) for project, day in self._done if day in owed}
        looked = 0
        for project in projects:
            missing = [day for day in owed if (project, day) not in self._done]
            told = self._told(project, missing)
            for day in missing:
                found = [] if day in told else self._compare(project, day)
                self._done.add((project, day))
                looked += 1
                if found:
                    return looked
        return looked

    def _told(self, project: str, days: list[int]) -> set[int]:
        if not days:
            return set()
        query = select(_C.day).distinct().where(_C.project_id == project, _C.day.between(days[0], days[-1]))
        with self._store.observe.connect() as connection:
            return set(connection.execute(query).scalars())

    def _compare(self, project: str, day: int) -> list[Compared]:
        inputs = compare_inputs(self._questions, project, day)
        with self._store.observe.connect() as connection:
            found = compare_outputs(connection, project, day)
        if inputs is not None:
            found.insert(0, inputs)
        rows = [_row(project, day, one) for one in found]
        if rows:
            with writing(self._store.observe) as connection:
                connection.execute(insert_new(connection, drifts), rows)
        return found


def _row(project: str, day: int, found: Compared) -> dict[str, object]:
    return {
        "project_id": project, "day": day, "kind": found.kind, "measure": found.measure, **asdict(found.drift),
        "samples": found.samples, "earlier": found.earlier, "days": found.days,
    }  # fmt: skip
