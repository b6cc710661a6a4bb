"""Runs jobs on this machine, each in a process of its own. Another executor needs only `Leases` and the same tasks.

A job whose process dies has failed that attempt and is tried again. When this process dies, its children die with it
and their leases run out, so that another executor takes their jobs.
"""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Self

from sqlalchemy.engine import Engine

from pilothouse.errors import StorageError
from pilothouse.ids import now_us
from pilothouse.storage.child import Child
from pilothouse.storage.jobs import Job, Jobs
from pilothouse.storage.leases import Leases, Standing
from pilothouse.storage.schedules import Schedules
from pilothouse.storage.trouble import Trouble
from pilothouse.types import Json

__all__ = ["LocalExecutor"]

_logger = logging.getLogger(__name__)

_PURGE_SECONDS = 3600.0
_DAY_US = 86_400_000_000


class LocalExecutor:
    """Up to `processes` jobs at once. Times in seconds; `keep_days` is how long finished jobs are kept.

    `tasks` names more tasks than the plugins of `pilothouse.tasks`: {"name": "module:function"}. `beat` is how often a
    lease is renewed and a wish to cancel noticed, `poll` how often the queue is looked at, `cancel_grace` how long a
    job that was asked to stop may take before its process is killed.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        processes: int = 2,
        tasks: Mapping[str, str] | None = None,
        leases: Leases | None = None,
        poll: float = 0.5,
        beat: float = 1.0,
        cancel_grace: float = 10.0,
        keep_days: float = 30.0,
    ) -> None:
        self._jobs = Jobs(engine)
        self._leases = leases or Leases(engine)
        self._schedules = Schedules(engine)
        self._tasks = dict(tasks or {})
        self._processes = processes
        self._poll = poll
        self._beat = beat
        self._cancel_grace = cancel_grace
        self._keep_us = int(keep_days * _DAY_US)
        self._stopping = threading.Event()
        self._aborting = threading.Event()
        self._threads: list[threading.Thread] = []
        self._keeping, self._claiming, self._renewing = Trouble(_logger), Trouble(_logger), Trouble(_logger)

    def start(self) -> None:
        """Begin to take jobs, on threads of its own."""
        if self._threads:
            return
        self._stopping.clear()
        self._aborting.clear()
        loops = [("jobs-keeper", self._keep), *((f"jobs-{n}", self._work) for n in range(self._processes))]
        self._threads = [threading.Thread(target=loop, name=name, daemon=True) for name, loop in loops]
        for thread in self._threads:
            thread.start()

    def stop(self, grace: float = 30.0) -> None:
        """Take no more jobs; those that run may finish for `grace` seconds, then they go back to the queue."""
        self._stopping.set()
        deadline = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._aborting.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def run_until_idle(self) -> None:
        """Work until nothing runs, is due or waits for another attempt; for command lines and tests."""
        with self:
            while self._jobs.pending():
                self._stopping.wait(self._poll)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop(30.0 if kind is None else 0.0)

    def _keep(self) -> None:
        """Fire schedules, take back the jobs of dead workers, forget old ones."""
        purge_at = 0.0
        while not self._stopping.is_set():
            try:
                self._schedules.fire_due()
                self._leases.reclaim()
                if time.monotonic() >= purge_at:
                    purge_at = time.monotonic() + _PURGE_SECONDS
                    self._jobs.purge(now_us() - self._keep_us)
            except StorageError as error:
                self._keeping.note("The job queue cannot be kept in order: %s", error)
            except Exception as error:
                if self._keeping.is_new(error):
                    _logger.exception("The job queue cannot be kept in order")
            else:
                self._keeping.over()
            self._stopping.wait(self._poll)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                job = self._leases.claim()
                self._claiming.over()
                if job is not None:
                    self._run(job)
                    continue
            except StorageError as error:
                self._claiming.note("No job can be claimed: %s", error)
            except Exception as error:
                if self._claiming.is_new(error):
                    _logger.exception("A job cannot be run; it is tried again when its lease has run out")
            self._stopping.wait(self._poll)

    def _run(self, job: Job) -> None:
        """One attempt, from the start of its process to the word in the database about how it ended."""
        try:
            with Child(job, self._tasks.get(job.task)) as child:
                outcome = self._watch(job, child)
        except OSError as error:
            outcome = {"error": f"No process can be started for it: {error}"}
        settling = Trouble(_logger)
        while True:
            try:
                return self._settle(job, outcome)
            except StorageError as error:
                settling.note("Job %s has ended, but the database does not take it yet: %s", job.id, error)
                if self._aborting.wait(self._beat):
                    return None  # its lease runs out, and it is tried again

    def _watch(self, job: Job, child: Child) -> Json:
        """Follow the process to its end. The outcome is its last message, or one of {released}, {lost}."""
        progress: tuple[int, int, str] = (job.done, job.total, job.note)
        kill_at: float | None = None
        beat_at = 0.0
        while True:
            now = time.monotonic()
            if self._aborting.is_set():
                return {"released": True}
            if kill_at is not None and now >= kill_at:
                return {"stopped": True}
            if now >= beat_at:
                beat_at = now + self._beat
                standing = self._renew(job, progress)
                if standing == "lost":
                    return {"lost": True}
                if standing == "cancel" and kill_at is None:
                    kill_at = now + self._cancel_grace
                    child.ask_to_stop()
            try:
                message = child.receive(max(0.0, beat_at - time.monotonic()))
            except EOFError:
                return {"error": child.cause_of_death()}
            if message is not None and "progress" in message:
                progress = tuple(message["progress"])
            elif message is not None:
                self._renew(job, progress)
                return message

    def _renew(self, job: Job, progress: tuple[int, int, str]) -> Standing:
        """Keep the lease; while the database is away, go on and hope to be back before it runs out."""
        try:
            standing = self._leases.renew(job, *progress)
        except StorageError as error:
            self._renewing.note("The lease of job %s cannot be renewed: %s", job.id, error)
            return "held"
        self._renewing.over()
        return standing

    def _settle(self, job: Job, outcome: Json) -> None:
        if "result" in outcome:
            self._leases.finish(job, outcome["result"])
        elif "stopped" in outcome:
            self._leases.cancelled(job)
        elif "released" in outcome:
            self._leases.release(job)
        elif "error" in outcome:
            self._leases.fail(job, outcome["error"], outcome.get("traceback"), retry=outcome.get("retry", True))
        else:
            _logger.warning("Job %s was taken over by another worker; its process here was ended.", job.id)
