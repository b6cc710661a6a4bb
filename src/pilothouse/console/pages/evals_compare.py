"""Runs of evaluation side by side: what changed, the flips first, and one case as each of them has it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from pilothouse.cases import Outcome
from pilothouse.console.comparing import RunComparisons
from pilothouse.console.evaluating import differing, text_of, view_of
from pilothouse.console.render import Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Guest
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.storage.evaluating.eval_runs import Run

__all__ = ["pages"]

_MOST = 6
_Runs = Annotated[list[str], Query()]


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The pages that compare runs of one project. The first run is the one that others are compared with."""
    router = APIRouter(prefix="/evals/compare")
    runs = rooms.runs
    comparisons = RunComparisons(runs)

    def chosen(given: Sequence[str]) -> list[Run]:
        names = list(dict.fromkeys(one.strip() for one in given if one.strip()))
        if len(names) > _MOST:
            raise InvalidRequest(f"At most {_MOST} runs are compared at a time; these are {len(names)}.", param="run")
        found = [runs.get(project, one) for one in names]
        return list({run.id: run for run in found}.values())

    @router.get("")
    def compare_page(visitor: Guest, run: _Runs = [], metric: str = "") -> Response:  # noqa: B006 - FastAPI copies it
        found = chosen(run)
        told = comparisons.of(project, found, metric) if len(found) > 1 else []
        recent = runs.list(project, suite=found[0].suite, limit=50).runs if len(found) == 1 else []
        return renderer.page(
            "evals_compare.html", visitor=visitor, views=[view_of(one) for one in found], told=told, metric=metric,
            recent=[one for one in recent if one.id != found[0].id],
        )  # fmt: skip

    @router.get("/case")
    def case_page(visitor: Guest, id: str, run: _Runs = [], trial: int = 0) -> Response:  # noqa: B006
        found = chosen(run)
        if not found:
            raise InvalidRequest("Name the runs to compare, as run=...", param="run")
        outcomes = [_outcome(one.id, id, trial) for one in found]
        first = next((one for one in outcomes if one is not None), None)
        if first is None:
            raise NotFound(f"None of these runs has the case '{id[:128]}', trial {trial + 1}.")
        return renderer.page(
            "evals_compare_case.html", visitor=visitor, views=[view_of(one) for one in found], outcomes=outcomes,
            case=first.case, trial=trial, rows=differing(outcomes), text=text_of,
        )  # fmt: skip

    def _outcome(run_id: str, case_id: str, trial: int) -> Outcome | None:
        try:
            return runs.outcome(project, run_id, case_id, trial)
        except NotFound:
            return None

    return router
