"""Items from traces of production: found by filter, sampled, and kept only as long as their traces may be.

An item is the step that stands for its trace, as `Traces.item` tells it. What was answered, and how it was judged, is
in its metadata (`output`, `scores`): it need not be right, so nothing is expected yet.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.datasets.records import item_of_record
from pilothouse.evals.datasets.sampling import Vector, at_random, diverse, failures_first, stratified
from pilothouse.evals.traced import asked_by_evaluation
from pilothouse.observe.listing import Filters, TraceRow
from pilothouse.observe.privacy.erasures import erased_traces, user_hash
from pilothouse.observe.topics.questions import Questions
from pilothouse.observe.traces import Traces
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_changes import Change
from pilothouse.storage.evaluating.dataset_erasing import DatasetErasing
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets

__all__ = ["STRATA", "Built", "Production", "Sampling", "VectorsOf"]

VectorsOf = Callable[[Sequence[str]], Mapping[str, Vector]]
"""The vectors of the questions of traces, by their ids; of those that have none, none."""

STRATA = (
    "name", "status", "error_code", "endpoint", "request_model", "deployment", "feature", "source", "user_id",
    "session_id",
)  # fmt: skip
"""What traces can be stratified by."""

_PAGE = 500
_MOST_PAGES = 100  # of a list that a filter thins out
_ALL = Filters()


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which traces to take, `most` of them. They are chosen from the newest `searched` that the filter lets through.

    `how`: random; stratified, evenly by one of STRATA in `by`; failures, those whose trace failed first; diverse, the
    farthest from each other by the vectors of their questions. Of traces that have no vector (the background makes one
    of a sample of each day) none is taken by `diverse`, unless whoever asks has others.
    """

    how: Literal["newest", "random", "stratified", "failures", "diverse"] = "random"
    most: int = 100
    by: str = ""
    seed: int = 0
    searched: int = 10_000


@dataclass(frozen=True, slots=True)
class Built:
    """What came of it: `found` traces went through the filter, `chosen` were taken, of which `unreadable` have no input
    that is kept. `change` is that of the dataset."""

    change: Change
    found: int
    chosen: int
    unreadable: int


class Production:
    """The traces of a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._traces = Traces(store)

    def choose(
        self, project: str, filters: Filters = _ALL, sampling: Sampling | None = None,
        vectors: VectorsOf | None = None, *, own: bool = False,
    ) -> tuple[list[TraceRow], int]:  # fmt: skip
        """The traces to take, and how many they were chosen from; with `own` also of what evaluation itself asked.
        `vectors` gives those for `diverse` in place of the
        kept ones. Raises InvalidRequest for a sampling that there is not."""
        sampling = sampling or Sampling()
        _check(sampling)
        rows = self._found(project, filters, sampling, own)
        ids, seed = [*rows], sampling.seed
        match sampling.how:
            case "newest":
                chosen = ids[: sampling.most]
            case "random":
                chosen = at_random(ids, sampling.most, seed)
            case "stratified":
                strata = {one: str(getattr(rows[one], sampling.by) or "") for one in ids}
                chosen = stratified(strata, sampling.most, seed)
            case "failures":
                failed = {one for one in ids if rows[one].status == "error"}
                chosen = failures_first(ids, failed, sampling.most, seed)
            case _:
                kept = (vectors or partial(self.vectors, project))(ids)
                chosen = diverse({one: kept[one] for one in ids if one in kept}, sampling.most, seed)
        return [rows[one] for one in chosen], len(rows)

    def items(self, project: str, rows: Sequence[TraceRow]) -> Iterator[NewItem]:
        """An item of each trace whose input is kept; what goes meanwhile is left out."""
        for row in rows:
            try:
                item = self._item(project, row.trace_id, "", row.user_id)
            except NotFound:
                continue
            if item is not None:
                yield item

    def item(self, project: str, trace_id: str, span_id: str = "") -> NewItem:
        """An item of a step, by default the one that stands for the trace. Raises NotFound, also where its input is not
        kept."""
        user = self._traces.get(trace_id, project, payload=False, most=1).root.user_id
        item = self._item(project, trace_id, span_id, user)
        if item is None:
            raise NotFound("The input of this step is not kept, so that there is nothing to ask again.", param="trace")
        return item

    def _item(self, project: str, trace_id: str, span_id: str, user: str | None) -> NewItem | None:
        told = self._traces.item(trace_id, span_id, project)
        if told["input"] is None:
            return None
        item = item_of_record({**told, "scores": told["scores"] or None}, f"the trace {trace_id}")
        hidden = None if user is None else user_hash(user)
        return None if item is None else replace(item, source_trace=trace_id, source_user=hidden)

    def add(
        self, project: str, dataset: Dataset, filters: Filters = _ALL, sampling: Sampling | None = None, *,
        vectors: VectorsOf | None = None, each: Callable[[NewItem], NewItem] = lambda item: item,
        author: str = "", note: str = "",
    ) -> Built:  # fmt: skip
        """Choose traces and add what they are to the dataset, in one new version; `each` may change an item on its way
        (scrubbing). The same traces again change nothing."""
        rows, found = self.choose(project, filters, sampling, vectors)
        taken = 0

        def arriving() -> Iterator[NewItem]:
            nonlocal taken
            for item in self.items(project, rows):
                taken += 1
                yield each(item)

        change = self.put(project, dataset, arriving(), author=author, note=note)
        return Built(change, found, len(rows), len(rows) - taken)

    def put(
        self, project: str, dataset: Dataset, items: Iterable[NewItem], *, author: str = "", note: str = "",
        base: int | None = None,
    ) -> Change:  # fmt: skip
        """Add items that came from traces, as `Datasets.change` does. Of a trace that was deleted meanwhile none is
        kept."""
        traces = list[str]()

        def noted() -> Iterator[NewItem]:
            for item in items:
                if item.source_trace is not None:
                    traces.append(item.source_trace)
                yield item

        change = Datasets(self._store).change(project, dataset, noted(), author=author, note=note, base=base)
        with self._store.observe.connect() as connection:
            gone = erased_traces(connection, project, traces)
        if gone:  # deleted while they were read: whoever deletes them from now on finds the items by himself
            DatasetErasing(self._store).forget_traces(project, gone)
        return change

    def _found(self, project: str, filters: Filters, sampling: Sampling, own: bool) -> dict[str, TraceRow]:
        enough = sampling.most if sampling.how == "newest" else max(sampling.searched, sampling.most)
        rows, before = dict[str, TraceRow](), None
        for _ in range(_MOST_PAGES):
            page = self._traces.list(project, min(_PAGE, enough - len(rows)), before, filters)
            ids = [row.trace_id for row in page.rows]
            left_out = set[str]() if own else asked_by_evaluation(self._store, project, ids)
            rows |= {row.trace_id: row for row in page.rows if row.trace_id not in left_out}
            before = page.next
            if before is None or len(rows) >= enough:
                break
        return rows

    def vectors(self, project: str, ids: Sequence[str], model: str | None = None) -> dict[str, Vector]:
        """The kept vectors of these traces, of one encoder (its fingerprint), by default that of the newest."""
        questions = Questions(self._store)
        asked = questions.of(project, ids, model or questions.model(project) or "")
        return dict(zip(asked.traces, asked.vectors, strict=True))


def _check(sampling: Sampling) -> None:
    if sampling.most < 1 or sampling.searched < 1:
        raise InvalidRequest("A sample has at least 1 item.", param="most")
    if sampling.how not in ("newest", "random", "stratified", "failures", "diverse"):
        raise InvalidRequest(f"'{sampling.how[:40]}' is no way to sample.", param="how")
    if sampling.how == "stratified" and sampling.by not in STRATA:
        raise InvalidRequest(f"Say what to stratify by: {', '.join(STRATA)}.", param="by")
