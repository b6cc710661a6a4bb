"""Has a version judged by the suite that protects `production`, as a job; its verdict is on the version's page."""

from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.forms import Sent
from pilothouse.console.render import ROOT
from pilothouse.console.visitor import Editor
from pilothouse.errors import ConfigError, Conflict, InvalidRequest, NotFound
from pilothouse.lifecycle.prompting.queueing import Judging
from pilothouse.prompts.versions import PRODUCTION

__all__ = ["add_evaluate_pages"]


def add_evaluate_pages(router: APIRouter, judging: Judging, project: str, show: Callable[..., Response]) -> None:
    """The route, to the router of the prompts of one project. `show` makes the page of a prompt."""

    @router.post("/evaluate")
    def evaluate(visitor: Editor, name: str, version: int, form: Sent) -> Response:
        body = {"version": version, "label": PRODUCTION, "fresh": form.get("fresh") == "yes"}
        try:
            job = judging.ask(project, name, body, visitor.principal, visitor.actor)
        except (ConfigError, Conflict, InvalidRequest, NotFound) as error:
            return show(visitor, name, problem=error.message, status=error.status)
        told = {"name": name, "version": version, "job": job.id}
        return RedirectResponse(f"{ROOT}/prompts/one?{urlencode(told)}", 303)
