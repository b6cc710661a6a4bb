"""A run held against people: what they would say of all of it, and the cards of its judges."""

import asyncio

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.evaluating import bar, view_of
from pilothouse.console.forms import Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest
from pilothouse.errors import InvalidRequest, PilothouseError
from pilothouse.evals.cards.estimating import Estimate
from pilothouse.evals.cards.labels import renamed
from pilothouse.evals.cards.planned import planned
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.storage.evaluating.reviews import Reviews

__all__ = ["pages"]

_QUEUES = 500


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The page of one run of a project, and the form that makes cards."""
    router = APIRouter(prefix="/evals/runs/{run_id}/people")

    @router.get("")
    def page(
        visitor: Guest, run_id: str, metric: str = "", criterion: str = "", queue: str = "", overall: str = ""
    ) -> Response:  # fmt: skip
        run = rooms.runs.get(project, run_id)
        told: tuple[Estimate, str | None] | None = None
        problem = ""
        if metric and queue:
            try:
                told = estimated(run, metric, criterion.strip(), queue, overall.strip())
            except PilothouseError as error:
                problem = error.message
        queues = Reviews(rooms.store).queues.list(project, limit=_QUEUES).queues
        chosen = {"metric": metric, "criterion": criterion, "queue": queue, "overall": overall}
        return renderer.page(
            "evals_people.html", visitor=visitor, view=view_of(run), names=list(planned(run.plan)), chosen=chosen,
            queues=[one.name for one in queues], told=told, problem=problem, bar=bar,
        )  # fmt: skip

    @router.post("/cards")
    async def make(visitor: Editor, form: Sent, run_id: str) -> Response:
        if not (form.get("metric") and form.get("queue")):
            raise InvalidRequest("Choose an evaluator and a queue whose labels count.")
        await asyncio.to_thread(made, run_id, form.get("metric"), form.get("queue"), form.get("overall"))
        return RedirectResponse(f"{ROOT}/evals/judges?done=created", 303)

    def estimated(
        run: Run, metric: str, criterion: str, queue: str, overall: str
    ) -> tuple[Estimate, str | None]:  # fmt: skip
        judges = rooms.judges
        labels, _, biased = judges.labels_of(project, queue, [run])
        given = {one: renamed(some, overall) for one, some in labels.items()}
        return judges.estimate(project, run, metric, given, criterion), biased

    def made(run_id: str, metric: str, queue: str, overall: str) -> None:
        judges = rooms.judges
        run = rooms.runs.get(project, run_id)
        labels, _, _ = judges.labels_of(project, queue, [run])
        judges.make(project, [run], metric, {one: renamed(some, overall) for one, some in labels.items()})

    return router
