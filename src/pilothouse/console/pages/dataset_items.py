"""One item of a dataset, to read and to correct; files into a dataset; and a step of a trace as an item."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.forms import Fields, Sent, Uploaded
from pilothouse.console.payload import Turn, turns
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest
from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.evals.datasets.cases import answer_of
from pilothouse.evals.datasets.files import Format, read_lines
from pilothouse.evals.datasets.production import Production
from pilothouse.storage.evaluating.dataset_items import Item, NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets

__all__ = ["add_item_pages", "chosen_dataset"]

_HOME = f"{ROOT}/datasets"
_FORMATS: tuple[Format, ...] = ("jsonl", "json", "csv")
_OFFERED = 500


def add_item_pages(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    """The pages of items, to the router of the datasets of one project."""
    _add_from_trace(router, rooms, renderer, project)
    _add_import(router, rooms.datasets, renderer, project)
    _add_item(router, rooms.datasets, renderer, project)


def _add_item(router: APIRouter, datasets: Datasets, renderer: Renderer, project: str) -> None:
    def show(
        visitor: Any, found: Dataset, item: Item, version: int | None, done: str = "", problem: str = "",
        status: int = 200,
    ) -> Response:  # fmt: skip
        newest = item.until is None
        rest = {name: value for name, value in item.metadata.items() if name not in ("output", "scores")}
        return renderer.page(
            "dataset_item.html", status, visitor=visitor, dataset=found, item=item, version=version, done=done,
            problem=problem, newest=newest, asked=_shown(item.input), expected=_shown(item.expected),
            answered=_shown(item.metadata.get("output")), context=item.context, metadata=_shown(rest or None),
            written=_written(item.expected), is_text=item.expected is None or isinstance(item.expected, str),
        )  # fmt: skip

    @router.get("/{dataset}/item")
    def item_page(visitor: Guest, dataset: str, key: str, version: int | None = None, done: str = "") -> Response:
        found = datasets.get(project, dataset)
        return show(visitor, found, datasets.items.get(project, key, found.id, version), version, done)

    @router.post("/{dataset}/item")
    def change_item(visitor: Editor, dataset: str, key: str, form: Sent) -> Response:
        found = datasets.get(project, dataset)
        item = datasets.items.get(project, key, found.id, found.version)
        author, note = visitor.actor.name, form.get("note")
        try:
            if form.get("action") == "remove":
                datasets.change(project, found, remove=[key], author=author, note=note)
                return RedirectResponse(f"{_HOME}/{found.id}?done=removed", 303)
            if form.get("hash") != item.hash:
                raise Conflict("Somebody changed this item since you opened it. What they made of it is shown below.")
            changed = replace(item, expected=_stated(form), split=form.get("split") or None)
            told = datasets.change(project, found, [changed], author=author, note=note)
        except (Conflict, InvalidRequest) as error:
            return show(visitor, found, item, None, problem=error.message, status=error.status)
        done = "changed" if told.changed else "unchanged"
        return RedirectResponse(f"{_HOME}/{found.id}/item?{urlencode({'key': key, 'done': done})}", 303)


def _add_import(router: APIRouter, datasets: Datasets, renderer: Renderer, project: str) -> None:
    def show(visitor: Any, found: Dataset, form: Fields, problem: str = "", status: int = 200) -> Response:
        return renderer.page(
            "dataset_import.html", status, visitor=visitor, dataset=found, form=form, problem=problem, formats=_FORMATS
        )

    @router.get("/{dataset}/import")
    def import_page(visitor: Editor, dataset: str) -> Response:
        return show(visitor, datasets.get(project, dataset), Fields())

    @router.post("/{dataset}/import")
    def import_items(visitor: Editor, dataset: str, form: Uploaded) -> Response:
        found, kind = datasets.get(project, dataset), form.get("format")
        try:
            if kind not in _FORMATS:
                raise InvalidRequest("Say what the text is: JSON Lines, JSON or CSV.")
            lines = form.raw("text").encode("utf-8", "replace").splitlines(keepends=True)
            items = read_lines(lines, kind, _columns(form), form.get("file") or "the text")
            told = datasets.change(
                project, found, items, replace=form.get("replace") == "yes", author=visitor.actor.name,
                note=form.get("file") and f"from {form.get('file')}"[:200],
            )  # fmt: skip
        except (Conflict, InvalidRequest) as error:
            return show(visitor, found, form, error.message, error.status)
        anything = told.added or told.changed or told.removed
        return RedirectResponse(f"{_HOME}/{found.id}?done={'imported' if anything else 'unchanged'}", 303)


def _add_from_trace(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    datasets, production = rooms.datasets, Production(rooms.store)

    def show(
        visitor: Any, trace: str, span: str, item: NewItem, form: Fields, problem: str = "", status: int = 200
    ) -> Response:  # fmt: skip
        offered = datasets.list(project, limit=_OFFERED).datasets
        answer, _ = answer_of(item.metadata.get("output"))
        return renderer.page(
            "dataset_add.html", status, visitor=visitor, trace=trace, span=span, asked=_shown(item.input), form=form,
            answer=answer, offered=offered, problem=problem,
            back=f"{ROOT}/traces/{trace}" + (f"?{urlencode({'span': span})}#detail" if span else ""),
        )  # fmt: skip

    @router.get("/add")
    def add_page(visitor: Editor, trace: str, span: str = "") -> Response:
        return show(visitor, trace, span, production.item(project, trace, span), Fields())

    @router.post("/add")
    def add(visitor: Editor, trace: str, form: Sent, span: str = "") -> Response:
        item = production.item(project, trace, span)
        try:
            found = chosen_dataset(datasets, project, form)
            expected = form.raw("expected").replace("\r\n", "\n")
            made = replace(item, expected=expected if expected.strip() else None, split=form.get("split") or None)
            production.put(project, found, [made], author=visitor.actor.name, note=form.get("note"))
        except (Conflict, InvalidRequest, NotFound) as error:
            return show(visitor, trace, span, item, form, error.message, error.status)
        return RedirectResponse(f"{_HOME}/{found.id}/item?{urlencode({'key': made.key or '', 'done': 'added'})}", 303)


def chosen_dataset(datasets: Datasets, project: str, form: Fields) -> Dataset:
    """The dataset that a form chose, or a new one of the name that it gives. Raises InvalidRequest where it says
    neither, Conflict for a name that there is, NotFound."""
    if name := form.get("name"):
        return datasets.create(project, name)
    if not form.get("dataset"):
        raise InvalidRequest("Choose a dataset, or give a new one a name.")
    return datasets.get(project, form.get("dataset"))


def _shown(value: Any) -> Sequence[Turn]:
    """A value made readable: a conversation where it is one, else text or JSON."""
    talk = isinstance(value, list) and value and all(isinstance(turn, dict) and "role" in turn for turn in value)
    return turns({"messages": value} if talk else value)


def _written(expected: Any) -> str:
    if expected is None or isinstance(expected, str):
        return expected or ""
    return json.dumps(expected, indent=2, ensure_ascii=False)


def _stated(form: Fields) -> Any:
    """What the form says is expected: a text, or JSON where it says so. Raises InvalidRequest."""
    text = form.raw("expected").replace("\r\n", "\n")
    if form.get("as") != "json":
        return text if text.strip() else None
    try:
        return json.loads(text) if text.strip() else None
    except ValueError as error:
        raise InvalidRequest(f"What is expected is no JSON: {error}.") from None


def _columns(form: Fields) -> dict[str, str]:
    pairs = (part.partition("=") for part in form.get("columns").split(",") if part.strip())
    return {name.strip(): column.strip() for name, _, column in pairs}
