"""What runs found, by columns alone."""

from msgspec.structs import replace

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_columns import EvalColumns, LabelCount
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

P = "default"


def begin(runs: EvalRuns) -> Run:
    return runs.create(P, name="nightly", suite="support", subject={}, plan={}, plan_hash="h")


def test_outcomes_are_what_columns_tell(store: Store) -> None:
    runs, columns = EvalRuns(store), EvalColumns(store)
    run, other = begin(runs), begin(runs)
    case = Case(id="b", input="Who?", output="Me.", metadata={"m": 1}, latency_s=0.25, cost_nano=7, trace_id="t")
    good = Verdict.ok("exact", 1.0, passed=True, label="yes", explanation="It is.", detail={"a": 1}, trace_id="j")
    failed = Verdict.failed("judge", "It answered prose.", cost_nano=None)
    first = Outcome(case=case, trial=1, verdicts=(failed, good))
    runs.put(P, run.id, [first, Outcome(case=Case(id="a", input=""), error="It was down."), replace(first, trial=0)])
    runs.put(P, other.id, [first])
    lost, at_first, second = columns.outcomes(P, run.id)
    assert (lost.case.id, lost.error, lost.verdicts) == ("a", "It is told with the case.", ())
    assert (at_first.trial, second.trial) == (0, 1)
    assert second.case == Case(id="b", input="b", latency_s=0.25, cost_nano=7, trace_id="t")
    assert [one.status for one in second.verdicts] == ["failed", "ok"]
    assert second.verdicts[1] == replace(good, explanation="", detail={})
    assert [*columns.outcomes("other", run.id)] == []


def test_labels_are_counted_in_cases_over_runs_and_trials(store: Store) -> None:
    runs, columns = EvalRuns(store), EvalColumns(store)
    run, other = begin(runs), begin(runs)
    for one, labels in ((run, ["win", "win", "tie"]), (other, ["loss"])):
        runs.put(P, one.id, [
            Outcome(case=Case(id=f"{i}", input=""),
                    verdicts=(Verdict.ok("pairwise", label=label), Verdict.ok("exact", 1.0, label="x")))
            for i, label in enumerate(labels)
        ])  # fmt: skip
    runs.put(
        P, run.id, [Outcome(case=Case(id="1", input=""), trial=1, verdicts=(Verdict.ok("pairwise", label="tie"),))]
    )
    assert columns.labels(P, [(run.id, "pairwise")]) == [LabelCount("tie", 1.5, 2), LabelCount("win", 1.5, 2)]
    assert columns.labels(P, [(run.id, "exact"), (other.id, "exact")]) == [LabelCount("x", 3.0, 4)]
    both = columns.labels(P, [(run.id, "pairwise"), (other.id, "pairwise")])
    assert both == [LabelCount("loss", 0.5, 1), LabelCount("tie", 1.5, 2), LabelCount("win", 1.0, 2)]
    assert columns.labels(P, []) == columns.labels("other", [(run.id, "pairwise")]) == []
