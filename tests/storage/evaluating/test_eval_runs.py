"""Runs of evaluation: outcomes are kept once however often they come, one holder works, others are told."""

from dataclasses import replace
from typing import Any

import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.errors import InvalidRequest, NotFound, StorageError
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.storage.keyring import new_key
from pilothouse.storage.rotation import Rotation

P = "default"


@pytest.fixture
def runs(store: Store) -> EvalRuns:
    return EvalRuns(store)


def begin(runs: EvalRuns, project: str = P, **more: Any) -> Run:
    given = {"name": "nightly", "suite": "support", "subject": {"model": "fast"}, "plan": {"trials": 2}}
    return runs.create(project, **{**given, "plan_hash": "h", "cases": 3, "trials": 2, **more})


def outcome(case: str, trial: int = 0, *verdicts: Verdict, **more: Any) -> Outcome:
    whole = Case(id=case, input={"q": "é"}, output="o", latency_s=0.25, cost_nano=7, trace_id=f"t-{case}")
    return Outcome(case=whole, trial=trial, verdicts=verdicts, **more)


def test_outcomes_are_there_once_and_come_back_as_they_were(runs: EvalRuns) -> None:
    run = begin(runs, metadata={"branch": "main"})
    good, bad = Verdict.ok("exact", 1.0, passed=True), Verdict.ok("exact", 0.0, passed=False, explanation="no")
    lost = Verdict.failed("judge", "It answered prose.", cost_nano=None, trace_id="t9", detail={"judge": "m"})
    first = [outcome("b", 1, lost, good), outcome("a", 0, bad), outcome("b", 0, good, cached=True)]
    assert runs.put(P, run.id, first, cost_nano=20)
    assert runs.put(P, run.id, [first[1], outcome("c", 0, error="It was down.")], cost_nano=5)
    assert runs.done(P, run.id) == {("a", 0), ("b", 0), ("b", 1), ("c", 0)}
    assert (runs.get(P, run.id).done, runs.get(P, run.id).cost_nano) == (4, 25)
    assert [*runs.each(P, run.id)] == [first[1], first[2], first[0], outcome("c", 0, error="It was down.")]
    page = runs.outcomes(P, run.id, limit=2)
    assert [one.case.id for one in page.outcomes] == ["a", "b"]
    assert [one.case.id for one in runs.outcomes(P, run.id, after=page.next).outcomes] == ["b", "c"]
    failing = runs.outcomes(P, run.id, failing=True).outcomes
    assert [(one.case.id, one.trial) for one in failing] == [("a", 0), ("b", 1), ("c", 0)]
    of_judge = runs.outcomes(P, run.id, evaluator="judge").outcomes
    assert [(one.case.id, one.trial) for one in of_judge] == [("b", 1)]
    assert runs.outcomes(P, run.id, evaluator="exact", failing=True).outcomes == [failing[0], failing[2]]
    assert runs.outcome(P, run.id, "b", 1) == first[0]
    runs.put(P, run.id, [outcome("b", 1, good)], cost_nano=None)
    assert runs.outcome(P, run.id, "b", 1).verdicts == (good,)
    assert runs.get(P, run.id).cost_nano is None
    for case, trial in (("b", 7), ("\0", 0), ("b", 2**40)):
        with pytest.raises(NotFound, match="has no outcome"):
            runs.outcome(P, run.id, case, trial)
    with pytest.raises(InvalidRequest, match="'after' must be"):
        runs.outcomes(P, run.id, after="nonsense")


def test_what_cannot_be_kept_is_refused_whole(runs: EvalRuns) -> None:
    run = begin(runs)
    for wrong in (
        outcome("nul\0"), outcome("a", 0, Verdict.ok("x" * 600, 1)), Outcome(case=Case(id="a", input=object())),
    ):  # fmt: skip
        with pytest.raises(InvalidRequest):
            runs.put(P, run.id, [outcome("fine"), wrong])
    assert runs.done(P, run.id) == set()
    with pytest.raises(NotFound):
        runs.put(P, "none", [outcome("a")])
    with pytest.raises(InvalidRequest, match="suite of a run"):
        begin(runs, suite="")
    with pytest.raises(InvalidRequest, match="subject of a run must be JSON"):
        begin(runs, subject={"x": object()})


def test_runs_are_found_by_id_and_by_name_the_newest_first(runs: EvalRuns) -> None:
    made = [begin(runs, name=name, suite=suite) for name, suite in (("a", "s"), ("b", "s"), ("a", "t"))]
    begin(runs, "far", name="a")
    assert runs.get(P, "a") == made[2]
    assert runs.get(P, made[0].id) == made[0]
    for unknown in ("c", "\0", ""):
        with pytest.raises(NotFound, match="There is no run"):
            runs.get(P, unknown)
    assert runs.list(P).runs == made[::-1]
    page = runs.list(P, suite="s", limit=1)
    assert (page.runs, runs.list(P, suite="s", before=page.next).runs) == ([made[1]], [made[0]])
    assert runs.list(P, name="a").runs == [made[2], made[0]]
    told = runs.update(P, made[0].id, summary={"cases": 3}, baseline_id=made[1].id)
    assert (told.summary, told.baseline_id) == ({"cases": 3}, made[1].id)
    runs.put(P, made[0].id, [outcome("a")])
    runs.delete(P, made[0].id)
    assert runs.done(P, made[0].id) == set()
    with pytest.raises(NotFound):
        runs.delete(P, made[0].id)


def test_runs_that_other_programs_make_are_listed_while_they_go_on(runs: EvalRuns) -> None:
    begin(runs)
    mine, theirs = begin(runs, kind="external"), begin(runs, "far", kind="external")
    assert runs.reported() == [("far", theirs), (P, mine)]
    runs.update(P, mine.id, status="done")
    assert [run for _, run in runs.reported()] == [theirs]


def test_one_works_on_a_run_until_it_ends_or_falls_silent(store: Store) -> None:
    now = [1_000_000_000]
    runs = EvalRuns(store, lambda: now[0])
    run = begin(runs)
    assert runs.take(P, run.id, "here", 30)
    assert not runs.take(P, run.id, "there", 30)
    assert runs.take(P, run.id, "here", 30)
    assert runs.put(P, run.id, [outcome("a")], holder="here", seconds=60)
    assert not runs.put(P, run.id, [outcome("b")], holder="there")
    assert runs.done(P, run.id) == {("a", 0)}
    assert not runs.get(P, run.id).is_silent(now[0])
    now[0] += 61_000_000
    assert runs.get(P, run.id).is_silent(now[0])
    assert runs.take(P, run.id, "there", 30)
    assert not runs.renew(P, run.id, "here", 30)
    assert runs.take(P, run.id, "here", 30, alone=True)
    assert runs.cancel(P, run.id).status == "cancelled"
    assert not runs.put(P, run.id, [outcome("b")], holder="here")
    assert runs.release(P, run.id, "here", "done").status == "cancelled"
    assert runs.take(P, run.id, "there", 30)
    ended = runs.release(P, run.id, "there", "failed", error="The budget is spent.", summary={"n": 1})
    assert (ended.status, ended.error, ended.holder, ended.summary) == (
        "failed", "The budget is spent.", None, {"n": 1},
    )  # fmt: skip
    assert runs.cancel(P, run.id).status == "failed"


def test_bodies_are_sealed_with_a_key_and_with_the_next(tmp_path: Any) -> None:
    old, new = new_key(), new_key()
    settings = Settings(home=tmp_path)
    first = open_store(replace(settings, payload_key=old))
    run = begin(EvalRuns(first))
    said = outcome("a", 0, Verdict.ok("exact", 1.0))
    EvalRuns(first).put(P, run.id, [said])
    first.close()
    second = open_store(replace(settings, payload_key=f"{new},{old}"))
    assert Rotation(second).run().sealed == 2
    second.close()
    third, plain = open_store(replace(settings, payload_key=new)), open_store(settings)
    assert [*EvalRuns(third).each(P, run.id)] == [said]
    with pytest.raises(StorageError, match="outcome of case 'a' cannot be read"):
        EvalRuns(plain).outcome(P, run.id, "a")
    third.close()
    plain.close()
