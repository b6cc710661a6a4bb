"""Evaluation: the list of runs, one run with its cases, one case with all that was said of it."""

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from pilothouse.console.evaluating import Wanted, bar, cases_of, snippet_of, text_of, view_of
from pilothouse.console.pages import evals_compare, evals_people, judges, redteam, sentinel
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Guest

__all__ = ["pages"]

_HOME = f"{ROOT}/evals"
_RUNS = 50
_MOST_TRIALS = 100


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The pages of the runs of one project, and with them comparisons, judges and the leaderboard."""
    router = APIRouter(prefix="/evals")
    runs = rooms.runs

    @router.get("")
    def list_page(visitor: Guest, suite: str = "", name: str = "", before: str = "") -> Response:
        chosen = {key: value.strip() for key, value in (("suite", suite), ("name", name)) if value.strip()}
        page = runs.list(
            project, suite=chosen.get("suite"), name=chosen.get("name"), before=before or None, limit=_RUNS
        )
        return renderer.page(
            "evals.html", visitor=visitor, views=[view_of(run) for run in page.runs], chosen=chosen, before=before,
            first=_link(_HOME, chosen), older=_link(_HOME, {**chosen, "before": page.next or ""}), next=page.next,
        )  # fmt: skip

    @router.get("/runs/{run_id}")
    def run_page(
        visitor: Guest, run_id: str, failing: str = "", evaluator: str = "", slice: str = "", value: str = "",
        after: str = "",
    ) -> Response:  # fmt: skip
        run = runs.get(project, run_id)
        view = view_of(run)
        wanted = Wanted(failing == "1", evaluator, slice, value, after)
        here = f"{_HOME}/runs/{run.id}"
        cases = cases_of(runs, project, run, wanted)
        names = [*view.summary.metrics] if view.summary else sorted({one.evaluator for outcome in cases.outcomes
                                                                     for one in outcome.verdicts})  # fmt: skip
        return renderer.page(
            "evals_run.html", visitor=visitor, view=view, wanted=wanted, cases=cases, names=names, bar=bar,
            text=text_of, snippet=snippet_of, place=here, first=_link(here, wanted.parameters()),
            more=_link(here, {**wanted.parameters(), "after": cases.next or ""}), link=_link,
        )  # fmt: skip

    @router.get("/runs/{run_id}/case")
    def case_page(visitor: Guest, run_id: str, id: str, trial: int = 0) -> Response:
        run = runs.get(project, run_id)
        outcome = runs.outcome(project, run.id, id, trial)
        return renderer.page(
            "evals_case.html", visitor=visitor, view=view_of(run), outcome=outcome, text=text_of,
            trials=range(min(run.trials, _MOST_TRIALS)), link=_link,
        )  # fmt: skip

    for room in (evals_people, evals_compare, judges, sentinel, redteam):
        router.routes.extend(room.pages(rooms, renderer, project).routes)
    return router


def _link(path: str, parameters: dict[str, str]) -> str:
    return path + (f"?{urlencode(parameters)}" if parameters else "")
