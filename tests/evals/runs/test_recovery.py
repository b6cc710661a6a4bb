"""Spools of answers of a home where nothing was ever run. Those of dead processes: tests/evals/runs/test_book.py."""

from pathlib import Path

from pilothouse.access import Actor
from pilothouse.cases import Case, Outcome
from pilothouse.evals.runs.recovery import forget_erased, take_over
from pilothouse.lifecycle.deletions import Deletions
from pilothouse.observe.privacy.erasures import user_hash
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns


def test_where_nothing_was_run_there_is_nothing_to_take_over(small_store: Store, tmp_path: Path) -> None:
    assert take_over(small_store, tmp_path) == {}


def test_what_was_deleted_while_a_run_worked_is_not_kept(small_store: Store) -> None:
    deletions, runs, by = Deletions(small_store), EvalRuns(small_store), Actor("ana", "cli")
    run = runs.create("default", name="r", suite="s", subject={}, plan={}, plan_hash="")
    sources = {"a": ("t1", None), "b": ("t2", user_hash("ada")), "c": ("t3", user_hash("bob")), "d": (None, None)}
    deletions.trace(by, "default", "t1")
    deletions.user(by, "default", "ada")
    for name, (trace, user) in sources.items():
        metadata = {"source_trace": trace, "source_user": user}
        runs.put("default", run.id, [Outcome(case=Case(id=name, input="x", metadata=metadata))])
    assert forget_erased(small_store, "default", sources.values()) == 2
    assert {case for case, _ in runs.done("default", run.id)} == {"c", "d"}
    assert forget_erased(small_store, "default", [(None, None)]) == 0
