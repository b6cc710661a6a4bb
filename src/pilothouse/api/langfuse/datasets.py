"""`/api/public/v2/datasets`, `/dataset-items`, `/dataset-run-items` and `/datasets/{name}/runs`: what the Langfuse SDK
does with datasets, over ours. Each item that is put makes a version; a run of theirs is one of ours, of the kind
`external`. https://api.reference.langfuse.com
"""

from contextlib import suppress
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.access import Actor
from pilothouse.api.caller import Caller
from pilothouse.api.langfuse.shapes import (
    GivenDataset,
    GivenItem,
    GivenRunItem,
    dataset_to_json,
    item_to_json,
    kept_metadata,
    pages,
    run_item_to_json,
    run_to_json,
)
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.datasets.external import ExternalRuns, Link
from pilothouse.evals.datasets.production import Production
from pilothouse.ids import new_id
from pilothouse.observe.dialects.langfuse_ids import span_id_of, trace_id_of
from pilothouse.observe.dialects.values import when_us
from pilothouse.principal import Principal
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_items import Item
from pilothouse.storage.evaluating.datasets import Dataset, Datasets
from pilothouse.types import Json

__all__ = ["routes"]

_MOST_WHOLE = 1000  # items or run items of an answer that has no pages
_Page = Annotated[int, Query(ge=1, le=10_000_000)]
_Limit = Annotated[int, Query(ge=1, le=100)]
_Text = Annotated[str | None, Query(max_length=512)]


def routes(store: Store, external: ExternalRuns) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/public", tags=["langfuse"])
    datasets = Datasets(store)
    _add_datasets(router, datasets, external)
    _add_items(router, datasets, Production(store))
    _add_run_items(router, datasets, external)
    return router


def _add_datasets(router: APIRouter, datasets: Datasets, external: ExternalRuns) -> None:
    @router.get("/v2/datasets")
    def list_datasets(caller: Caller, page: _Page = 1, limit: _Limit = 50) -> Json:
        """Datasets by name, but those that are archived."""
        found = datasets.list(caller.project_id, limit=limit, skip=(page - 1) * limit).datasets
        told = [dataset_to_json(one, caller.project_id) for one in found]
        return pages(told, page, limit, datasets.count(caller.project_id))

    @router.post("/v2/datasets")
    def put_dataset(body: GivenDataset, caller: Caller) -> Json:
        """Make a dataset, or change what is said of the one of this name."""
        for name in ("input_schema", "expected_output_schema"):
            if getattr(body, name) is not None:
                told = "Schemas of items are not supported here: the evaluator `json_schema` checks outputs."
                raise InvalidRequest(told, param=name)
        about = None if body.metadata is None else kept_metadata(body.metadata)
        try:
            found = _named(datasets, caller, body.name)
        except NotFound:
            found = datasets.create(
                caller.project_id, body.name, description=body.description or "", metadata=about or {}
            )
        else:
            found = datasets.describe(caller.project_id, found.id, description=body.description, metadata=about)
        return dataset_to_json(found, caller.project_id)

    @router.get("/v2/datasets/{name:path}")
    def get_dataset(name: str, caller: Caller) -> Json:
        """One dataset."""
        return dataset_to_json(_named(datasets, caller, name), caller.project_id)

    _add_runs(router, datasets, external)

    @router.get("/datasets/{name:path}")
    def get_with_items(name: str, caller: Caller) -> Json:
        """One dataset with all of its items and the names of its runs, as older clients read it."""
        dataset = _named(datasets, caller, name)
        page = datasets.items.page(caller.project_id, dataset.id, dataset.version, limit=500)
        items = page.items
        while page.next is not None and len(items) < _MOST_WHOLE:
            page = datasets.items.page(caller.project_id, dataset.id, dataset.version, after=page.next, limit=500)
            items += page.items
        if page.next is not None:
            raise InvalidRequest(
                f"The dataset has more than {_MOST_WHOLE} items: read them at /dataset-items, by pages."
            )
        runs = [run.name for run in external.of(caller.project_id, dataset)]
        return {
            **dataset_to_json(dataset, caller.project_id),
            "items": _told(datasets, caller.project_id, dataset, items),
            "runs": runs,
        }


def _add_runs(router: APIRouter, datasets: Datasets, external: ExternalRuns) -> None:
    @router.get("/datasets/{name:path}/runs")
    def list_runs(name: str, caller: Caller, page: _Page = 1, limit: _Limit = 50) -> Json:
        """The runs over a dataset, the newest first."""
        dataset = _named(datasets, caller, name)
        found = [*external.of(caller.project_id, dataset)]
        shown = found[(page - 1) * limit : page * limit]
        return pages([run_to_json(run, dataset) for run in shown], page, limit, len(found))

    @router.get("/datasets/{name:path}/runs/{run:path}")
    def get_run(name: str, run: str, caller: Caller) -> Json:
        """One run, with what its traces show by now."""
        dataset = _named(datasets, caller, name)
        found = external.find(caller.project_id, dataset, run)
        external.gather(caller.project_id, found)
        items = [run_item_to_json(found, one) for one in external.runs.each(caller.project_id, found.id)]
        return {**run_to_json(found, dataset), "datasetRunItems": items}

    @router.delete("/datasets/{name:path}/runs/{run:path}")
    def delete_run(name: str, run: str, caller: Caller) -> Json:
        """Delete a run. Its traces stay."""
        found = external.find(caller.project_id, _named(datasets, caller, name), run)
        external.runs.delete(caller.project_id, found.id)
        return {"message": "Dataset run successfully deleted"}


def _add_items(router: APIRouter, datasets: Datasets, production: Production) -> None:
    @router.post("/dataset-items")
    def put_item(body: GivenItem, caller: Caller) -> Json:
        """Add an item, or change the one of this id; ARCHIVED takes it out of the newest version."""
        project, author = caller.project_id, Actor.of(caller).name
        dataset = _named(datasets, caller, body.dataset_name)
        key = new_id() if body.id is None else body.id.removeprefix(f"{dataset.id}/")
        before = _last(datasets, project, dataset, key)
        gone = before is not None and before.until is not None
        production.put(project, dataset, [replace(body.over(before), key=key)], author=author)
        if body.status == "ARCHIVED" or (gone and body.status is None):
            datasets.change(project, dataset, remove=[key], author=author, note="archived")
        return _told(datasets, project, dataset, [datasets.items.get(project, key, dataset.id)])[0]

    @router.get("/dataset-items")
    def list_items(
        caller: Caller,
        name: Annotated[_Text, Query(alias="datasetName")] = None,
        trace: Annotated[_Text, Query(alias="sourceTraceId")] = None,
        span: Annotated[_Text, Query(alias="sourceObservationId")] = None,
        version: _Text = None,
        page: _Page = 1,
        limit: _Limit = 50,
    ) -> Json:
        """Items of a dataset as it is, or was at the time `version`; or those that came from a trace."""
        project, skip = caller.project_id, (page - 1) * limit
        dataset = None if name is None else _named(datasets, caller, name)
        if trace is not None:
            step, of = None if span is None else span_id_of(span), None if dataset is None else dataset.id
            items = datasets.items.of_trace(project, trace_id_of(trace), span=step, dataset_id=of, limit=_MOST_WHOLE)
            shown = [_one(datasets, project, item) for item in items[skip : skip + limit]]
            return pages(shown, page, limit, len(items))
        if dataset is None:
            raise InvalidRequest("Name the `datasetName`, or the `sourceTraceId`.", param="datasetName")
        kept = datasets.version(project, dataset)
        if version is not None:
            kept = datasets.version_at(project, dataset, _time(version))
        items = datasets.items.page(project, dataset.id, kept.number, limit=limit, skip=skip).items
        return pages(_told(datasets, project, dataset, items), page, limit, kept.size - kept.erased)

    @router.get("/dataset-items/{item:path}")
    def get_item(item: str, caller: Caller) -> Json:
        """One item, as it was last."""
        return _one(datasets, caller.project_id, _known(datasets, caller.project_id, item))

    @router.delete("/dataset-items/{item:path}")
    def delete_item(item: str, caller: Caller) -> Json:
        """Take an item out of the newest version. Versions of before keep it, and so do runs."""
        found = _known(datasets, caller.project_id, item)
        dataset = datasets.get(caller.project_id, found.dataset_id)
        datasets.change(caller.project_id, dataset, remove=[found.key], author=Actor.of(caller).name, note="deleted")
        return {"message": "Dataset item successfully deleted"}


def _add_run_items(router: APIRouter, datasets: Datasets, external: ExternalRuns) -> None:
    @router.post("/dataset-run-items")
    def link(body: GivenRunItem, caller: Caller) -> Json:
        """Note in which trace an item was run; the first of a name makes the run."""
        if body.trace_id is None:
            raise InvalidRequest("Name the `traceId` in which the item was run.", param="traceId")
        project = caller.project_id
        item = _known(datasets, project, body.dataset_item_id)
        dataset, number = datasets.get(project, item.dataset_id), None
        if body.dataset_version is not None:
            number = datasets.version_at(project, dataset, _time(body.dataset_version)).number
            item = datasets.items.get(project, item.key, dataset.id, number)
        run = external.begin(
            project, dataset, body.run_name, version=number, source="langfuse", description=body.run_description,
            metadata=body.about,
        )  # fmt: skip
        span = None if body.observation_id is None else span_id_of(body.observation_id)
        trial = external.link(project, run, Link(item.key, trace_id_of(body.trace_id), span), item)
        return run_item_to_json(run, external.runs.outcome(project, run.id, item.key, trial))

    @router.get("/dataset-run-items")
    def list_run_items(
        caller: Caller,
        dataset_id: Annotated[str, Query(alias="datasetId", max_length=512)],
        run_name: Annotated[str, Query(alias="runName", max_length=512)],
        page: _Page = 1,
        limit: _Limit = 50,
    ) -> Json:
        """The items of a run, by their ids."""
        project = caller.project_id
        run = external.find(project, datasets.get(project, dataset_id), run_name)
        outcomes = [*external.runs.each(project, run.id)]
        shown = outcomes[(page - 1) * limit : page * limit]
        return pages([run_item_to_json(run, one) for one in shown], page, limit, len(outcomes))


def _named(datasets: Datasets, caller: Principal, name: str) -> Dataset:
    found = datasets.get(caller.project_id, name)
    if found.name != name:  # an id is no name here
        raise NotFound(f"There is no dataset of the name '{name[:256]}'.", param="datasetName")
    return found


def _last(datasets: Datasets, project: str, dataset: Dataset, key: str) -> Item | None:
    try:
        return datasets.items.get(project, key, dataset.id)
    except NotFound:
        return None


def _known(datasets: Datasets, project: str, given: str) -> Item:
    """The item of this id, as `item_to_json` made it."""
    of, slash, key = given.partition("/")
    if slash:
        with suppress(NotFound):
            dataset = datasets.get(project, of)
            if dataset.id == of:
                return datasets.items.get(project, key, of)
    return datasets.items.get(project, given)


def _told(datasets: Datasets, project: str, dataset: Dataset, items: list[Item]) -> list[Json]:
    elsewhere = datasets.items.elsewhere(project, dataset.id, [item.key for item in items])
    made = datasets.made_at(project, dataset.id, [item.since for item in items])
    return [item_to_json(item, dataset.name, made[item.since], elsewhere) for item in items]


def _one(datasets: Datasets, project: str, item: Item) -> Json:
    return _told(datasets, project, datasets.get(project, item.dataset_id), [item])[0]


def _time(given: str) -> int:
    at = when_us(given)
    if at is None or not 0 <= at < 2**62:
        raise InvalidRequest("`version` must be an ISO 8601 time.", param="version")
    return at
