"""Review queues: the list, one with its progress and agreement, what is set of it, and what fills it.

The screen on which people review is in `reviewing`.
"""

import json
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response, StreamingResponse

from pilothouse.cases import Case
from pilothouse.console.forms import Fields, Sent
from pilothouse.console.pages import reviewing
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest, Reader, Visitor
from pilothouse.errors import InvalidRequest, PilothouseError
from pilothouse.evals.review.agreement import agreed
from pilothouse.evals.review.annotators import annotator_of
from pilothouse.evals.review.exporting import FORMATS, WHAT, as_lines, rows_of
from pilothouse.evals.review.filling import Filled, Filling
from pilothouse.evals.review.rules import read_rules
from pilothouse.evals.values import question
from pilothouse.storage.evaluating.review_labels import Kind
from pilothouse.storage.evaluating.review_queues import Criterion, Queue, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.types import Json

__all__ = ["pages"]

_HOME = f"{ROOT}/reviews"
_ROWS = 50
_NUMBERS = ("annotators", "spread", "lease_s", "every_s")
_STATUSES = ("open", "disputed", "done")


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of one project."""
    router = APIRouter(prefix="/reviews")
    reviews, filling = rooms.reviews, Filling(rooms.store)

    def listed(visitor: Visitor, status: int = 200, **values: Any) -> Response:
        page = reviews.queues.list(project, limit=500)
        me = annotator_of(visitor.principal)
        told = [(queue, reviews.tally(project, queue, me)) for queue in page.queues]
        about: Json = {"form": Fields(), "problem": "", "coming": {}, "done": ""} | values
        return renderer.page("reviews.html", status, visitor=visitor, queues=told, **about)

    @router.get("")
    def list_page(visitor: Guest, trace: str = "", run: str = "", against: str = "", done: str = "") -> Response:
        """With what is to go into one of the queues, from the page of a trace, of a run or of two."""
        given = {"trace": trace, "run": run, "against": against} if visitor.may("write") else {}
        return listed(visitor, coming={name: text[:200] for name, text in given.items() if text}, done=done)

    @router.post("")
    def create(visitor: Editor, form: Sent) -> Response:
        try:
            settings = _settings(form, QueueSettings(criteria=_criteria(form.raw("criteria"))))
            kind: Kind = "pairwise" if form.get("kind") == "pairwise" else "likert"
            read_rules(kind, settings.rules)
            queue = reviews.queues.create(project, form.get("name"), kind, settings)
        except PilothouseError as error:
            return listed(visitor, error.status, form=form, problem=error.message)
        return RedirectResponse(f"{_of(queue)}?done=created", 303)

    @router.post("/add")
    def add(visitor: Editor, form: Sent) -> Response:
        """What `list_page` showed into the queue that was chosen."""
        queue = reviews.queues.get(project, form.get("queue"))
        return _back(queue, _filled(filling, project, queue, form))

    _add_queue(router, reviews, filling, renderer, project)
    reviewing.add(router, rooms, renderer, project)
    return router


def _add_queue(router: APIRouter, reviews: Reviews, filling: Filling, renderer: Renderer, project: str) -> None:
    def shown(visitor: Visitor, name: str, code: int = 200, **values: Any) -> Response:
        return _shown(reviews, renderer, project, visitor, name, code, **values)

    @router.get("/{queue}")
    def queue_page(
        visitor: Guest, queue: str, status: str = "", after: int | None = None, done: str = "", told: str = ""
    ) -> Response:
        return shown(visitor, queue, status=status, after=after, done=done, told=_numbers(told))

    @router.post("/{queue}/settings")
    def change(visitor: Editor, queue: str, form: Sent) -> Response:
        found = reviews.queues.get(project, queue)
        try:
            settings = _settings(form, found.settings)
            read_rules(found.kind, settings.rules)
            found = reviews.change(project, found, settings)
        except InvalidRequest as error:
            return shown(visitor, queue, error.status, form=form, problem=error.message)
        return RedirectResponse(f"{_of(found)}?done=changed", 303)

    @router.post("/{queue}/archive")
    def archive(visitor: Editor, queue: str, form: Sent) -> Response:
        found = reviews.queues.get(project, queue)
        found = reviews.queues.archive(project, found, form.get("archived") != "no")
        return RedirectResponse(f"{_of(found)}?done=changed", 303)

    @router.post("/{queue}/fill")
    def fill(visitor: Editor, queue: str, form: Sent) -> Response:
        found = reviews.queues.get(project, queue)
        try:
            return _back(found, _filled(filling, project, found, form))
        except PilothouseError as error:
            return shown(visitor, queue, error.status, problem=error.message)

    @router.get("/{queue}/export")
    def export(visitor: Reader, queue: str, what: str = "votes", format: str = "jsonl") -> Response:
        found = reviews.queues.get(project, queue)
        if what not in WHAT or format not in FORMATS:
            raise InvalidRequest(f"There are {', '.join(WHAT)}, as {' or '.join(FORMATS)}.")
        rows = rows_of(reviews, project, found, what)
        kept = f'attachment; filename="{what}.{format}"'
        kind = "text/csv; charset=utf-8" if format == "csv" else "application/jsonl"
        return StreamingResponse(as_lines(rows, format), media_type=kind, headers={"content-disposition": kept})


def _shown(
    reviews: Reviews, renderer: Renderer, project: str, visitor: Visitor, name: str, code: int, status: str = "",
    after: int | None = None, **values: Any,
) -> Response:  # fmt: skip
    """The page of a queue; what only readers may see is not looked for by others."""
    queue = reviews.queues.get(project, name)
    reads, page = visitor.may("read"), None
    about: Json = {"done": "", "problem": "", "form": _form(queue), "told": ""} | values
    status = status if status in _STATUSES else ""
    if reads:
        after = None if after is None else max(0, min(after, 2**62))
        wanted: Any = status or None
        page = reviews.items.page(project, queue, status=wanted, after=after, limit=_ROWS)
    asked = {item.id: question(Case(id=item.id, input=item.input)) for item in (page.items if page else ())}
    labels = {name: reviews.labels(project, queue, name) for name in queue.criteria} if reads else {}
    return renderer.page(
        "review_queue.html", code, visitor=visitor, queue=queue, page=page, me=annotator_of(visitor.principal),
        progress=reviews.progress(project, queue), statuses=_STATUSES, what=WHAT, formats=FORMATS,
        agreements=[agreed(queue.kind, name, found) for name, found in labels.items()],
        corrections=reviews.corrections(project, queue) if reads else [], only=status, after=after, asked=asked,
        **about,
    )  # fmt: skip


def _filled(filling: Filling, project: str, queue: Queue, form: Fields) -> Filled:
    traces, run, against = form.words("trace"), form.get("run"), form.get("against")
    if traces:
        return filling.traces(project, queue, traces)
    if not run:
        return filling.follow(project, queue)
    most = form.get("most")
    if most and not (most.isascii() and most.isdecimal() and 0 < int(most) < 10**6):
        raise InvalidRequest("most: must be a whole number.", param="most")
    number = int(most) if most else None
    if queue.kind == "likert":
        return filling.run(project, queue, run, failing=form.get("failing") == "yes", most=number)
    if not against:
        raise InvalidRequest("Name two runs, which are put side by side.", param="against")
    return filling.pair(project, queue, run, against, most=number)


def _back(queue: Queue, told: Filled) -> Response:
    return RedirectResponse(f"{_of(queue)}?{urlencode({'told': f'{told.added}-{told.found}-{told.unreadable}'})}", 303)


def _of(queue: Queue) -> str:
    return f"{_HOME}/{quote(queue.name, safe='')}"


def _criteria(text: str) -> tuple[Criterion, ...]:
    """One a line: its name, and after a colon what it means."""
    named = [line.partition(":") for line in text.splitlines() if line.strip()]
    return tuple(Criterion(name.strip(), about.strip()) for name, _, about in named)


def _settings(form: Fields, before: QueueSettings) -> QueueSettings:
    given: Json = {"instructions": form.get("instructions"), "dataset": form.get("dataset") or None}
    for name in _NUMBERS:
        text = form.get(name, str(getattr(before, name)))
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise InvalidRequest(f"{name}: must be a whole number.", param=name)
        given[name] = int(text)
    lines = [line for line in form.raw("rules").splitlines() if line.strip()]
    given["rules"] = tuple(_rule(place, line) for place, line in enumerate(lines, 1))
    return msgspec.structs.replace(before, **given)


def _rule(place: int, line: str) -> Json:
    """A rule as it is written on the command line, or as JSON."""
    if line.lstrip().startswith("{"):
        try:
            found = json.loads(line)
        except ValueError as error:
            raise InvalidRequest(f"Rule {place}: is no JSON: {error}.", param="rules") from None
        return dict(found)
    why, *words = line.split()
    rule: Json = {"why": why}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidRequest(f"Rule {place}: '{word}' must be name=value.", param="rules")
        try:
            rule[name] = json.loads(value)
        except ValueError:
            rule[name] = value
    return rule


def _written(rule: Json) -> str:
    words = [f"{name}={value}" for name, value in rule.items() if name != "why"]
    plain = all(isinstance(value, int | float) or " " not in str(value) for value in rule.values())
    return " ".join([str(rule.get("why", "")), *words]) if plain else json.dumps(rule)


def _form(queue: Queue) -> Fields:
    """What is set of a queue, as the fields of its form."""
    settings = queue.settings
    fields = {name: [str(getattr(settings, name))] for name in _NUMBERS}
    fields |= {"instructions": [settings.instructions], "dataset": [settings.dataset or ""]}
    return Fields(fields | {"rules": ["\n".join(map(_written, settings.rules))]})


def _numbers(told: str) -> str:
    """What a filling came to, from the address: added, found, unreadable."""
    parts = told.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 8 for part in parts):
        return ""
    added, found, unreadable = map(int, parts)
    rest = f", {unreadable:,} could not be read" if unreadable else ""
    return f"{added:,} added; {found:,} found{rest}."
