"""Work on prompts as jobs: how the API and the console have a version judged, or a better one looked for."""

from pilothouse.access import Actor
from pilothouse.errors import NotFound
from pilothouse.ids import content_hash
from pilothouse.lifecycle.prompting.gate import PromptGate
from pilothouse.lifecycle.prompting.order import order_of
from pilothouse.principal import Principal
from pilothouse.settings import Settings
from pilothouse.storage import Jobs
from pilothouse.storage.jobs import Job
from pilothouse.types import Json

__all__ = ["TASK", "Judging", "job_of", "queued"]

TASK = "prompts.evaluate"


class Judging:
    """Over this gate, by this queue; the worker opens the installation of `settings`."""

    def __init__(self, gate: PromptGate, jobs: Jobs, settings: Settings) -> None:
        self._gate, self._jobs, self._settings = gate, jobs, settings

    def ask(self, project: str, name: str, body: Json, caller: Principal, by: Actor) -> Job:
        """Queue what `order_of` reads from `body`, in the caller's name: their policy, limits and budgets hold. Raises
        ConfigError, InvalidRequest and NotFound for what cannot be judged."""
        self._gate.planned(project, order_of(name, body))
        return queued(self._jobs, self._settings, TASK, project, name, body, caller, by)

    def job(self, project: str, name: str, job_id: str) -> Job | None:
        """An evaluation of this prompt by its job's id; None where there is none."""
        return job_of(self._jobs, TASK, project, name, job_id)

    def stop(self, project: str, name: str, job_id: str) -> Job | None:
        """Ask an evaluation, or a search, of this prompt to stop; None where there is none of this id."""
        try:
            found = self._jobs.get(job_id, project_id=project)
        except NotFound:
            return None
        ours = found.task.startswith("prompts.") and found.payload.get("name") == name
        return self._jobs.cancel(job_id, project_id=project) if ours else None


def job_of(jobs: Jobs, task: str, project: str, name: str, job_id: str) -> Job | None:
    """The job of this kind on this prompt; None where there is none of this id."""
    try:
        found = jobs.get(job_id, project_id=project)
    except NotFound:
        return None
    return found if found.task == task and found.payload.get("name") == name else None


def queued(
    jobs: Jobs, settings: Settings, task: str, project: str, name: str, body: Json, caller: Principal, by: Actor
) -> Job:
    """Queue work of this kind on a prompt, in the caller's name; `body` is its order, which was checked before. The
    same order of the same caller over a version that it names is not queued a second time while it waits or runs."""
    config = str(settings.config.absolute()) if settings.config.exists() else None
    payload = {
        "home": str(settings.home.absolute()), "config": config, "project": project, "name": name, "order": body,
        "key_id": "" if caller.everywhere else caller.key_id, "actor": by.name, "source": by.source,
    }  # fmt: skip
    twin = content_hash([task, payload]) if body.get("version") else None
    return jobs.enqueue(task, payload, project_id=project, max_attempts=1, dedupe_key=twin)
