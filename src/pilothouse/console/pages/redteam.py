"""The red team: its runs, what one of them showed, and what changed since another."""

from fastapi import APIRouter
from starlette.responses import Response

from pilothouse.console.evaluating import bar
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Guest
from pilothouse.redteam.comparing import compare
from pilothouse.redteam.ordering import redteam_runs
from pilothouse.redteam.report import report_of, row_of

__all__ = ["pages"]

_RUNS = 50


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The pages of one project."""
    router = APIRouter(prefix="/evals/redteam")
    runs = rooms.runs

    @router.get("")
    def list_page(visitor: Guest) -> Response:
        rows = [row_of(run) for run in redteam_runs(runs, project, _RUNS)]
        return renderer.page("redteam.html", visitor=visitor, rows=rows)

    @router.get("/runs/{run_id}")
    def run_page(visitor: Guest, run_id: str, before: str = "") -> Response:
        run = runs.get(project, run_id)
        report = report_of(run, runs.each(project, run.id))
        others = [row_of(one) for one in redteam_runs(runs, project, _RUNS) if one.id != run.id]
        comparison = None
        if before:
            one = runs.get(project, before)
            earlier = report_of(one, runs.each(project, one.id))
            comparison = compare(earlier, report, runs.each(project, one.id), runs.each(project, run.id))
        return renderer.page(
            "redteam_run.html", visitor=visitor, run=run, report=report, others=others, before=before,
            comparison=comparison, bar=bar, place=f"{ROOT}/evals/redteam/runs/{run.id}",
        )  # fmt: skip

    return router
