"""Searches for better versions as jobs: how the API and the console order one, and look at those that were ordered."""

from collections.abc import Sequence

from pilothouse.access import Actor
from pilothouse.lifecycle.optimizing.order import optimize_order
from pilothouse.lifecycle.optimizing.start import start_of
from pilothouse.lifecycle.prompting.queueing import job_of, queued
from pilothouse.principal import Principal
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import Jobs, Store
from pilothouse.storage.jobs import Job
from pilothouse.types import Json

__all__ = ["TASK", "Searching"]

TASK = "prompts.optimize"
_READ = 50


class Searching:
    """Over this registry, by this queue; the worker opens the installation of `settings`."""

    def __init__(self, store: Store, prompts: Prompts, jobs: Jobs, settings: Settings) -> None:
        self._store, self._prompts, self._jobs, self._settings = store, prompts, jobs, settings

    def ask(self, project: str, name: str, body: Json, caller: Principal, by: Actor) -> Job:
        """Queue what `optimize_order` reads from `body`, in the caller's name: their policy, limits and budgets hold.
        Raises ConfigError, InvalidRequest and NotFound for what cannot be looked for."""
        order = optimize_order(name, body)
        start_of(self._store, self._prompts, project, name, order)
        return queued(self._jobs, self._settings, TASK, project, name, body, caller, by)

    def job(self, project: str, name: str, job_id: str) -> Job | None:
        """A search of this prompt by its job's id; None where there is none."""
        return job_of(self._jobs, TASK, project, name, job_id)

    def recent(self, project: str, name: str) -> Sequence[Job]:
        """Those of this prompt among the newest of the project, the newest first."""
        found = self._jobs.list(project_id=project, task=TASK, limit=_READ)
        return [one for one in found if one.payload.get("name") == name]
