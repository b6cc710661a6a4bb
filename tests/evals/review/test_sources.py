"""Items of answers that are calls of tools, and of two runs that were given different passages."""

from pilothouse.cases import Case, Outcome, Step
from pilothouse.evals.review.sources import outcome_item, pair_items
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run


def run_of(runs: EvalRuns, name: str, *cases: Case) -> Run:
    run = runs.create("default", name=name, suite="s", subject={}, plan={}, plan_hash="h")
    runs.put("default", run.id, [Outcome(case=case) for case in cases])
    return run


def test_calls_of_tools_are_shown_where_nothing_else_was_said(sqlite_store: Store) -> None:
    runs = EvalRuns(sqlite_store)
    case = Case(id="c", input="How high?", steps=(Step("look", {"at": "tower"}, 97),))
    item = outcome_item(run_of(runs, "r", case), Outcome(case=case), "by hand")
    assert item.outputs == ('[{"arguments": {"at": "tower"}, "name": "look", "result": 97}]',)


def test_passages_of_a_pair_do_not_tell_whose_they_are(sqlite_store: Store) -> None:
    runs = EvalRuns(sqlite_store)
    passages = {"one": [("z", "b"), ("z", "b")], "other": [("a", "z"), ("z", "b")]}
    one, other = (
        run_of(runs, name, *(Case(id=c, input="?", output=name, context=t) for c, t in zip("as", told, strict=True)))
        for name, told in passages.items()
    )
    assert [item.context for item in pair_items(runs, "default", one, other)] == [("a", "b", "z"), ("z", "b")]
