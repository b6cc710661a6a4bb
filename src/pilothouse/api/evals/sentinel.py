"""`/api/evals/sentinel`: golden calls to every deployment, and whether one answers otherwise than before."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.api.caller import By, InProject
from pilothouse.lifecycle.sentinel.standing import Standing, reading_json
from pilothouse.types import Json

__all__ = ["routes"]

_Deployment = Annotated[str, Field(min_length=1, max_length=600, pattern=r"^[^\x00]*$")]


class _Accepted(Strict):
    """The deployment whose present answers are to be the usual ones."""

    deployment: _Deployment


def routes(standing: Standing) -> APIRouter:
    """The routes over these rooms."""
    router = APIRouter(prefix="/api/evals/sentinel", tags=["evals"])

    @router.get("")
    def show(project: InProject) -> Json:
        """The sentinel as configured, what it spent today (`spent_nano` of `budget_nano`, UTC), and its `deployments`:
        learning, watching or changed; the `evidence` for a change, of which an alert comes at `false_alarms`; what
        differs since when, with examples."""
        return standing.shown(project)

    @router.get("/readings")
    def list_readings(
        project: InProject,
        deployment: _Deployment,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=0, lt=2**62, description="`at_us` of the last run seen.")] = None,
    ) -> list[Json]:
        """The runs of a deployment with their answers by prompt, the newest first."""
        return [reading_json(one) for one in standing.readings(project, deployment, limit, before)]

    @router.post("/accept")
    async def accept(project: InProject, by: By, body: _Accepted) -> Json:
        """Take what a deployment that has changed answers now for usual: its alert ends, and the runs since the change
        begin a new baseline."""
        state = await asyncio.to_thread(standing.accept, by, project, body.deployment)
        return {"deployment": state.deployment, "status": state.status, "since_us": state.since_us}

    return router
