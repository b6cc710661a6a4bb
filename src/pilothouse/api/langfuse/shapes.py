"""Datasets, their items and runs in Langfuse's words. https://api.reference.langfuse.com

An item's metadata there are any JSON; what is no object is kept under one key and given back as it came. Our context
and split, for which Langfuse has no place, are fields beside its own.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from pilothouse.cases import Outcome
from pilothouse.evals.datasets.reported import STEP
from pilothouse.ids import content_hash
from pilothouse.observe.dialects.langfuse_ids import iso, span_id_of, trace_id_of
from pilothouse.storage.evaluating.dataset_items import Item, NewItem
from pilothouse.storage.evaluating.datasets import Dataset
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.types import Json

__all__ = [
    "GivenDataset", "GivenItem", "GivenRunItem", "dataset_to_json", "item_to_json", "kept_metadata", "pages",
    "run_item_to_json", "run_to_json",
]  # fmt: skip

_WHOLE_MS = 999
_ANY = "langfuse.metadata"
_Text = Annotated[str, Field(min_length=1, max_length=512)]


class _Given(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, allow_inf_nan=False)


class GivenDataset(_Given):
    """A dataset as clients make one."""

    name: str
    description: Annotated[str | None, Field(max_length=20_000)] = None
    metadata: Any = None
    input_schema: Any = None
    expected_output_schema: Any = None


class GivenItem(_Given):
    """An item as clients put one; what is null or left out stays as it is."""

    dataset_name: str
    id: _Text | None = None
    input: Any = None
    expected_output: Any = None
    metadata: Any = None
    source_trace_id: _Text | None = None
    source_observation_id: _Text | None = None
    status: Literal["ACTIVE", "ARCHIVED"] | None = None

    def over(self, before: Item | None) -> NewItem:
        """The item that this makes of what was there."""
        item = NewItem(input=None) if before is None else before
        changes: Json = {}
        for name, value in (("input", self.input), ("expected", self.expected_output)):
            if value is not None:
                changes[name] = value
        if self.metadata is not None:
            changes["metadata"] = kept_metadata(self.metadata)
        if self.source_trace_id is not None:
            changes["source_trace"] = trace_id_of(self.source_trace_id)
        if self.source_observation_id is not None:
            changes["source_span"] = span_id_of(self.source_observation_id)
        return replace(item, **changes)


class GivenRunItem(_Given):
    """That an item was run in a trace."""

    run_name: Annotated[str, Field(min_length=1, max_length=256)]
    run_description: Annotated[str | None, Field(max_length=20_000)] = None
    metadata: Any = None
    dataset_item_id: _Text
    trace_id: _Text | None = None
    observation_id: _Text | None = None
    dataset_version: str | None = None

    @property
    def about(self) -> Json:
        """The metadata of the run."""
        return {} if self.metadata is None else kept_metadata(self.metadata)


def dataset_to_json(dataset: Dataset, project: str) -> Json:
    """A dataset as `/v2/datasets` gives it."""
    return {
        "id": dataset.id, "name": dataset.name, "description": dataset.description or None,
        "metadata": _told(dataset.metadata), "inputSchema": None, "expectedOutputSchema": None, "projectId": project,
        "createdAt": iso(dataset.created_us), "updatedAt": iso(dataset.updated_us),
    }  # fmt: skip


def item_to_json(item: Item, name: str, at_us: int, elsewhere: Collection[str] = ()) -> Json:
    """An item of the dataset `name` as `/dataset-items` gives it; it became what it is at `at_us`, when its version was
    made. Its id there is to be that of no other item of the project: where its key is one of those `elsewhere`, the
    dataset's id stands before it."""
    at = iso(at_us + _WHOLE_MS)  # so that the dataset as it was at that time has the item
    own = {"context": list(item.context) or None, "split": item.split}
    return {
        "id": f"{item.dataset_id}/{item.key}" if item.key in elsewhere else item.key,
        "status": "ACTIVE" if item.until is None else "ARCHIVED", "input": item.input, "expectedOutput": item.expected,
        "metadata": _told(item.metadata), "sourceTraceId": item.source_trace, "sourceObservationId": item.source_span,
        "datasetId": item.dataset_id, "datasetName": name, "createdAt": at, "updatedAt": at,
        "mediaReferences": [],
        **{field: value for field, value in own.items() if value is not None},
    }  # fmt: skip


def run_to_json(run: Run, dataset: Dataset) -> Json:
    """A run as `/datasets/{name}/runs` gives it."""
    updated = run.ended_us or run.created_us
    return {
        "id": run.id, "name": run.name, "description": run.subject.get("description"), "metadata": _told(run.metadata),
        "datasetId": dataset.id, "datasetName": dataset.name, "createdAt": iso(run.created_us),
        "updatedAt": iso(updated),
    }  # fmt: skip


def run_item_to_json(run: Run, outcome: Outcome) -> Json:
    """One case of a run as `/dataset-run-items` gives it."""
    case = outcome.case
    return {
        "id": content_hash([run.id, case.id, outcome.trial])[:32], "datasetRunId": run.id, "datasetRunName": run.name,
        "datasetItemId": case.id, "traceId": case.trace_id or "", "observationId": case.metadata.get(STEP),
        "createdAt": iso(run.created_us), "updatedAt": iso(run.ended_us or run.created_us),
    }  # fmt: skip


def pages(data: list[Json], page: int, limit: int, total: int) -> Json:
    """A page as Langfuse numbers them, from 1 on."""
    meta = {"page": page, "limit": limit, "totalItems": total, "totalPages": -(-total // limit)}
    return {"data": data, "meta": meta}


def kept_metadata(metadata: Any) -> Json:
    """Metadata as ours are: an object."""
    return metadata if isinstance(metadata, dict) else {_ANY: metadata}


def _told(metadata: Json) -> Any:
    return metadata[_ANY] if metadata.keys() == {_ANY} else metadata or None
