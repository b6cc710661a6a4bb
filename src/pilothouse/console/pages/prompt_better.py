"""A better version looked for, as a job: what to try and what it may cost, how far it is, and what came of it on cases
that nothing was chosen by. Promotes nothing."""

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.evaluating import bar
from pilothouse.console.forms import Fields, Sent
from pilothouse.console.ordering import fields_of_search, search_of
from pilothouse.console.pages.prompt_evaluate import WORK_REFUSALS, offered_for_work
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest, Visitor
from pilothouse.prompts.versions import PRODUCTION

__all__ = ["add_better_pages"]

_SHOWN = 10


def add_better_pages(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    """The routes, to the router of the prompts of one project. All may see what came of it; editors begin it."""
    prompts, searching = rooms.prompts.prompts, rooms.searching

    def show(
        visitor: Visitor, name: str, version: int | None, form: Fields, problem: str = "", status: int = 200,
        job_id: str = "",
    ) -> Response:  # fmt: skip
        about = prompts.prompt(project, name)
        number = about.labels.get(PRODUCTION, about.newest) if version is None else version
        source = prompts.get(project, name, version=number)
        job = searching.job(project, name, job_id) if job_id else None
        return renderer.page(
            "prompt_better.html", status, visitor=visitor, name=name, about=about, version=source, form=form,
            problem=problem, job=job, told=None if job is None else job.result, bar=_bar,
            recent=[one for one in searching.recent(project, name)[:_SHOWN] if job is None or one.id != job.id],
            **offered_for_work(rooms, project),
        )  # fmt: skip

    @router.get("/better")
    def better_page(visitor: Guest, name: str, version: int | None = None, job: str = "") -> Response:
        return show(visitor, name, version, fields_of_search(""), job_id=job)

    @router.post("/better")
    def better(visitor: Editor, name: str, version: int, form: Sent) -> Response:
        try:
            job = searching.ask(project, name, search_of(form, version), visitor.principal, visitor.actor)
        except WORK_REFUSALS as error:
            return show(visitor, name, version, form, error.message, error.status)
        told = {"name": name, "version": version, "job": job.id}
        return RedirectResponse(f"{ROOT}/prompts/better?{urlencode(told)}", 303)


def _bar(change: dict[str, float]) -> object:
    """The interval of what changed on an axis with no difference in its middle."""
    low, high = change["low"], change["high"]
    furthest = max(abs(low or 0.0), abs(high or 0.0)) or 1.0
    return bar(low, change["difference"], high, (-furthest, furthest))
