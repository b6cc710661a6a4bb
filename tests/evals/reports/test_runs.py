"""Reports of runs that are kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.cases import Outcome
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.reports.runs import RunReports, facts_of, find_baseline, lower_is_better
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from tests.evals.reports.conftest import Make

P = "default"


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[EvalRuns]:
    store = open_store(Settings(home=tmp_path))
    yield EvalRuns(store)
    store.close()


def add(runs: EvalRuns, outcomes: list[Outcome], branch: str = "", status: str = "done", **more: Any) -> Run:
    given: dict[str, Any] = {
        "name": "nightly", "suite": "support", "subject": {"model": "fast"}, "plan_hash": "h", "cases": len(outcomes),
        "plan": {"suite": {"dataset": "support"}, "lower_is_better": ["slow"]},
        "metadata": {"branch": branch, "commit": "abc"} if branch else {}, "dataset_version": 3, "status": status,
    }  # fmt: skip
    run = runs.create(P, **{**given, **more})
    runs.put(P, run.id, outcomes)
    return runs.get(P, run.id)


def test_the_newest_run_of_a_branch_is_what_a_change_is_compared_with(runs: EvalRuns, make: Make) -> None:
    outcomes = make("exact", [True])
    add(runs, outcomes, "main", name="older")
    main = add(runs, outcomes, "main", name="main run")
    add(runs, outcomes, "main", suite="another")
    add(runs, outcomes, "main", "stopped")
    mine = add(runs, outcomes, "topic")
    assert find_baseline(runs, P, "branch:main", suite="support", before=mine).id == main.id
    assert find_baseline(runs, P, "branch:main", suite="support").id == main.id
    assert find_baseline(runs, P, main.id, suite="any").id == main.id
    assert find_baseline(runs, P, "older", suite="any").name == "older"
    with pytest.raises(NotFound, match="No run of the suite 'support' on the branch 'dev' is done"):
        find_baseline(runs, P, "branch:dev", suite="support")
    with pytest.raises(InvalidRequest, match="Name a branch"):
        find_baseline(runs, P, "branch:", suite="support")
    with pytest.raises(NotFound, match="There is no run 'nobody' that is done"):
        find_baseline(runs, P, "nobody", suite="support")


def test_a_name_means_its_newest_run_before_this_one(runs: EvalRuns, make: Make) -> None:
    first = add(runs, make("exact", [True]))
    second = add(runs, make("exact", [True]))
    third = add(runs, make("exact", [True]))
    assert find_baseline(runs, P, "nightly", suite="support", before=second).id == first.id
    assert find_baseline(runs, P, "nightly", suite="support", before=third).id == second.id
    with pytest.raises(NotFound):
        find_baseline(runs, P, "nightly", suite="support", before=first)


def test_a_report_holds_a_run_against_its_gates_and_its_baseline(runs: EvalRuns, make: Make) -> None:
    base = add(runs, make("exact", [True] * 12), "main")
    plan = {"suite": {"gates": ["exact drop > 0.1"], "slices": ["topic"]}}
    topics = [{"topic": "a" if n < 10 else "b"} for n in range(20)]
    run = add(runs, make("exact", [False] * 6 + [True] * 14, metadata=topics), plan=plan, baseline_id=base.id)
    told = RunReports(runs).told(P, run)
    assert [gate.passed for gate in told.gates] == [False]
    assert told.comparison is not None
    assert (told.comparison.shared, told.comparison.flipped) == (12, 6)
    assert told.baseline is not None
    assert told.baseline.branch == "main"
    assert {one.value for one in told.summary.slices} == {"a", "b"}
    runs.delete(P, base.id)
    alone = RunReports(runs).told(P, run)
    assert alone.comparison is None
    assert "was deleted" in alone.notes[0]
    assert alone.gates[0].sentence == "It cannot be told: there is no run to compare with."
    assert RunReports(runs).told(P, run, gates=()).gates == ()


def test_judges_that_may_not_decide_are_asked_for_by_project_and_plan(runs: EvalRuns, make: Make) -> None:
    run = add(runs, make("exact", [True]), plan={"suite": {"gates": ["exact < 0.5"]}})
    asked: list[Any] = []

    def objections(project: str, plan: Any) -> Any:
        asked.append((project, plan))
        return lambda name: f"{name} may not."

    told = RunReports(runs, objections).told(P, run)
    assert told.gates[0].sentence == "exact may not."
    assert asked == [(P, {"suite": {"gates": ["exact < 0.5"]}})]


def test_several_runs_against_one(runs: EvalRuns, make: Make) -> None:
    base = add(runs, make("slow", [1.0] * 12))
    others = [add(runs, make("slow", [value + n / 100 for n in range(12)])) for value in (0.5, 2.0)]
    told = RunReports(runs).against(P, base, others, gates=["slow drop > 0.1"])
    found = [one.comparison.metrics["slow"] for one in told if one.comparison is not None]
    assert [one.verdict for one in found] == ["better", "worse"]
    assert [one.gates[0].passed for one in told] == [True, False]
    assert found[0].p_corrected > found[0].p


def test_facts(runs: EvalRuns, make: Make) -> None:
    run = add(runs, make("exact", [True, False]), "main", subject={"corpus": "handbook"}, trials=2)
    facts = facts_of(run)
    assert (facts.subject, facts.dataset, facts.branch, facts.planned, facts.done) == (
        "corpus handbook", "support@3", "main", 4, 2,
    )  # fmt: skip
    assert lower_is_better(run) == {"slow"}
