"""Has a version judged, by what protects `production` or on cases of one's choice, as a job; its verdict is on the
version's page."""

from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.forms import Fields, Sent
from pilothouse.console.ordering import evaluation_of
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Visitor
from pilothouse.errors import ConfigError, Conflict, InvalidRequest, NotFound
from pilothouse.evals.registry import Evaluators
from pilothouse.prompts.versions import PRODUCTION

__all__ = ["WORK_REFUSALS", "add_evaluate_pages", "offered_for_work"]

WORK_REFUSALS = (ConfigError, Conflict, InvalidRequest, NotFound)
"""What is wrong with an order, told on the page that it was given on."""
_OFFERED = 500


def add_evaluate_pages(
    router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str, show: Callable[..., Response]
) -> None:
    """The routes, to the router of the prompts of one project. `show` makes the page of a prompt."""
    prompts, judging = rooms.prompts.prompts, rooms.judging

    def form_page(
        visitor: Visitor, name: str, version: int, form: Fields, problem: str = "", status: int = 200
    ) -> Response:  # fmt: skip
        found = prompts.get(project, name, version=version)
        return renderer.page(
            "prompt_evaluate.html", status, visitor=visitor, name=name, version=found, form=form, problem=problem,
            judged=rooms.prompts.gate.protects(name, PRODUCTION),
            serving=prompts.prompt(project, name).labels.get(PRODUCTION), **offered_for_work(rooms, project),
        )  # fmt: skip

    @router.get("/evaluate")
    def evaluate_page(visitor: Editor, name: str, version: int) -> Response:
        return form_page(visitor, name, version, Fields({"evaluators": ["exact"], "max_cost_usd": ["5"]}))

    @router.post("/evaluate")
    def evaluate(visitor: Editor, name: str, version: int, form: Sent) -> Response:
        try:
            order = evaluation_of(form, version)
            job = judging.ask(project, name, order, visitor.principal, visitor.actor)
        except WORK_REFUSALS as error:
            return form_page(visitor, name, version, form, error.message, error.status)
        told = {"name": name, "version": version, "job": job.id}
        return RedirectResponse(f"{ROOT}/prompts/one?{urlencode(told)}", 303)

    @router.post("/stop")
    def stop(visitor: Editor, name: str, form: Sent) -> Response:
        """Stop an evaluation, or a search: what was asked is paid, nothing else is."""
        found = judging.stop(project, name, form.get("job"))
        if found is None:
            return show(visitor, name, problem="There is no such work on this prompt.", status=404)
        page = "one" if found.task.endswith(".evaluate") else "better"
        number = found.payload["order"].get("version") or prompts.prompt(project, name).newest
        told = {"name": name, "version": number, "job": found.id}
        return RedirectResponse(f"{ROOT}/prompts/{page}?{urlencode(told)}", 303)


def offered_for_work(rooms: ConsoleRooms, project: str) -> dict[str, list[str]]:
    """What forms of work on prompts offer: datasets, evaluators and models, by name."""
    return {
        "datasets": [one.name for one in rooms.datasets.list(project, limit=_OFFERED).datasets],
        "evaluators": Evaluators().names(),
        "models": sorted(rooms.router().names()),
    }
