"""Work that comes again: a cron expression and the job it enqueues. Knows nothing of who runs the job."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.engine import Engine

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import NotFound
from pilothouse.ids import now_us
from pilothouse.storage.cron import Cron
from pilothouse.storage.database import writing
from pilothouse.storage.jobs import Job, add_job
from pilothouse.storage.tables import schedules, upsert
from pilothouse.types import Json

__all__ = ["Schedule", "Schedules"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When `task` is enqueued with `payload`: `cron` in UTC, next at `next_us`, last at `last_us`."""

    project_id: str
    name: str
    cron: str
    task: str
    payload: Json
    next_us: int
    last_us: int | None


class Schedules:
    """The schedules in the control database. `clock` gives UTC microseconds."""

    def __init__(self, engine: Engine, clock: Callable[[], int] = now_us) -> None:
        self._engine = engine
        self._clock = clock

    def put(self, name: str, cron: str, task: str, payload: Json, *, project_id: str = DEFAULT_PROJECT) -> Schedule:
        """Create or replace a schedule. Raises InvalidRequest for a cron expression that cannot be read."""
        schedule = Schedule(
            project_id, name, cron, task, payload, next_us=Cron.parse(cron).next_after(self._clock()), last_us=None
        )
        row = {field: getattr(schedule, field) for field in Schedule.__slots__}
        with self._engine.begin() as connection:
            statement = upsert(connection, schedules)
            connection.execute(statement, row | {"payload": msgspec.json.encode(payload).decode()})
        return schedule

    def list(self, *, project_id: str = DEFAULT_PROJECT) -> Sequence[Schedule]:
        query = select(schedules).where(schedules.c.project_id == project_id).order_by(schedules.c.name)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [Schedule(**{**row, "payload": msgspec.json.decode(row["payload"])}) for row in rows]

    def remove(self, name: str, *, project_id: str = DEFAULT_PROJECT) -> None:
        """Jobs already enqueued stay. Raises NotFound."""
        here = (schedules.c.project_id == project_id, schedules.c.name == name)
        with self._engine.begin() as connection:
            if connection.execute(delete(schedules).where(*here)).rowcount == 0:
                raise NotFound(f"There is no schedule '{name}'.", param="name")

    def fire_due(self) -> Sequence[Job]:
        """Enqueue the jobs of all due schedules; called by every worker, and each firing happens once.

        Times missed while nobody ran are made up for by one job, and while the job of the last firing is still queued
        or running no second one is added.
        """
        now = self._clock()
        due = select(schedules).where(schedules.c.next_us <= now)
        with self._engine.connect() as connection:
            if connection.execute(due.limit(1)).one_or_none() is None:
                return []
        fired = []
        with writing(self._engine) as connection:
            for row in connection.execute(due.with_for_update(skip_locked=True)).all():
                job = add_job(
                    connection, row.task, msgspec.json.decode(row.payload), at_us=now, project_id=row.project_id,
                    dedupe_key=f"schedule:{row.name}",
                )  # fmt: skip
                fired.append(job)
                here = (schedules.c.project_id == row.project_id, schedules.c.name == row.name)
                times = {"last_us": now, "next_us": Cron.parse(row.cron).next_after(now)}
                connection.execute(update(schedules).where(*here).values(times))
        return fired
