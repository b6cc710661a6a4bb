"""Experiments that the Langfuse SDK runs, as it says them of its spans: each item in its trace, as runs of ours.

Its versions 4 and 5 write `langfuse.experiment.*` on the spans of an experiment; 3 and 4 also link each item by a call.
Both come to the same run. What names no dataset that is here is a run over no dataset.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import msgspec

from pilothouse.call import Span
from pilothouse.errors import NotFound
from pilothouse.evals.datasets.external import ExternalRuns, Link
from pilothouse.observe.dialects.langfuse_scores import EXPERIMENT
from pilothouse.observe.dialects.values import when_us
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_items import Item
from pilothouse.storage.evaluating.datasets import Dataset, Datasets
from pilothouse.storage.evaluating.eval_outcomes import MOST_NAME
from pilothouse.types import Json

__all__ = ["Experiments", "external_runs", "of_experiment"]

_SAYS = "langfuse.experiment."
_ID, _NAME, _ITEM = f"{_SAYS}id", f"{_SAYS}name", f"{_SAYS}item.id"
_LONGEST_NAME = 256


def external_runs(store: Store) -> ExternalRuns:
    """Of this store, with the scores of whole experiments where Langfuse's are kept."""
    return ExternalRuns(store, partial(str.__add__, EXPERIMENT))


def of_experiment(span: Span) -> bool:
    """Whether a span says that it is part of an experiment."""
    said = span.attributes
    return isinstance(said.get(_ID), str) and isinstance(said.get(_ITEM), str)


@dataclass(frozen=True)
class Experiments:
    """Of a store. Blocks on the database."""

    store: Store
    runs: ExternalRuns

    @cached_property
    def _datasets(self) -> Datasets:
        return Datasets(self.store)

    def note(self, project: str, spans: Sequence[Span]) -> None:
        """Link the items of these spans, which are kept already. The same again is the same."""
        seen = set[tuple[str, ...]]()
        for span in spans:
            said = {name: str(span.attributes.get(_SAYS + name) or "") for name in _TOLD}
            key = (said["id"], said["item.id"], span.trace_id)
            if key not in seen and 0 < len(said["item.id"]) <= MOST_NAME and said["item.id"].isprintable():
                seen.add(key)
                self._link(project, span, said)

    def _link(self, project: str, span: Span, said: dict[str, str]) -> None:
        dataset, item = self._found(project, said)
        version = None
        if dataset is not None and (at := when_us(said["item.version"])) is not None:
            version = self._datasets.version_at(project, dataset, at).number
        run = self.runs.begin(
            project, dataset, (said["name"] or said["id"])[:_LONGEST_NAME], version=version, source="langfuse",
            description=said["description"] or None,
            metadata=_object(said["metadata"]), known_as=said["id"],
        )  # fmt: skip
        case = said["item.id"] if item is None else item.key
        step = said["item.root_observation_id"] or None
        self.runs.link(project, run, Link(case, span.trace_id, step), item)

    def _found(self, project: str, said: dict[str, str]) -> tuple[Dataset | None, Item | None]:
        key = said["item.id"].removeprefix(f"{said['dataset.id']}/")
        try:
            dataset = self._datasets.get(project, said["dataset.id"]) if said["dataset.id"] else None
            return dataset, None if dataset is None else self._datasets.items.get(project, key, dataset.id)
        except NotFound:
            return None, None


_TOLD = ("id", "name", "description", "metadata", "dataset.id", "item.id", "item.version", "item.root_observation_id")


def _object(text: str) -> Json:
    try:
        told = msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return {}
    return told if isinstance(told, dict) else {}
