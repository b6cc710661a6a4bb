"""`/api/evals/online`: the rules by which traffic is scored while a server runs, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.api.caller import InProject
from pilothouse.lifecycle.scoring.rooms import Scoring
from pilothouse.types import Json

__all__ = ["routes"]


def routes(scoring: Scoring) -> APIRouter:
    """The routes over these rooms."""
    router = APIRouter(prefix="/api/evals/online", tags=["evals"])

    @router.get("")
    def list_rules(project: InProject, days: Annotated[int, Query(ge=1, le=90)] = 7) -> list[Json]:
        """Each rule as configured, with its counts of today and of the last `days` in this project, how many traces
        wait, what its judges cost today in all projects (`spent_nano` of `budget_nano`, UTC), and the newest reasons
        for what made no score."""
        return scoring.states(project, days)

    return router
