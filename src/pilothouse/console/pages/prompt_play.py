"""The playground: a draft or versions of a prompt, asked of up to four models side by side, each answer as it comes.

Each answer is a call down the gateway's own path, by the visitor: their rights, limits and budgets, with a trace.
"""

import time
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pilothouse.access.policy import demand
from pilothouse.call import Call
from pilothouse.console.forms import Fields, Uploaded
from pilothouse.console.pages.dataset_items import chosen_dataset
from pilothouse.console.pages.prompt_edit import acted, drafted, models_of, opened, previewed
from pilothouse.console.playing import Heard, Lines, failed, played
from pilothouse.console.previewing import request_of
from pilothouse.console.prompting import TYPES, draft_of, fields_of, is_long, values_of
from pilothouse.console.render import Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Visitor
from pilothouse.errors import Conflict, InvalidRequest, NotFound, PilothouseError
from pilothouse.prompts.fetching import fetch_of
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import PRODUCTION
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.types import ChatRequest

__all__ = ["add_play_pages"]

_COLUMNS = 4
_OFFERED = 100
_ENDPOINT = "/console/prompts/play"


@dataclass(frozen=True, slots=True)
class _Column:
    """One answer: of which version (0 for the text above), from which model; `hidden` until it is wanted."""

    number: int
    version: int
    model: str
    hidden: bool


def add_play_pages(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    """The playground, to the router of the prompts of one project."""
    prompts = rooms.prompts.prompts
    _add_run(router, rooms, project)

    def show(
        visitor: Visitor, name: str, form: Fields, *, done: str = "", problem: str = "", status: int = 200
    ) -> Response:  # fmt: skip
        about = prompts.prompt(project, name)
        preview = previewed(form, fetch_of(prompts, project))
        models = models_of(rooms)
        return renderer.page(
            "prompt_play.html", status, visitor=visitor, name=name, about=about, form=form, draft=draft_of(form),
            preview=preview,
            types=TYPES, opened=opened(form), models=models, columns=_columns(form, models), done=done, problem=problem,
            versions=prompts.versions(project, name, limit=_OFFERED),
            offered=rooms.datasets.list(project, limit=_OFFERED).datasets,
        )  # fmt: skip

    @router.get("/play")
    def play_page(visitor: Editor, name: str, version: int | None = None, beside: int | None = None) -> Response:
        about = prompts.prompt(project, name)
        found = prompts.get(project, name, version=about.newest if version is None else version)
        content = found.content.to_json()
        if is_long(content):
            raise InvalidRequest("This version has more messages or variables than the playground has fields for.")
        serving = about.labels.get(PRODUCTION, found.number) if beside is None else beside
        others = {"version_1": "", "version_2": "" if beside is None and serving == found.number else str(serving)}
        return show(visitor, name, fields_of(content).also(parent=str(about.newest), **others))

    @router.post("/play")
    def act(visitor: Editor, name: str, form: Uploaded) -> Response:
        try:
            return show(visitor, name, acted(form, form.get("action") or "preview"))
        except InvalidRequest as error:
            return show(visitor, name, form, problem=error.message, status=error.status)

    @router.post("/play/case")
    def keep_case(visitor: Editor, name: str, form: Uploaded) -> Response:
        """The values as an item of a dataset, with what a good answer to them is."""
        try:
            values = values_of(previewed(form, fetch_of(prompts, project)).slots)
            expected = form.raw("expected").replace("\r\n", "\n")
            item = NewItem(input=values, expected=expected if expected.strip() else None, metadata={"prompt": name})
            found = chosen_dataset(rooms.datasets, project, form)
            rooms.datasets.change(
                project, found, [item], author=visitor.actor.name, note=f"from the playground of {name}"[:200]
            )
        except (Conflict, InvalidRequest, NotFound) as error:
            return show(visitor, name, form, problem=error.message, status=error.status)
        return show(visitor, name, form.also(dataset=found.id), done="case")


def _add_run(router: APIRouter, rooms: ConsoleRooms, project: str) -> None:
    prompts = rooms.prompts.prompts

    @router.post("/play/run")
    async def run(visitor: Editor, name: str, form: Uploaded) -> Response:
        """One column's answer, in lines (see playing.py)."""
        heard = Heard(rooms.recorder)
        call = Call(
            heard, visitor.principal, project, key_id=visitor.principal.key_id or None, endpoint=_ENDPOINT,
            deadline=time.monotonic() + rooms.patience, metadata={"tags": "playground"},
        )  # fmt: skip
        try:
            demand(visitor.principal, "call")
            request = await run_in_threadpool(_request, prompts, project, name, form, call)
        except PilothouseError as error:
            return Lines(failed(error.message))
        return Lines(played(rooms.chat, request, call, heard))


def _request(prompts: Prompts, project: str, name: str, form: Fields, call: Call) -> ChatRequest:
    """What the column that the form names is to ask. Raises InvalidRequest and NotFound."""
    column = form.get("column")
    number, model = form.get(f"version_{column}"), form.get(f"model_{column}")
    if not model:
        raise InvalidRequest("Choose a model.", param="model")
    content = drafted(form)
    if number:
        version = prompts.get(project, name, version=_number(number))
        content, call.versions["prompt"] = version.content, version.reference
    return request_of(content, form, fetch_of(prompts, project), model)


def _columns(form: Fields, models: list[str]) -> list[_Column]:
    """The four columns; two are there at first, the second for another version or another model."""
    found, preferred = [], form.get("model")
    for number in range(1, _COLUMNS + 1):
        version = form.get(f"version_{number}")
        asked = form.get(f"model_{number}")
        if not asked and number <= 2 and not form.get("model_1"):
            asked = preferred or next(iter(models), "")
        found.append(_Column(number, _number(version), asked, number > 2 and not asked))
    return found


def _number(text: str) -> int:
    """A version, 0 where the text is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else 0
