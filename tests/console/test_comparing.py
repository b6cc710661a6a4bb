"""Runs of evaluation side by side."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.console import comparing
from pilothouse.console.comparing import RunComparisons
from pilothouse.errors import InvalidRequest
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

P = "default"


@pytest.fixture
def runs(tmp_path: Path) -> EvalRuns:
    return EvalRuns(open_store(Settings(home=tmp_path)))


def begin(runs: EvalRuns, name: str) -> Run:
    return runs.create(P, name=name, suite="s", subject={"model": "m"}, plan={"suite": {}}, plan_hash="h", cases=4)


def outcome(case_id: str, passed: bool) -> Outcome:
    case = Case(id=case_id, input={"q": f"asked {case_id}"}, output="said")
    return Outcome(case=case, verdicts=(Verdict.ok("exact", float(passed), passed=passed),))


def test_runs_are_compared_by_columns_and_flips_told_with_their_questions(runs: EvalRuns) -> None:
    before, after = begin(runs, "before"), begin(runs, "after")
    runs.put(P, before.id, [outcome(f"c{i}", True) for i in range(6)])
    runs.put(P, after.id, [outcome(f"c{i}", i > 1) for i in range(6)])
    (told,) = RunComparisons(runs).of(P, [before, after])
    assert (told.comparison.shared, told.comparison.by, told.view.run.name) == (6, "id", "after")
    assert [(flip.case_id, flip.kind, asked) for flip, asked in told.flips] == [
        ("c0", "lost", "asked c0"), ("c1", "lost", "asked c1"),
    ]  # fmt: skip
    assert RunComparisons(runs).of(P, [before, after], "other")[0].flips == []


def test_runs_without_a_common_id_are_matched_by_what_was_asked(runs: EvalRuns) -> None:
    before, after = begin(runs, "before"), begin(runs, "after")
    runs.put(P, before.id, [outcome("c0", True), outcome("c1", True)])
    for now, asked in (("a", "c1"), ("b", "c0")):
        one = outcome(asked, asked == "c1")
        runs.put(P, after.id, [replace(one, case=replace(one.case, id=now))])
    (told,) = RunComparisons(runs).of(P, [runs.get(P, before.id), runs.get(P, after.id)])
    assert (told.comparison.by, told.comparison.shared) == ("input", 2)
    assert [(flip.case_id, asked) for flip, asked in told.flips] == [("b", "asked c0")]


def test_a_comparison_is_remembered_until_a_run_changes(runs: EvalRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(comparing, "compare_all", lambda *given, **more: made.append(given) or real(*given, **more))
    before, after = begin(runs, "before"), begin(runs, "after")
    for run in (before, after):
        runs.put(P, run.id, [outcome("c0", True)])
    comparisons = RunComparisons(runs)

    def compared() -> int:
        return comparisons.of(P, [runs.get(P, before.id), runs.get(P, after.id)])[0].comparison.shared

    assert (compared(), compared(), len(made)) == (1, 1, 1)
    for run in (before, after):
        runs.put(P, run.id, [outcome("c1", True)])
    assert (compared(), len(made)) == (2, 2)
    for i in range(20):
        runs.update(P, after.id, ended_us=i)
        compared()
    assert len(comparisons.remembered) == 16


def test_more_than_a_page_can_compare_is_said(runs: EvalRuns) -> None:
    run = runs.update(P, begin(runs, "large").id, done=200_000)
    with pytest.raises(InvalidRequest, match=f"200,000 outcomes, more than .* `pilothouse evals compare {run.id}"):
        RunComparisons(runs).of(P, [run, begin(runs, "other")])


real = comparing.compare_all
