"""A record of somebody's file as an item. Knows nothing of files.

    Pilothouse          id, input, expected, context, metadata, split, source_trace, source_span, source_user
    a step of a trace   id, input, output, scores, metadata with trace_id and span_id (GET /api/traces/{id}/item)
    Langfuse            id, input, expectedOutput, metadata, sourceTraceId, sourceObservationId, status
    OpenAI evals        input and ideal (github.com/openai/evals), or an `item` with whatever fields it has (the API)

Other names that many use are read, too (`_NAMES`). What has no place of its own goes into the metadata. An item of
Langfuse that is archived is none.
"""

import re
from typing import Any

from pilothouse.errors import InvalidRequest
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.types import Json

__all__ = ["item_of_record"]

_NAMES = {
    "key": ("id", "key"),
    "input": ("input", "question", "query", "prompt", "messages"),
    "expected": ("expected", "expectedOutput", "expected_output", "ideal", "ground_truth", "reference", "answer"),
    "context": ("context", "contexts", "retrieved_contexts", "retrieval_context"),
    "metadata": ("metadata",),
    "split": ("split",),
    "source_trace": ("source_trace", "sourceTraceId", "source_trace_id"),
    "source_span": ("source_span", "sourceObservationId", "source_observation_id"),
    "source_user": ("source_user",),
}
_TEXTS = ("key", "split", "source_trace", "source_span", "source_user")
_UNSAID = (
    "status", "createdAt", "updatedAt", "datasetId", "datasetName", "projectId", "htmlSourcePath", "mediaReferences",
    "validFrom", "validTo",
)  # fmt: skip
"""What Langfuse says of an item that is not part of it."""
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def item_of_record(record: Any, where: str, columns: dict[str, str] | None = None) -> NewItem | None:
    """The item; None where the record says that it is archived.

    `columns` tells which field of the record is the `input`, `expected`, ... where the names do not. Raises
    InvalidRequest that begins with `where` and names the key.
    """
    if not isinstance(record, dict):
        raise InvalidRequest(f"{where}: is no JSON object: an item needs `input`.")
    if record.get("status") == "ARCHIVED" and ("expectedOutput" in record or "expected_output" in record):
        return None
    wrapped = isinstance(record.get("item"), dict) and "input" not in record
    fields = {**record.pop("item"), **record} if wrapped else dict(record)
    given = _given(fields, columns or {}, where)
    if "input" not in given and wrapped and fields:
        given["input"], fields = fields, {}  # an evaluator of that API names the fields it looks at
    if given.get("input") is None:
        raise InvalidRequest(f"{where}: `input` is missing; there is {_told(record)}.", param="input")
    given["context"] = _context(given.get("context"), where)
    given["metadata"] = metadata = _metadata(given.get("metadata"), where)
    for name in _TEXTS:
        given[name] = _text(given.get(name), name, where)
    if given["source_trace"] is None and _is_id(metadata.get("trace_id")):
        given["source_trace"] = metadata.pop("trace_id")
        given["source_span"] = metadata.pop("span_id") if _is_id(metadata.get("span_id")) else given["source_span"]
    for name, value in fields.items():
        if value is not None and not ("expectedOutput" in record and name in _UNSAID):
            metadata.setdefault(name, value)
    return NewItem(**given)


def _given(fields: Json, columns: dict[str, str], where: str) -> Json:
    """What has a place of its own, taken out of the fields."""
    given: Json = {}
    for name, column in columns.items():
        if name not in _NAMES:
            raise InvalidRequest(f"'{name[:40]}' is nothing an item has: {', '.join(_NAMES)}.", param="columns")
        if column not in fields:
            raise InvalidRequest(f"{where}: `{column[:80]}` is missing; there is {_told(fields)}.", param=column[:80])
        given[name] = fields.pop(column)
    for name, names in _NAMES.items():
        if name not in given and (found := next((one for one in names if fields.get(one) is not None), None)):
            given[name] = fields.pop(found)
    return given


def _context(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    passages = [value] if isinstance(value, str) else value
    if not (isinstance(passages, list) and all(isinstance(passage, str) for passage in passages)):
        raise InvalidRequest(f"{where}: `context` must be a text or a list of texts.", param="context")
    return tuple(passages)


def _metadata(value: Any, where: str) -> Json:
    if value is not None and not isinstance(value, dict):
        raise InvalidRequest(f"{where}: `metadata` must be a JSON object.", param="metadata")
    return dict(value or {})


def _text(value: Any, name: str, where: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        told = "id" if name == "key" else name
        raise InvalidRequest(f"{where}: `{told}` must be a text.", param=told)
    return str(value)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _told(record: Json) -> str:
    return ", ".join(f"`{str(name)[:40]}`" for name in [*record][:12]) or "nothing"
