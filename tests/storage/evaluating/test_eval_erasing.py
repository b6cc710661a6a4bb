"""Erasing what came of a trace or a user: outcomes, verdicts and answers, counted where they were."""

from pathlib import Path
from typing import Any

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.eval_answers import EvalAnswers, KeptAnswer
from pilothouse.storage.evaluating.eval_erasing import EvalErasing
from pilothouse.storage.evaluating.eval_runs import EvalRuns

P = "default"


def outcome(case: str, trace: str | None = None, **metadata: Any) -> Outcome:
    judged = Verdict.ok("judge", 1.0, trace_id=f"judge-of-{case}")
    return Outcome(case=Case(id=case, input="x", metadata=metadata, trace_id=trace), verdicts=(judged,))


def begin(store: Store, project: str = P) -> str:
    given: Any = {"name": "n", "suite": "s", "subject": {}, "plan": {}, "plan_hash": "h"}
    return EvalRuns(store).create(project, **given).id


def test_outcomes_and_answers_of_a_trace_or_a_user_go_and_the_run_says_how_many(store: Store) -> None:
    runs, answers, erasing = EvalRuns(store), EvalAnswers(store), EvalErasing(store)
    run, far = begin(store), begin(store, "far")
    made = outcome("a", "made-a", source_trace="t1")
    runs.put(P, run, [made, outcome("b", "t1"), outcome("c", source_user="hashed"), outcome("d", source_trace="t2")])
    runs.put("far", far, [made])
    kept = [KeptAnswer(body=1, latency_us=0, source_trace="t1"), KeptAnswer(body=2, latency_us=0, trace_id="t1")]
    answers.put(P, {"1": kept[0], "2": kept[1], "3": KeptAnswer(body=3, latency_us=0, source_user="hashed")})
    answers.put("far", {"1": kept[0]})
    assert sorted(erasing.made_of(P, ["t1"])) == ["judge-of-a", "made-a"]
    assert erasing.made_of_user(P, "hashed") == ["judge-of-c"]
    assert erasing.forget_traces(P, ["t1", "\0"]) == 4
    assert erasing.forget_traces(P, ["t1"]) == erasing.forget_traces(P, []) == 0
    assert erasing.forget_user(P, "hashed") == 2
    assert [one.case.id for one in runs.each(P, run)] == ["d"]
    assert (runs.get(P, run).done, runs.get(P, run).erased) == (1, 3)
    assert answers.known(P, "123") == set()
    assert ([*runs.each("far", far)], answers.known("far", "1")) == ([made], {"1"})


def test_sqlite_overwrites_what_was_erased(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    EvalRuns(store).put(P, begin(store), [outcome("the-kaisers-case", source_trace="of-the-kaiser")])
    assert EvalErasing(store).forget_traces(P, ["of-the-kaiser"]) == 1
    files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
    store.close()
    assert not [name for name in (b"of-the-kaiser", b"the-kaisers-case") if any(name in data for data in files)]
