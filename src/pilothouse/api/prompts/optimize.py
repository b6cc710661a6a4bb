"""`/api/prompts/{name}/optimize`: a better version looked for, as a job."""

from typing import Any

from fastapi import APIRouter, Body

from pilothouse.api.caller import By, Caller, InProject
from pilothouse.lifecycle.optimizing.queueing import Searching
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import Jobs, Store
from pilothouse.types import Json

__all__ = ["routes"]


def routes(store: Store, prompts: Prompts, jobs: Jobs, settings: Settings) -> APIRouter:
    """The route over the registry, worked on by `jobs`."""
    router = APIRouter(prefix="/api/prompts", tags=["prompts"])
    searching = Searching(store, prompts, jobs, settings)

    @router.post("/{name:path}/optimize", status_code=202)
    def optimize_prompt(
        name: str, caller: Caller, project: InProject, by: By, body: dict[str, Any] = Body(),  # noqa: B008 - FastAPI's way
    ) -> Json:  # fmt: skip
        """Propose versions on the train cases of `dataset` (few-shot `examples` by coverage; templates that
        `rewrite_model` writes), and hold the best against the version that there is on held-out cases, by `metric`. It
        is kept without a label where it is ahead. `max_cost_usd` (5) bounds all that is asked. Follow the job at
        `/api/jobs/{id}`. The caller's policy, limits and budgets hold."""
        return searching.ask(project, name, body, caller, by).to_json()

    return router
