"""Runs of other programs: cases linked to traces that come before or after, and what becomes of them."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.cases import Verdict
from pilothouse.errors import NotFound
from pilothouse.evals.datasets.external import ExternalRuns, Link
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.privacy.erasing import Erasing
from pilothouse.observe.scores import Score, Scores
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store, open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets
from pilothouse.storage.evaluating.eval_erasing import EvalErasing

P, AT = "default", 1_750_000_000_000_000
Write = Callable[..., None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


@pytest.fixture
def write(store: Store, tmp_path: Path) -> Iterable[Write]:
    spool = Spool.open(tmp_path, 2**24)
    drainer = Drainer(spool, store, tmp_path)
    recorder = SpoolRecorder(spool, drainer.wake)

    def record(*spans: Span) -> None:
        for span in spans:
            recorder.record(span)
        drainer.flush()

    yield record
    drainer.stop()
    spool.close()


@pytest.fixture
def dataset(store: Store) -> Dataset:
    datasets = Datasets(store)
    made = datasets.create(P, "d")
    datasets.change(P, made, [NewItem(key="a", input="q1", expected="one"), NewItem(key="b", input="q2")])
    return datasets.get(P, "d")


def span(trace: str, name: str, parent: str | None = None, **changes: Any) -> Span:
    fields: dict[str, Any] = {
        "trace_id": trace, "id": name, "parent_id": parent, "project_id": P, "name": name, "kind": "chain",
        "start_us": AT, "end_us": AT + 2_000_000, "output": {"value": f"answer of {name}"},
    }  # fmt: skip
    return Span(**(fields | changes))


def test_a_case_is_what_its_step_shows(store: Store, write: Write, dataset: Dataset) -> None:
    external = ExternalRuns(store)
    run = external.begin(P, dataset, "first", source="langfuse", description="try", metadata={"commit": "c"})
    assert (run.kind, run.status, run.dataset_version, run.suite) == ("external", "running", 1, "d")
    item = Datasets(store).items.get(P, "a", dataset.id)
    assert external.link(P, run, Link("a", "t1", "task"), item) == 0
    assert external.link(P, run, Link("a", "t1", "task"), item) == 0
    assert not external.gather(P, run)
    write(span("t1", "root", output={"value": "whole"}))
    assert not external.gather(P, run)
    write(
        span("t1", "task", "root", end_us=AT + 500_000),
        span("t1", "call", "task", kind="llm", request_model="m", cost_nano=7),
        span("t1", "judge", "root", kind="llm", request_model="m", cost_nano=100),
    )
    Scores(store).put(P, [Score(id="1", trace_id="t1", name="exact", kind="boolean", value=1.0, comment="same")])
    assert external.gather(P, run)
    outcome = external.runs.outcome(P, run.id, "a")
    case = outcome.case
    assert (case.input, case.expected, case.output) == ("q1", "one", "answer of task")
    assert (case.latency_s, case.cost_nano, case.trace_id) == (0.5, 7, "t1")
    assert outcome.verdicts == (Verdict.ok("exact", 1.0, passed=True, explanation="same"),)
    assert not external.gather(P, external.find(P, dataset, "first"))
    later = [
        Score(id="2", trace_id="t1", span_id="task", name="exact", value=0.5, at_us=2**52),
        Score(id="3", trace_id="t1", name="mood", kind="categorical", label="calm"),
        Score(id="4", session_id=f"run:{run.id}", name="mean", value=0.5),
    ]
    Scores(store).put(P, later)
    assert ExternalRuns(store, "run:{}".format).gather(P, run, close=True)
    told = external.runs.outcome(P, run.id, "a").verdicts
    assert {one.evaluator: one.label or one.score for one in told} == {"exact": 0.5, "mood": "calm"}
    done = external.find(P, dataset, "first")
    assert (done.status, done.cases, done.trials, done.done, done.cost_nano) == ("done", 1, 1, 1, 7)
    assert (done.subject["scores"], done.subject["description"], done.metadata) == (
        {"mean": 0.5},
        "try",
        {"commit": "c"},
    )
    assert external.begin(P, dataset, "first", source="langfuse", metadata={"n": 1}).status == "running"


def test_trials_failures_and_what_never_comes(store: Store, write: Write, dataset: Dataset) -> None:
    external = ExternalRuns(store)
    run = external.begin(P, dataset, "r", source="langfuse")
    item = Datasets(store).items.get(P, "b", dataset.id)
    assert [external.link(P, run, Link("b", trace), item) for trace in ("t1", "t2", "t3", "t2")] == [0, 1, 2, 1]
    write(span("t1", "root", status="error", error_message="no model"), span("t2", "part", "elsewhere"))
    Scores(store).put(P, [Score(id="1", trace_id="t1", name="exact", value=1.0)])
    external.gather(P, run)
    first, second, third = external.runs.each(P, run.id)
    assert (first.error, first.verdicts, first.case.latency_s) == ("no model", (), 2.0)
    assert (second.case.output, third.case.output) == ("", "")
    external.gather(P, run, close=True)
    first, second, third = external.runs.each(P, run.id)
    assert (second.case.output, third.case.output, third.case.latency_s) == ("answer of part", "", None)
    found = external.find(P, dataset, "r")
    assert (found.cases, found.trials, found.done) == (1, 3, 3)
    Erasing(store, [EvalErasing(store)]).trace(P, "t2")
    assert [one.trial for one in external.runs.each(P, run.id)] == [0, 2]


def test_a_run_over_what_is_in_no_dataset(store: Store, write: Write) -> None:
    external = ExternalRuns(store)
    run = external.begin(P, None, "local", source="langfuse", known_as="x1")
    assert external.begin(P, None, "local", source="langfuse", known_as="x1").subject["known_as"] == ["x1"]
    external.link(P, run, Link("i", "t1", "task"))
    expected = {"langfuse.experiment.item.expected_output": "four"}
    write(span("t1", "task", input={"value": "2+2?"}, attributes=expected))
    external.gather(P, run)
    case = external.runs.outcome(P, run.id, "i").case
    assert (case.input, case.expected, case.output) == ("2+2?", "four", "answer of task")


def test_many_at_once_make_one_run(store: Store, dataset: Dataset) -> None:
    external = ExternalRuns(store)
    item = Datasets(store).items.get(P, "a", dataset.id)

    def one(i: int) -> str:
        run = external.begin(P, dataset, "r", source="langfuse")
        external.link(P, run, Link(f"c{i}", f"t{i}"), item)
        return run.id

    with ThreadPoolExecutor(8) as pool:
        assert len({*pool.map(one, range(16))}) == 1
    (run,) = external.of(P, dataset)
    assert (run.cases, run.done) == (16, 16)
    with pytest.raises(NotFound, match="no run 'other'"):
        external.find(P, dataset, "other")
