"""Items as cases: of a version of a dataset, or straight from a data file. Knows nothing of who evaluates them.

What the data has of an answer is taken along, so that answers of elsewhere can be judged without asking for them again:
`output` of the metadata, or what RAGAS, DeepEval and OpenAI's evals call it (a text, or the answer of a chat as any API
writes it), `steps` (tool calls; else those of the output itself) and `latency_s`.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.cases import Case, Step
from pilothouse.evals.datasets.files import Format, read_items
from pilothouse.evals.datasets.near import normalised
from pilothouse.evals.values import written
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets
from pilothouse.types import Json

__all__ = ["answer_of", "bare", "case_of", "cases_of", "read_cases"]

_SOURCE = ("split", "source_trace", "source_span", "source_user")
_OUTPUTS = ("output", "response", "actual_output", "completion", "sample", "answer")
_ANSWERS = ("content", "text", "answer", "output", "completion", "output_text")
_BARE = "value"  # what spans hold an output by that is no object
_LONGEST_WAIT = 1e9  # seconds


def case_of(item: NewItem, case_id: str | None = None) -> Case:
    """The case of an item, named by its key unless told otherwise. `split`, `source_trace`, `source_span` and
    `source_user` are in its metadata, where the item has them."""
    told = {name: value for name in _SOURCE if (value := getattr(item, name)) is not None}
    answered = next((item.metadata[name] for name in _OUTPUTS if item.metadata.get(name) is not None), None)
    text, called = answer_of(answered)
    return Case(
        id=case_id or item.key or _named(item), input=item.input, output=text, expected=item.expected,
        context=tuple(item.context), steps=_steps(item.metadata.get("steps")) or called,
        metadata={**item.metadata, **told}, latency_s=_seconds(item.metadata.get("latency_s")),
        trace_id=None if answered is None else item.source_trace,
    )  # fmt: skip


def cases_of(
    datasets: Datasets, project: str, dataset: Dataset, version: int | None = None, *, split: str | None = None,
    limit: int | None = None,
) -> Iterator[Case]:  # fmt: skip
    """The cases of a version, by default the newest, in the order of its items, read page by page. Raises NotFound for
    a version that there is not."""
    number = datasets.version(project, dataset, version).number
    items = datasets.items.each(project, dataset.id, number, split=split)
    return (case_of(item) for item in islice(items, limit))


def read_cases(
    path: Path, kind: Format | None = None, columns: dict[str, str] | None = None, *, split: str | None = None,
    limit: int | None = None,
) -> Iterator[Case]:  # fmt: skip
    """The cases of a data file, in its order. One without an id is named by its input, so that it is the same case
    after other lines of the file have changed; of the same input twice, the second ends in `-2`. Raises what
    `read_items` does."""
    items = (item for item in read_items(path, kind, columns) if split is None or item.split == split)
    return _named_apart(islice(items, limit))


def _named_apart(items: Iterable[NewItem]) -> Iterator[Case]:
    seen = dict[str, int]()
    for item in items:
        name = item.key or _named(item)
        nth = seen[name] = seen.get(name, 0) + 1
        yield case_of(item, name if nth == 1 else f"{name}-{nth}")


def _named(item: NewItem) -> str:
    return blake2b(normalised(item.input).encode("utf-8", "replace"), digest_size=8).hexdigest()


def answer_of(value: Any) -> tuple[str, tuple[Step, ...]]:
    """What was answered, as a text, and the tools that were called with it.

    `value` is a text, a message, a list of messages (the last of the assistant is meant), an answer of a chat with its
    `choices`, or an object with the text in a field of a usual name; anything else is given as JSON.
    """
    value = bare(value)
    if value is None or isinstance(value, str):
        return value or "", ()
    found = _message(value)
    if isinstance(found, dict):
        calls = tuple(_called(found.get("tool_calls")))
        for name in _ANSWERS:
            if name in found and (text := _text(found[name])) is not None:
                return text, calls
        if calls:
            return "", calls
    return written(value), ()


def bare(value: Any) -> Any:
    """What a step took or gave, without the object that spans hold it in where it is none itself."""
    return value[_BARE] if isinstance(value, dict) and value.keys() == {_BARE} else value


def _seconds(given: Any) -> float | None:
    timed = isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < _LONGEST_WAIT
    return float(given) if timed else None


def _message(value: Any) -> Any:
    """The message that answers, wherever it is wrapped."""
    if isinstance(value, dict):
        if isinstance(value.get("choices"), list) and value["choices"] and isinstance(value["choices"][0], dict):
            first = value["choices"][0]
            return first.get("message", first)
        if isinstance(value.get("message"), dict):
            return value["message"]
        value = value["messages"] if isinstance(value.get("messages"), list) else value
    if isinstance(value, list) and value and all(isinstance(turn, dict) and "role" in turn for turn in value):
        return next((turn for turn in reversed(value) if turn["role"] == "assistant"), value[-1])
    return value


def _text(content: Any) -> str | None:
    """A text, or the texts of a message's parts; None for anything else."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list) and content:
        parts = [
            part if isinstance(part, str) else part.get("text") for part in content if isinstance(part, str | dict)
        ]
        texts = [part for part in parts if isinstance(part, str)]
        return "\n".join(texts) if texts else None
    return None


def _called(calls: Any) -> Iterator[Step]:
    """OpenAI's `tool_calls`."""
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield Step(function["name"], _arguments(function.get("arguments")))


def _arguments(given: Any) -> Json:
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return {"": given}
    return given if isinstance(given, dict) else {}


def _steps(given: Any) -> tuple[Step, ...]:
    """Ours: a list of `{"name": ..., "arguments": {...}, "result": ...}`."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        return ()
    named = (step for step in given if isinstance(step, dict) and isinstance(step.get("name"), str))
    return tuple(Step(step["name"], _arguments(step.get("arguments")), step.get("result")) for step in named)
