"""The durable queue, as those see it who give work: enqueue, look, wait, cancel. What workers do is in `leases.py`.

A job is a task's name and a JSON payload. It is queued, then running under a lease, then done, failed (its last attempt
failed: a dead letter that keeps its error) or cancelled.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Row, delete, func, insert, or_, select, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import NotFound
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import writing
from pilothouse.storage.tables import insert_new, jobs
from pilothouse.types import Json

__all__ = ["FINISHED", "Job", "Jobs", "Status", "add_job", "job_from"]

Status = Literal["queued", "running", "done", "failed", "cancelled"]
FINISHED: tuple[Status, ...] = ("done", "failed", "cancelled")

_INTERNAL = ("lease", "lease_until_us", "dedupe_key")
_ACTIVE: tuple[Status, ...] = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the queue, as it was when read. `done` of `total` steps are finished; times in UTC microseconds.

    `lease` names the claim under which it runs. Higher `priority` runs first, the older job first within one.
    """

    project_id: str
    id: str
    task: str
    payload: Json
    status: Status
    priority: int
    attempts: int
    max_attempts: int
    run_at_us: int
    dedupe_key: str | None
    lease: str | None
    lease_until_us: int | None
    cancel_requested: bool
    done: int
    total: int
    note: str
    result: Any
    error: str | None
    traceback: str | None
    created_us: int
    started_us: int | None
    finished_us: int | None

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    def to_json(self) -> Json:
        """What those see who gave the work: everything but what only workers need."""
        return {name: value for name, value in asdict(self).items() if name not in _INTERNAL}


class Jobs:
    """The queue in the control database. `clock` gives UTC microseconds."""

    def __init__(self, engine: Engine, clock: Callable[[], int] = now_us) -> None:
        self._engine = engine
        self._clock = clock

    def enqueue(
        self,
        task: str,
        payload: Json,
        *,
        project_id: str = DEFAULT_PROJECT,
        priority: int = 0,
        max_attempts: int = 3,
        run_at_us: int | None = None,
        dedupe_key: str | None = None,
    ) -> Job:
        """Add a job, not to run before `run_at_us` (now when left out).

        While a job with the same `dedupe_key` is queued or running in the project, that one is returned instead.
        """
        with writing(self._engine) as connection:
            return add_job(
                connection, task, payload, at_us=self._clock(), project_id=project_id, priority=priority,
                max_attempts=max_attempts, run_at_us=run_at_us, dedupe_key=dedupe_key,
            )  # fmt: skip

    def get(self, job_id: str, *, project_id: str = DEFAULT_PROJECT) -> Job:
        """Raises NotFound."""
        with self._engine.connect() as connection:
            row = connection.execute(select(jobs).where(*_is(project_id, job_id))).one_or_none()
        if row is None:
            raise NotFound(f"There is no job '{job_id}'. `pilothouse jobs list` shows those there are.", param="job_id")
        return job_from(row)

    def list(
        self, *, project_id: str = DEFAULT_PROJECT, status: Status | None = None, task: str | None = None,
        limit: int = 50, before: str | None = None,
    ) -> Sequence[Job]:  # fmt: skip
        """The newest jobs first, all or those of a `task`; `before` is the last id of the page already seen."""
        query = select(jobs).where(jobs.c.project_id == project_id).order_by(jobs.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(jobs.c.status == status)
        if task is not None:
            query = query.where(jobs.c.task == task)
        if before is not None:
            query = query.where(jobs.c.id < before)
        with self._engine.connect() as connection:
            return [job_from(row) for row in connection.execute(query)]

    def cancel(self, job_id: str, *, project_id: str = DEFAULT_PROJECT) -> Job:
        """Cancel a queued job at once; ask a running one to stop, which its worker does. A finished one stays.

        Raises NotFound.
        """
        here = _is(project_id, job_id)
        with writing(self._engine) as connection:
            ended = {"status": "cancelled", "finished_us": self._clock(), "cancel_requested": True}
            connection.execute(update(jobs).where(*here, jobs.c.status == "queued").values(ended))
            connection.execute(update(jobs).where(*here, jobs.c.status == "running").values(cancel_requested=True))
        return self.get(job_id, project_id=project_id)

    def wait(
        self, job_id: str, *, timeout: float | None = None, project_id: str = DEFAULT_PROJECT, poll: float = 0.1
    ) -> Job:
        """Block until the job is finished, or for `timeout` seconds; look at `finished` to tell. Raises NotFound."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not (job := self.get(job_id, project_id=project_id)).finished:
            if deadline is not None and time.monotonic() >= deadline:
                break
            time.sleep(poll)
        return job

    def pending(self) -> int:
        """How many jobs of all projects run, are due, or wait for their next attempt."""
        due = (jobs.c.status == "queued") & ((jobs.c.run_at_us <= self._clock()) | (jobs.c.attempts > 0))
        query = select(func.count()).select_from(jobs).where(or_(jobs.c.status == "running", due))
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def purge(self, finished_before_us: int) -> int:
        """Delete the jobs of all projects that finished before then; returns how many."""
        old = (jobs.c.status.in_(FINISHED), jobs.c.finished_us < finished_before_us)
        with self._engine.begin() as connection:
            return connection.execute(delete(jobs).where(*old)).rowcount


def add_job(
    connection: Connection, task: str, payload: Json, *, at_us: int, project_id: str, priority: int = 0,
    max_attempts: int = 3, run_at_us: int | None = None, dedupe_key: str | None = None,
) -> Job:  # fmt: skip
    """`Jobs.enqueue` inside the caller's transaction."""
    row: Json = {
        "project_id": project_id, "id": new_id(at_us), "task": task, "payload": msgspec.json.encode(payload).decode(),
        "status": "queued", "priority": priority, "attempts": 0, "max_attempts": max_attempts,
        "run_at_us": at_us if run_at_us is None else run_at_us, "dedupe_key": dedupe_key, "cancel_requested": False,
        "done": 0, "total": 0, "note": "", "created_us": at_us,
    }  # fmt: skip
    if dedupe_key is None:
        connection.execute(insert(jobs), row)
        return job_from(connection.execute(select(jobs).where(*_is(project_id, row["id"]))).one())
    while True:  # the twin may finish between the two statements
        connection.execute(insert_new(connection, jobs), row)
        mine_or_twin = (
            jobs.c.project_id == project_id, jobs.c.dedupe_key == dedupe_key, jobs.c.status.in_(_ACTIVE),
        )  # fmt: skip
        found = connection.execute(select(jobs).where(*mine_or_twin)).one_or_none()
        if found is not None:
            return job_from(found)


def job_from(row: Row[Any]) -> Job:
    """A Job from a whole row of the table."""
    values = dict(row._mapping)
    values["payload"] = msgspec.json.decode(values["payload"])
    values["result"] = None if values["result"] is None else msgspec.json.decode(values["result"])
    return Job(**values)


def _is(project_id: str, job_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return jobs.c.project_id == project_id, jobs.c.id == job_id
