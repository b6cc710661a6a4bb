"""Runs of evaluation as pages show them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.console.evaluating import (
    Bar,
    Wanted,
    bar,
    cases_of,
    differing,
    snippet_of,
    text_of,
    view_of,
)
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

P = "default"


@pytest.fixture
def runs(tmp_path: Path) -> "EvalRuns":
    return EvalRuns(open_store(Settings(home=tmp_path)))


def begin(runs: EvalRuns, name: str = "nightly", cases: int = 4) -> Run:
    return runs.create(P, name=name, suite="s", subject={"model": "m"}, plan={"suite": {}}, plan_hash="h", cases=cases)


def outcome(case_id: str, passed: bool, **metadata: object) -> Outcome:
    case = Case(id=case_id, input={"q": f"asked {case_id}"}, output="said", metadata=metadata)
    return Outcome(case=case, verdicts=(Verdict.ok("exact", float(passed), passed=passed),))


def test_what_a_run_keeps_of_itself_is_shown_and_no_more(runs: EvalRuns) -> None:
    run = begin(runs)
    empty = view_of(run)
    assert (empty.summary, list(empty.gates), empty.share) == (None, [], 0.0)
    gates = [
        {"text": "a < 1", "passed": False, "sentence": "It is."},
        {"text": "b < 1", "passed": True, "sentence": ""},
    ]
    told = view_of(runs.update(P, run.id, summary={"cases": 4, "trials": 1, "outcomes": 4, "gates": gates}))
    assert told.summary is not None
    assert (told.summary.cases, told.failed) == (4, 1)
    odd = view_of(runs.update(P, run.id, summary={"cases": "many"}))
    assert (odd.summary, odd.failed) == (None, 0)


def test_cases_are_filtered_in_pages(runs: EvalRuns) -> None:
    run = begin(runs)
    many = [outcome(f"c{i:03}", i % 2 == 0, topic="odd" if i in (3, 110) else "even", size=i) for i in range(120)]
    runs.put(P, run.id, many)
    first = cases_of(runs, P, run, Wanted())
    assert (len(first.outcomes), first.read, first.next is None) == (50, 50, False)
    failing = cases_of(runs, P, run, Wanted(failing=True, evaluator="exact", after=first.next or ""))
    assert [one.case.id for one in failing.outcomes][:2] == ["c051", "c053"]
    odd = cases_of(runs, P, run, Wanted(key="metadata.topic", value="odd"))
    assert ([one.case.id for one in odd.outcomes], odd.read, odd.next) == (["c003", "c110"], 120, None)
    assert len(cases_of(runs, P, run, Wanted(key="metadata.size", value="5 to 9")).outcomes) == 5
    assert Wanted(True, "exact", "k", "v", "1:a").parameters() == {
        "failing": "1", "evaluator": "exact", "slice": "k", "value": "v",
    }  # fmt: skip


def test_a_slice_is_looked_for_in_a_bounded_part(runs: EvalRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.console.evaluating._MOST_READ", 100)
    run = begin(runs)
    runs.put(P, run.id, [outcome(f"c{i:03}", True, topic="odd" if i == 150 else "even") for i in range(160)])
    none = cases_of(runs, P, run, Wanted(key="topic", value="odd"))
    assert (none.outcomes, none.read, none.next is None) == ([], 100, False)
    on = cases_of(runs, P, run, Wanted(key="topic", value="odd", after=none.next or ""))
    assert [one.case.id for one in on.outcomes] == ["c150"]


def test_verdicts_beside_each_other() -> None:
    one, other = outcome("a", True), outcome("a", False)
    more = replace(other, verdicts=(*other.verdicts, Verdict.failed("judge", "It answered prose.")))
    rows = differing([one, more, None])
    assert [(name, differs) for name, _, differs in rows] == [("exact", True), ("judge", False)]
    assert rows[1][1][0] is rows[1][1][2] is None


def test_drawings_and_texts() -> None:
    assert bar(0.25, 0.5, 0.75, (0.0, 1.0)) == Bar(250, 500, 500)
    assert bar(0.0, 0.0, 0.5, (-1.0, 1.0)) == Bar(500, 250, 500)
    assert bar(None, 0.5, 1.0, (0.0, 1.0)) is bar(0.5, 2.0, 3.0, (0.0, 1.0)) is None
    assert text_of("a" * 9, 5) == "aaaa…"
    assert text_of({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'
    assert [snippet_of(one) for one in ({"q": "Why?"}, {"q": 1}, "x", None)] == ["Why?", '{"q":1}', "x", "null"]
