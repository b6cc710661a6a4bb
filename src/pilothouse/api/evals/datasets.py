"""`/api/datasets`: what is evaluated on. Datasets, their versions and items; files in and out.

A dataset is named by its name or its id; a name that itself ends like one of these addresses is reached by the id.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.api.caller import By, InProject
from pilothouse.api.evals.uploads import given_file
from pilothouse.evals.datasets.files import Format, line_of, read_items
from pilothouse.evals.datasets.records import item_of_record
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_items import Difference, Item, NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets
from pilothouse.types import Json

__all__ = ["dataset_json", "item_json", "routes"]

_AT_ONCE = 2  # files that are taken at the same time: each is on disk, whole
_CHUNK = 64 * 1024
_Limit = Annotated[int, Query(ge=1, le=500)]
_Number = Annotated[int, Query(ge=0, le=2**31 - 1)]
_Version = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="By default the newest.")]
_After = Annotated[int | None, Query(ge=0, lt=2**62, description="`next` of the page before.")]
_Base = Annotated[
    int | None, Field(ge=0, le=2**31 - 1, description="The version that this is based on: 409 where another is newer.")
]
_Text = Annotated[str, Field(max_length=20_000)]
_Note = Annotated[str, Field(max_length=500)]


class _NewDataset(Strict):
    name: str
    description: _Text = ""
    metadata: Annotated[Json, Field(default_factory=dict)]


class _AboutDataset(Strict):
    description: _Text | None = None
    metadata: Json | None = None
    archived: bool | None = None


class _Change(Strict):
    """`add` are items as a line of a file has them, `remove` ids. With `replace` nothing else stays."""

    add: Annotated[list[Any], Field(max_length=10_000, default_factory=list)]
    remove: Annotated[list[str], Field(max_length=10_000, default_factory=list)]
    replace: bool = False
    base: _Base = None
    note: _Note = ""


def routes(store: Store) -> APIRouter:
    """The routes over the datasets of a store."""
    router = APIRouter(prefix="/api/datasets", tags=["datasets"])
    datasets = Datasets(store)

    @router.get("")
    def list_datasets(
        project: InProject, text: str = "", archived: bool = False, limit: _Limit = 50, after: str | None = None
    ) -> Json:
        """By name, those with `text` in it; archived ones are a list of their own. Hand `next` back as `after`."""
        page = datasets.list(project, text=text, after=after, limit=limit, archived=archived)
        return {"data": [dataset_json(one) for one in page.datasets], "next": page.next}

    @router.post("", status_code=201)
    def create_dataset(body: _NewDataset, project: InProject) -> Json:
        """A new, empty dataset. 409 where there is one of that name."""
        return dataset_json(
            datasets.create(project, body.name, description=body.description, metadata=body.metadata)
        )  # fmt: skip

    _add_versions(router, datasets)
    _add_items(router, datasets)
    _add_files(router, datasets)

    @router.get("/{dataset:path}")
    def get_dataset(dataset: str, project: InProject) -> Json:
        """One dataset, with its newest version and how many items each split of that has."""
        found = datasets.get(project, dataset)
        splits = datasets.items.splits(project, found.id, found.version)
        newest = asdict(datasets.version(project, found))
        return {**dataset_json(found), "newest": newest, "splits": {name or "": n for name, n in splits.items()}}

    @router.patch("/{dataset:path}")
    def describe_dataset(dataset: str, body: _AboutDataset, project: InProject) -> Json:
        """Change what is said of it, or archive it: it then leaves the list, and nothing of it is lost."""
        found = datasets.describe(project, dataset, description=body.description, metadata=body.metadata)
        if body.archived is not None:
            found = datasets.archive(project, found.id, body.archived)
        return dataset_json(found)

    return router


def _add_versions(router: APIRouter, datasets: Datasets) -> None:
    @router.get("/{dataset:path}/versions")
    def list_versions(
        dataset: str, project: InProject, limit: _Limit = 50, before: Annotated[int | None, Query(ge=0)] = None
    ) -> Json:
        """The newest first. Hand `next` back as `before`."""
        found = datasets.versions(project, datasets.get(project, dataset), before=before, limit=limit)
        more = len(found) == limit and found[-1].number > 1
        return {"data": [asdict(one) for one in found], "next": found[-1].number if more else None}

    @router.get("/{dataset:path}/diff")
    def diff(
        dataset: str,
        project: InProject,
        old: Annotated[_Number, Query(alias="from")],
        new: Annotated[_Number | None, Query(alias="to")] = None,
        limit: _Limit = 100,
        after: _After = None,
    ) -> Json:
        """What version `to` (by default the newest) has otherwise than `from`: how much in all, and a page of it."""
        found = datasets.get(project, dataset)
        one, other = (datasets.version(project, found, number).number for number in (old, new))
        told = datasets.items.diff(project, found.id, one, other, after=after, limit=limit)
        counts = {"added": told.added, "removed": told.removed, "changed": told.changed}
        return {"from": one, "to": other, **counts, "data": [_difference(d) for d in told.page], "next": told.next}


def _add_items(router: APIRouter, datasets: Datasets) -> None:
    @router.get("/{dataset:path}/items")
    def list_items(
        dataset: str, project: InProject, version: _Version = None, split: str | None = None, limit: _Limit = 100,
        after: _After = None,
    ) -> Json:  # fmt: skip
        """The items of a version in their order. Hand `next` back as `after`."""
        found = datasets.get(project, dataset)
        number = datasets.version(project, found, version).number
        page = datasets.items.page(project, found.id, number, split=split, after=after, limit=limit)
        return {"version": number, "data": [item_json(item) for item in page.items], "next": page.next}

    @router.post("/{dataset:path}/items")
    def change_items(dataset: str, body: _Change, project: InProject, by: By) -> Json:
        """Make the next version: items are added, changed where one of their id is there, and removed. The same again
        changes nothing."""
        add = [
            item for i, one in enumerate(body.add) if (item := item_of_record(one, f"add, item {i + 1}")) is not None
        ]
        told: Json = {"remove": body.remove, "replace": body.replace, "base": body.base, "note": body.note}
        return asdict(datasets.change(project, datasets.get(project, dataset), add, author=by.name, **told))

    @router.get("/{dataset:path}/items/{item:path}")
    def get_item(dataset: str, item: str, project: InProject, version: _Version = None) -> Json:
        """The item of this id, as it is in `version`, else as it was last."""
        return item_json(datasets.items.get(project, item, datasets.get(project, dataset).id, version))


def _add_files(router: APIRouter, datasets: Datasets) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    @router.post("/{dataset:path}/import", openapi_extra=_FILES)
    async def import_items(
        request: Request,
        dataset: str,
        project: InProject,
        by: By,
        kind: Annotated[
            Format | None, Query(alias="format", description="By default what the content-type says.")
        ] = None,
        columns: Annotated[str, Query(description="Where names differ: input=question,expected=label.")] = "",
        replace: Annotated[bool, Query(description="Nothing else stays.")] = False,
        base: Annotated[_Base, Query()] = None,
        note: Annotated[_Note, Query()] = "",
    ) -> Json:
        """Items of a file, which is the body: JSON Lines, JSON, CSV or Parquet, of Pilothouse, Langfuse or OpenAI's
        evals. All of it becomes one new version, or nothing where one line is wrong."""
        found = await asyncio.to_thread(datasets.get, project, dataset)
        async with turns, given_file(request, kind) as (path, form):
            told: Json = {"replace": replace, "base": base, "author": by.name, "note": note or "from a file"}
            items = read_items(path, form, _columns(columns))
            return asdict(await asyncio.to_thread(datasets.change, project, found, items, **told))

    @router.get("/{dataset:path}/export", response_class=StreamingResponse)
    def export(
        dataset: str, project: InProject, version: _Version = None, split: str | None = None
    ) -> StreamingResponse:
        """A version as JSON Lines, which an import reads back."""
        found = datasets.get(project, dataset)
        number = datasets.version(project, found, version).number
        items = datasets.items.each(project, found.id, number, split=split)
        kept = {"content-disposition": f'attachment; filename="dataset-{found.id}-{number}.jsonl"'}
        return StreamingResponse(_lines(items), media_type="application/jsonl", headers=kept)


_FILES: Json = {
    "requestBody": {
        "required": True,
        "content": {
            name: {"schema": {"type": "string", "format": "binary"}}
            for name in ("application/jsonl", "application/json", "text/csv", "application/vnd.apache.parquet")
        },
    }
}


def dataset_json(dataset: Dataset) -> Json:
    """A dataset as the API shows it."""
    return asdict(dataset)


def item_json(item: Item) -> Json:
    """An item as the API shows it: `id` is its key, `content_id` that of what it says now."""
    told = {name: getattr(item, name) for name in _TOLD}
    return {"id": item.key, "content_id": item.id, **told}


_TOLD = (
    "input", "expected", "context", "metadata", "split", "source_trace", "source_span", "hash", "since", "until",
    "created_us",
)  # fmt: skip


def _difference(one: Difference) -> Json:
    old, new = (None if item is None else item_json(item) for item in (one.old, one.new))
    return {"kind": one.kind, "id": one.key, "old": old, "new": new}


def _columns(given: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in given.split(",") if part.strip())
    return {name.strip(): column.strip() for name, _, column in pairs}


def _lines(items: Iterator[NewItem]) -> Iterator[bytes]:
    chunk = bytearray()
    for item in items:
        chunk += line_of(item)
        if len(chunk) >= _CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)
