"""The durable queue, as workers see it: claim a job, keep the claim alive, say how it ended.

A claim is a lease with a name of its own and an end. Every later word about the job carries that name, so that a worker
that was given up for dead and wakes up again cannot touch what another took over. Clocks of hosts differ and are set,
and while a database is away nobody can renew: so a lease that has run out is watched for a while before it is over.
Knows nothing of processes.
"""

import time
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, select, tuple_, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import writing
from pilothouse.storage.jobs import Job, job_from
from pilothouse.storage.tables import jobs

__all__ = ["Leases", "Standing", "backoff_us"]

Standing = Literal["held", "cancel", "lost"]

_SECOND = 1_000_000
_SILENT = "Its worker fell silent: it was killed, or its machine is gone."


def backoff_us(attempts: int) -> int:
    """How long to wait after this many failed attempts: 2 s, doubled each time, at most 10 minutes."""
    return min(2 * _SECOND << min(attempts - 1, 20), 600 * _SECOND)


class Leases:
    """Claims on jobs. `seconds` is how long one lasts without renewal, `backoff` the wait between attempts.

    `patience` (seconds; a sixth of a lease where left out) is how long whoever reclaims has to see a lease run out and
    not renewed, by `stopwatch`.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        seconds: float = 30.0,
        patience: float | None = None,
        clock: Callable[[], int] = now_us,
        stopwatch: Callable[[], float] = time.monotonic,
        backoff: Callable[[int], int] = backoff_us,
    ) -> None:
        self._engine = engine
        self._length_us = int(seconds * _SECOND)
        self._clock = clock
        self._backoff = backoff
        self._patience = seconds / 6 if patience is None else patience
        self._stopwatch = stopwatch
        self._silent: dict[tuple[str, int], float] = {}

    def claim(self) -> Job | None:
        """The next due job, now running under a lease of ours; None when nothing is due."""
        now = self._clock()
        due = (jobs.c.status == "queued", jobs.c.run_at_us <= now)
        first = select(jobs).where(*due).order_by(jobs.c.priority.desc(), jobs.c.id).limit(1)
        with self._engine.connect() as connection:
            if connection.execute(first).one_or_none() is None:
                return None
        with writing(self._engine) as connection:
            row = connection.execute(first.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            taken = {
                "status": "running", "lease": new_id(), "lease_until_us": now + self._length_us,
                "attempts": row.attempts + 1, "started_us": now, "error": None, "traceback": None,
            }  # fmt: skip
            job = job_from(row)
            return job_from(connection.execute(update(jobs).where(*_is(job)).values(taken).returning(*jobs.c)).one())

    def renew(self, job: Job, done: int, total: int, note: str) -> Standing:
        """Extend the lease and note the progress; tells whether the job is still ours and should go on."""
        values = {"lease_until_us": self._clock() + self._length_us, "done": done, "total": total, "note": note}
        with self._engine.begin() as connection:
            renewed = update(jobs).where(*_held(job)).values(values).returning(jobs.c.cancel_requested)
            row = connection.execute(renewed).one_or_none()
        if row is None:
            return "lost"
        return "cancel" if row.cancel_requested else "held"

    def finish(self, job: Job, result: Any) -> bool:
        """It is done. False when the lease was lost meanwhile: then nothing changes, here and below."""
        encoded = msgspec.json.encode(result).decode()
        with writing(self._engine) as connection:
            values = {"status": "done", "result": encoded, "finished_us": self._clock()}
            return self._end(connection, job, values)

    def fail(self, job: Job, error: str, traceback: str | None = None, *, retry: bool = True) -> bool:
        """This attempt failed: try again later, or keep it as a dead letter after the last attempt."""
        with writing(self._engine) as connection:
            return self._fail(connection, job, error, traceback, retry=retry)

    def cancelled(self, job: Job) -> bool:
        """It stopped because it was asked to."""
        with writing(self._engine) as connection:
            return self._end(connection, job, {"status": "cancelled", "finished_us": self._clock()})

    def release(self, job: Job) -> bool:
        """Put it back as if it had never been claimed: this worker shuts down."""
        with writing(self._engine) as connection:
            return self._end(connection, job, {"status": "queued", "attempts": job.attempts - 1})

    def reclaim(self) -> int:
        """Take the jobs back whose workers fell silent: each counts as a failed attempt. Returns how many."""
        expired = (jobs.c.status == "running", jobs.c.lease_until_us < self._clock())
        with self._engine.connect() as connection:
            found = connection.execute(select(jobs.c.lease, jobs.c.lease_until_us).where(*expired)).all()
        now = self._stopwatch()
        self._silent = {(row.lease, row.lease_until_us): self._silent.get(tuple(row), now) for row in found}
        over = [lease for lease, since in self._silent.items() if now - since >= self._patience]
        if not over:
            return 0
        wanted = (*expired, tuple_(jobs.c.lease, jobs.c.lease_until_us).in_(over))
        with writing(self._engine) as connection:
            rows = connection.execute(select(jobs).where(*wanted).with_for_update(skip_locked=True)).all()
            for job in map(job_from, rows):
                self._fail(connection, job, _SILENT, None, retry=True)
            return len(rows)

    def _fail(self, connection: Connection, job: Job, error: str, traceback: str | None, *, retry: bool) -> bool:
        now = self._clock()
        values: dict[str, Any] = {"error": error, "traceback": traceback}
        if retry and job.attempts < job.max_attempts:
            values |= {"status": "queued", "run_at_us": now + self._backoff(job.attempts)}
        else:
            values |= {"status": "failed", "finished_us": now}
        return self._end(connection, job, values)

    def _end(self, connection: Connection, job: Job, values: dict[str, Any]) -> bool:
        """Give up the lease. A job that goes back to the queue but was asked to stop is not tried again."""
        ended = update(jobs).where(*_held(job)).values(lease=None, lease_until_us=None, **values)
        if connection.execute(ended).rowcount == 0:
            return False
        stopped = (*_is(job), jobs.c.status == "queued", jobs.c.cancel_requested)
        connection.execute(update(jobs).where(*stopped).values(status="cancelled", finished_us=self._clock()))
        return True


def _is(job: Job) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.project_id == job.project_id, jobs.c.id == job.id


def _held(job: Job) -> tuple[ColumnElement[bool], ...]:
    """The job's row, while the lease under which it was claimed is the one that counts."""
    return *_is(job), jobs.c.status == "running", jobs.c.lease == job.lease
