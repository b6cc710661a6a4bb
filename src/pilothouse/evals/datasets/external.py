"""Runs that other programs made over a dataset: they link each case to the trace in which they answered it.

A run is named once per dataset. Its traces and scores may come before their links or long after them, so that a run
goes on, `running`, until somebody closes it: `gather` takes what there is by then. Knows nothing of who links, nor how.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from msgspec.structs import replace

from pilothouse.cases import Case, Outcome
from pilothouse.errors import NotFound
from pilothouse.evals.datasets.cases import case_of
from pilothouse.evals.datasets.reported import STEP, answered, judged
from pilothouse.ids import content_hash, now_us
from pilothouse.observe.privacy.erasures import erased_traces
from pilothouse.observe.scores import Score, ScoresSought
from pilothouse.observe.traces import Traces
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Dataset
from pilothouse.storage.evaluating.eval_erasing import EvalErasing
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.types import Json

__all__ = ["ExternalRuns", "Link"]

_AT_ONCE = 100
_MOST_SCORES = 5000  # of a hundred traces
_LISTED = 500
_MOST_NAMES = 20
_SUITE = "experiments"
"""Of runs over what is in no dataset."""


@dataclass(frozen=True, slots=True)
class Link:
    """That a case was answered in this trace, at this step of it (by default the first)."""

    case_id: str
    trace_id: str
    span_id: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalRuns:
    """Of a store. Blocks on the database. `session` says under which session's name the scores of a whole run lie, by
    the ids that the run is known by."""

    store: Store
    session: Callable[[str], str] = str
    clock: Callable[[], int] = now_us
    runs: EvalRuns = field(init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "runs", EvalRuns(self.store, self.clock))

    def begin(
        self, project: str, dataset: Dataset | None, name: str, *, version: int | None = None, source: str,
        description: str | None = None, metadata: Json | None = None, known_as: str | None = None,
    ) -> Run:  # fmt: skip
        """The run of this name over this dataset, made where there is none. What is said of it is added to what was
        said before. `known_as` is an id that its own program has for it."""
        name = _printable(name)
        with self._turn:
            run = self._find(project, dataset, name)
            new: Json = {"source": source, "dataset": None if dataset is None else dataset.name}
            before = new if run is None else run.subject
            subject = {**before, "known_as": _names(before.get("known_as", []), known_as)}
            if description is not None:
                subject["description"] = description
            if run is None:
                made = self.runs.create(
                    project, name=name, suite=_SUITE if dataset is None else _printable(dataset.name), kind="external",
                    subject=subject, plan={}, plan_hash=content_hash({}), metadata=metadata,
                    dataset_id=None if dataset is None else dataset.id,
                    dataset_version=dataset.version if dataset is not None and version is None else version,
                )  # fmt: skip
                return self._find(project, dataset, name) or made
            wanted: Json = {"subject": subject, "metadata": {**run.metadata, **(metadata or {})}, "status": "running"}
            if any(getattr(run, name) != value for name, value in wanted.items()):
                run = self.runs.update(project, run.id, **wanted, ended_us=None)
            return run

    def find(self, project: str, dataset: Dataset, name: str) -> Run:
        """The run of this name over this dataset. Raises NotFound."""
        found = self._find(project, dataset, _printable(name))
        if found is None:
            raise NotFound(f"There is no run '{name[:256]}' of the dataset '{dataset.name}'.", param="run")
        return found

    def of(self, project: str, dataset: Dataset) -> Iterator[Run]:
        """All runs of other programs over this dataset, the newest first."""
        before: str | None = None
        while True:
            page = self.runs.list(project, dataset_id=dataset.id, before=before, limit=_LISTED)
            yield from (run for run in page.runs if run.kind == "external")
            if (before := page.next) is None:
                return

    def link(self, project: str, run: Run, link: Link, item: NewItem | None = None) -> int:
        """Note where a case of a run was answered; which trial of it that is. The same again is the same. Without an
        `item` the case is what its trace shows."""
        said: Json = {} if link.span_id is None else {STEP: link.span_id}
        case = Case(id=link.case_id, input=None) if item is None else case_of(item, link.case_id)
        case = replace(
            case, output="", steps=(), latency_s=None, trace_id=link.trace_id, metadata={**case.metadata, **said}
        )
        with self._turn:
            trial = 0
            while (there := self._kept(project, run.id, link.case_id, trial)) is not None:
                if there.case.trace_id == link.trace_id:
                    if link.span_id is None or STEP in there.case.metadata:
                        return trial
                    break
                trial += 1
            self.runs.put(project, run.id, [Outcome(case=case, trial=trial)])
            now = self.runs.get(project, run.id)
            counts = {"cases": now.cases + (trial == 0 and there is None), "trials": max(now.trials, trial + 1)}
            self.runs.update(project, run.id, **counts)
            return trial

    def gather(self, project: str, run: Run, *, close: bool = False) -> bool:
        """Take what the traces of a run and its scores show by now; whether that is more than before. With `close` the
        run is over, and what is there of a trace counts as the whole."""
        traces, changed = Traces(self.store), False
        cases, trials, cost = set[str](), 1, 0
        known = True
        outcomes = self.runs.each(project, run.id)
        while some := [*islice(outcomes, _AT_ONCE)]:
            scores = self._scores(project, some)
            made = [self._now(traces, project, outcome, scores, close) for outcome in some]
            new = [now for before, now in zip(some, made, strict=True) if now != before]
            if new:
                changed = True
                self.runs.put(project, run.id, new)
                self._forget_erased(project, [now.case.trace_id for now in new if now.case.trace_id])
            for one in made:
                cases.add(one.case.id)
                trials = max(trials, one.trial + 1)
                known = known and (one.case.cost_nano is not None or one.case.latency_s is None)
                cost += one.case.cost_nano or 0
        fields: Json = {"cases": len(cases), "trials": trials, "cost_nano": cost if known else None}
        if told := self._of_the_whole(project, run):
            fields["subject"] = {**run.subject, "scores": told}
        if close:
            fields |= {"status": "done", "ended_us": self.clock()}
        if any(getattr(run, name) != value for name, value in fields.items()):
            self.runs.update(project, run.id, **fields)
        return changed

    def _find(self, project: str, dataset: Dataset | None, name: str) -> Run | None:
        """The first of the name: where two processes made one at once, both go on with that."""
        page = self.runs.list(project, name=name, dataset_id=None if dataset is None else dataset.id, limit=_LISTED)
        mine = [
            run for run in page.runs
            if run.kind == "external" and run.dataset_id == (None if dataset is None else dataset.id)
        ]  # fmt: skip
        return mine[-1] if mine else None

    def _kept(self, project: str, run_id: str, case_id: str, trial: int) -> Outcome | None:
        try:
            return self.runs.outcome(project, run_id, case_id, trial)
        except NotFound:
            return None

    def _now(
        self, traces: Traces, project: str, outcome: Outcome, scores: dict[str, list[Score]], close: bool
    ) -> Outcome:
        found = outcome
        if outcome.case.latency_s is None and outcome.error is None:
            found = answered(traces, project, outcome, whatever=close) or outcome
        return judged(found, scores.get(found.case.trace_id or "", ()))

    def _scores(self, project: str, outcomes: Sequence[Outcome]) -> dict[str, list[Score]]:
        ids = sorted({outcome.case.trace_id for outcome in outcomes if outcome.case.trace_id})
        found = defaultdict[str, list[Score]](list)
        for score, _ in (
            Traces(self.store).scores.page(project, ScoresSought(trace_id=ids), _MOST_SCORES) if ids else ()
        ):
            found[score.trace_id or ""].append(score)
        return found

    def _of_the_whole(self, project: str, run: Run) -> Json:
        ids = [run.id, *run.subject.get("known_as", ())]
        sought = ScoresSought(session_id=[self.session(str(one)) for one in ids])
        told = [score for score, _ in Traces(self.store).scores.page(project, sought, _LISTED)]
        return {score.name: score.label if score.value is None else score.value for score in reversed(told)}

    def _forget_erased(self, project: str, traces: Sequence[str]) -> None:
        """Of traces that were deleted while they were read: whoever deletes them from now on finds what was kept."""
        with self.store.observe.connect() as connection:
            gone = erased_traces(connection, project, traces)
        if gone:
            EvalErasing(self.store).forget_traces(project, [*gone])


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


def _names(there: list[str], known_as: str | None) -> list[str]:
    return there if known_as is None or known_as in there else [*there, known_as][-_MOST_NAMES:]
