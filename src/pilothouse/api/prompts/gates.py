"""`/api/prompts/{name}/evaluate`, `/verdicts` and `/watch`: versions held against others, before and in production."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query

from pilothouse.api.caller import By, Caller, InProject
from pilothouse.lifecycle.prompting.gate import PromptGate
from pilothouse.lifecycle.prompting.queueing import Judging
from pilothouse.lifecycle.prompting.watch import VersionWatch
from pilothouse.settings import Settings
from pilothouse.storage import Jobs
from pilothouse.types import Json

__all__ = ["routes"]

_Limit = Annotated[int, Query(ge=1, le=500)]
_Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


def routes(gate: PromptGate, watch: VersionWatch, jobs: Jobs, settings: Settings) -> APIRouter:
    """The routes over the verdicts of an installation, worked on by `jobs`."""
    router = APIRouter(prefix="/api/prompts", tags=["prompts"])
    judging = Judging(gate, jobs, settings)

    @router.post("/{name:path}/evaluate", status_code=202)
    def evaluate_prompt(
        name: str, caller: Caller, project: InProject, by: By, body: dict[str, Any] = Body(default_factory=dict),  # noqa: B008 - FastAPI's way
    ) -> Json:  # fmt: skip
        """Judge `version` (left out, the newest) by the suite that protects `label` (`production`), beside the version
        that the label has now; or by `rule`, a suite or an entry of prompts.protected, or on `cases`: such a verdict
        opens no protected label. Follow the job at `/api/jobs/{id}`: its `result` is the verdict. The caller's policy,
        limits and budgets hold."""
        return judging.ask(project, name, body, caller, by).to_json()

    @router.get("/{name:path}/verdicts")
    def list_verdicts(
        name: str, project: InProject, version: _Number = None, limit: _Limit = 50, before: str | None = None
    ) -> Json:
        """What evaluations decided, the newest first, of one `version` or of all: `reasons` are against it, in
        sentences. Hand `next` back as `before`."""
        found = gate.list(project, name, version=version, before=before, limit=limit)
        next_page = found[-1].id if len(found) == limit else None
        return {"data": [one.to_json() for one in found], "next": next_page}

    @router.get("/{name:path}/watch")
    def show_watch(name: str, project: InProject) -> Json:
        """How the version of each watched label does in production beside the one before it, as of the last look:
        `figures` by metric, `says` what got worse, the alert that is open, and whether the label went back."""
        gate.list(project, name, limit=1)
        return {"data": [one.to_json() for one in watch.watches.of(project, name)]}

    @router.post("/{name:path}/watch")
    def look(name: str, project: InProject) -> Json:
        """Look now, and do what is to be done. A server looks by itself, more seldom the longer a version is there."""
        gate.list(project, name, limit=1)
        watch.tick(now=True, project=project, name=name)
        return show_watch(name, project)

    return router
