"""Datasets: the list, one with its items, its versions, and what differs between two. Every state is in the address.

A dataset is named by its id in addresses: names may be anything.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response, StreamingResponse

from pilothouse.console.forms import Sent
from pilothouse.console.pages.dataset_items import add_item_pages
from pilothouse.console.pages.dataset_work import add_work_pages
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest
from pilothouse.errors import Conflict, InvalidRequest
from pilothouse.evals.datasets.files import line_of
from pilothouse.evals.datasets.near import said
from pilothouse.storage.evaluating.dataset_items import Difference, Item
from pilothouse.storage.evaluating.datasets import Dataset, Datasets, Version

__all__ = ["pages"]

_HOME = f"{ROOT}/datasets"
_ROWS, _ITEMS, _VERSIONS = 50, 50, 50
_FIELDS = ("input", "expected", "context", "metadata", "split", "source_trace", "source_span")
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class _Row:
    """An item as a line of a list; texts are cut."""

    key: str
    split: str | None
    asked: str
    expected: str
    trace: str | None


@dataclass(frozen=True, slots=True)
class _Changed:
    """A field that two versions have differently, as JSON."""

    key: str
    old: str | None
    new: str | None


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The pages of the datasets of one project. All may look; editors change."""
    router = APIRouter(prefix="/datasets")
    datasets = rooms.datasets

    @router.get("")
    def list_page(visitor: Guest, text: str = "", after: str = "", archived: str = "", done: str = "") -> Response:
        return _list(renderer, datasets, project, visitor, text.strip(), after, archived == "yes", done=done)

    @router.post("")
    def create(visitor: Editor, form: Sent) -> Response:
        try:
            made = datasets.create(project, form.get("name"), description=form.get("description"))
        except (Conflict, InvalidRequest) as error:
            told = {"problem": error.message, "name": form.get("name"), "about": form.get("description")}
            return _list(renderer, datasets, project, visitor, "", "", False, status=error.status, **told)
        return RedirectResponse(f"{_HOME}/{made.id}?done=created", 303)

    add_item_pages(router, rooms, renderer, project)
    add_work_pages(router, rooms, renderer, project)
    _add_versions(router, renderer, datasets, project)

    @router.get("/{dataset}")
    def page(
        visitor: Guest, dataset: str, version: int | None = None, split: str = "", after: int | None = None,
        done: str = "",
    ) -> Response:  # fmt: skip
        found = datasets.get(project, dataset)
        chosen = datasets.version(project, found, version)
        shown = datasets.items.page(
            project, found.id, chosen.number, split=split or None, after=after, limit=_ITEMS
        )  # fmt: skip
        address = {name: value for name, value in (("version", version), ("split", split)) if value not in (None, "")}
        splits = datasets.items.splits(project, found.id, chosen.number)
        return renderer.page(
            "dataset.html", visitor=visitor, dataset=found, version=chosen, rows=[_row(item) for item in shown.items],
            splits=sorted((name or "", count) for name, count in splits.items()), split=split, after=after, done=done,
            first=_link(found, address), next=shown.next, more=_link(found, {**address, "after": shown.next}),
            chosen=version,
        )  # fmt: skip

    @router.get("/{dataset}/export")
    def export(visitor: Guest, dataset: str, version: int | None = None) -> Response:
        """A version as JSON Lines."""
        found = datasets.get(project, dataset)
        number = datasets.version(project, found, version).number
        lines = map(line_of, datasets.items.each(project, found.id, number))
        kept = {"content-disposition": f'attachment; filename="dataset-{found.id}-{number}.jsonl"'}
        return StreamingResponse(lines, media_type="application/jsonl", headers=kept)

    @router.post("/{dataset}/archive")
    def archive(visitor: Editor, dataset: str, form: Sent) -> Response:
        found = datasets.archive(project, dataset, form.get("back") != "yes")
        return RedirectResponse(f"{_HOME}/{found.id}?done={'archived' if found.archived_us else 'changed'}", 303)

    return router


def _add_versions(router: APIRouter, renderer: Renderer, datasets: Datasets, project: str) -> None:
    @router.get("/{dataset}/versions")
    def versions_page(visitor: Guest, dataset: str, before: int | None = None) -> Response:
        found = datasets.get(project, dataset)
        shown = datasets.versions(project, found, before=before, limit=_VERSIONS)
        older = shown[-1].number if len(shown) == _VERSIONS and shown[-1].number > 1 else None
        return renderer.page(
            "dataset_versions.html", visitor=visitor, dataset=found, versions=shown, before=before, older=older
        )

    @router.get("/{dataset}/diff")
    def diff_page(
        visitor: Guest, dataset: str, old: int | None = None, new: int | None = None, after: int | None = None
    ) -> Response:
        found = datasets.get(project, dataset)
        later = datasets.version(project, found, new)
        earlier = datasets.version(project, found, max(0, later.number - 1) if old is None else old)
        told = datasets.items.diff(project, found.id, earlier.number, later.number, after=after, limit=_ITEMS)
        rows = [(one.kind, one.key, _short(said((one.new or one.old).input)), [*_changes(one)]) for one in told.page]  # type: ignore[union-attr]
        more = urlencode({"old": earlier.number, "new": later.number, "after": told.next})
        return renderer.page(
            "dataset_diff.html", visitor=visitor, dataset=found, old=earlier, new=later, told=told, rows=rows,
            more=more,
        )  # fmt: skip


def _list(
    renderer: Renderer, datasets: Datasets, project: str, visitor: Any, text: str, after: str, archived: bool,
    status: int = 200, **told: Any,
) -> Response:  # fmt: skip
    page = datasets.list(project, text=text, after=after or None, limit=_ROWS, archived=archived)
    rows: list[tuple[Dataset, Version]] = [(one, datasets.version(project, one)) for one in page.datasets]
    chosen = {"text": text, "archived": "yes" if archived else ""}
    asked = {name: value for name, value in chosen.items() if value}
    more = f"{_HOME}?{urlencode({**asked, 'after': page.next or ''})}"
    values = {"problem": "", "name": "", "about": "", "done": "", **told}
    return renderer.page(
        "datasets.html", status, visitor=visitor, rows=rows, text=text, archived=archived, after=after, more=more,
        next=page.next, first=f"{_HOME}?{urlencode(asked)}", **values,
    )  # fmt: skip


def _row(item: Item) -> _Row:
    expected = "" if item.expected is None else item.expected
    told = expected if isinstance(expected, str) else json.dumps(expected, ensure_ascii=False)
    return _Row(item.key, item.split, _short(said(item.input)), _short(told), item.source_trace)


def _short(text: str) -> str:
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _changes(one: Difference) -> Iterator[_Changed]:
    for name in _FIELDS:
        old, new = (None if item is None else getattr(item, name) for item in (one.old, one.new))
        if old != new and not (old in (None, (), {}) and new in (None, (), {})):
            yield _Changed(name, _json(old), _json(new))


def _json(value: Any) -> str | None:
    if value in (None, (), {}):
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=list)


def _link(dataset: Dataset, address: dict[str, Any]) -> str:
    return f"{_HOME}/{dataset.id}" + (f"?{urlencode(address)}" if address else "")
