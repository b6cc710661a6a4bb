"""What spans say of an experiment becomes links of a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.evals.datasets.experiments import Experiments, external_runs, of_experiment
from pilothouse.observe.scores import Score, Scores
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.evaluating.eval_runs import Run

P = "default"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


def span(trace: str, **said: Any) -> Span:
    attributes = {f"langfuse.experiment.{name.replace('__', '.')}": value for name, value in said.items()}
    return Span(
        id=f"s{trace}", trace_id=trace, project_id=P, name="task", kind="chain", start_us=1, end_us=2,
        attributes=attributes,
    )  # fmt: skip


def noted(store: Store, *spans: Span) -> list[Run]:
    Experiments(store, external_runs(store)).note(P, spans)
    return external_runs(store).runs.list(P).runs


def test_spans_of_an_experiment_are_known_by_what_they_say() -> None:
    assert of_experiment(span("t", id="x", item__id="a"))
    assert not of_experiment(span("t", id="x"))
    assert not of_experiment(span("t", id=7, item__id="a"))


def test_items_of_a_dataset_are_linked_once(store: Store) -> None:
    datasets = Datasets(store)
    made = datasets.create(P, "d")
    datasets.change(P, made, [NewItem(key="a", input="q", expected="e")])
    said = {
        "id": "x1", "name": "try\u2028one", "description": "why", "metadata": '{"commit": "c"}', "dataset__id": made.id,
        "item__root_observation_id": "step",
    }  # fmt: skip
    first = span("t1", **said, item__id="a")
    (run,) = noted(
        store, first, first, span("t2", **said, item__id=f"{made.id}/a", item__version="2999-01-01T00:00:00Z")
    )
    assert (run.name, run.dataset_id, run.dataset_version, run.metadata) == (
        "try\ufffdone",
        made.id,
        1,
        {"commit": "c"},
    )
    assert (run.subject["description"], run.subject["known_as"], run.trials) == ("why", ["x1"], 2)
    Scores(store).put(P, [Score(id="1", session_id="langfuse-experiment:x1", name="mean", value=0.5)])
    external_runs(store).gather(P, run)
    kept = external_runs(store).runs
    assert kept.get(P, run.id).subject["scores"] == {"mean": 0.5}
    case = kept.outcome(P, run.id, "a", 1).case
    assert (case.input, case.expected, case.trace_id, case.metadata["observation_id"]) == ("q", "e", "t2", "step")


def test_what_is_in_no_dataset_that_is_here(store: Store) -> None:
    odd = {"metadata": "[", "item__version": "soon"}
    runs = noted(
        store, span("t1", id="x", item__id="a", dataset__id="gone", **odd), span("t2", id="x", item__id="b\n"),
        span("t3", id="y", name="n" * 300, item__id="c"),
    )  # fmt: skip
    assert {(run.name, run.suite, run.dataset_id, run.cases) for run in runs} == {
        ("x", "experiments", None, 1), ("n" * 256, "experiments", None, 1)
    }  # fmt: skip
