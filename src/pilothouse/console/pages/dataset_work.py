"""Work on a whole dataset from the console: items from a list of traces, duplicates out, splits in, personal data out.

Done while the page waits, and therefore bounded; more is for the command line and the API.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pilothouse.console.filters import PERIODS, address_of, filters_of, told
from pilothouse.console.forms import Fields, Sent
from pilothouse.console.pages.dataset_items import chosen_dataset
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Visitor
from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.evals.datasets.production import STRATA, Production, Sampling
from pilothouse.evals.datasets.scrubbing import redaction_of, scrubbed
from pilothouse.evals.datasets.work import Work, order_of
from pilothouse.ids import now_us
from pilothouse.pii.kinds import DEFAULT
from pilothouse.privacy import ProjectPrivacy
from pilothouse.types import Json

__all__ = ["add_work_pages"]

_HOME = f"{ROOT}/datasets"
_MOST_SAMPLED, _MOST_ITEMS, _OFFERED = 500, 5000, 500
_WAYS = {
    "random": "at random", "newest": "the newest", "failures": "failures first", "diverse": "as different as can be",
    "stratified": "evenly by",
}  # fmt: skip
_NO_MODELS = Path()  # likeness of vectors, which needs the encoder, is not offered here


def add_work_pages(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    """The routes, to the router of the datasets of one project."""
    _add_sample(router, rooms, renderer, project)

    @router.post("/{dataset}/work")
    def work(visitor: Editor, dataset: str, form: Sent) -> Response:
        found = rooms.datasets.get(project, dataset)
        if rooms.datasets.version(project, found).size > _MOST_ITEMS:
            told = f"This dataset has more than {_MOST_ITEMS:,} items: use `pilothouse evals datasets`, or the API."
            raise InvalidRequest(told)
        done = Work(rooms.store, _NO_MODELS, project, visitor.actor.name).do(found.id, order_of(_order(form)))
        return RedirectResponse(f"{_HOME}/{found.id}?done={_said(done)}", 303)


def _add_sample(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    def show(visitor: Visitor, address: dict[str, str], form: Fields, problem: str = "", status: int = 200) -> Response:
        top: list[tuple[str, str]] = [(name, address[name]) for name in ("text", "model", "status") if name in address]
        if "period" in address and address["period"] in PERIODS:
            top.append(("last", PERIODS[address["period"]][0]))
        return renderer.page(
            "dataset_sample.html", status, visitor=visitor, form=form, problem=problem, ways=_WAYS, strata=STRATA,
            filters=[*top, *((label, value) for _, label, value in told(address))], most=_MOST_SAMPLED,
            offered=rooms.datasets.list(project, limit=_OFFERED).datasets, query=urlencode(address),
        )  # fmt: skip

    @router.get("/sample")
    def sample_page(visitor: Editor, request: Request) -> Response:
        return show(visitor, address_of(request.query_params), Fields())

    @router.post("/sample")
    def sample(visitor: Editor, request: Request, form: Sent) -> Response:
        address = address_of(request.query_params)
        try:
            sampling = _sampling(form)
            redaction = redaction_of(ProjectPrivacy(redact=[*DEFAULT])) if form.get("scrub") == "yes" else None
            found = chosen_dataset(rooms.datasets, project, form)
            built = Production(rooms.store).add(
                project, found, filters_of(address, now_us()), sampling, author=visitor.actor.name,
                each=lambda item: item if redaction is None else scrubbed(item, redaction),
                note=form.get("note") or f"from traces, {_WAYS[sampling.how]} {sampling.by}".strip(),
            )  # fmt: skip
        except (Conflict, InvalidRequest, NotFound) as error:
            return show(visitor, address, form, error.message, error.status)
        done = "imported" if built.change.added or built.change.changed else "unchanged"
        return RedirectResponse(f"{_HOME}/{found.id}?done={done}", 303)


def _sampling(form: Fields) -> Sampling:
    how, most = form.get("how"), form.get("most") or "100"
    if how not in _WAYS:
        raise InvalidRequest("Say which of the traces to take.")
    if not (most.isascii() and most.isdecimal() and 1 <= int(most[:9]) <= _MOST_SAMPLED):
        raise InvalidRequest(f"How many must be a number from 1 to {_MOST_SAMPLED}.")
    return Sampling(how, int(most), form.get("by") if how == "stratified" else "")  # type: ignore[arg-type]


def _order(form: Fields) -> Json:
    """Raises InvalidRequest."""
    what = form.get("do")
    given: Json = {"do": what}
    if what == "dedupe":
        given["by"] = form.get("by") if form.get("by") in ("exact", "words") else "exact"
    elif what == "split":
        given["shares"] = _shares(form.get("shares"))
    try:
        order_of(given)
    except ValidationError:
        raise InvalidRequest("Shares are written as train=0.8, test=0.2.") from None
    return given


def _shares(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return {name.strip(): share.strip() for name, _, share in pairs}


def _said(done: dict[str, Any]) -> str:
    return "changed" if done["added"] or done["changed"] or done["removed"] else "unchanged"
