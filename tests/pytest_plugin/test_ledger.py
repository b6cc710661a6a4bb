"""Figures of a session, and what becomes of a run that cannot be kept."""

from pathlib import Path
from typing import Any

import pytest

from pilothouse.cases import Case, Verdict
from pilothouse.errors import StorageError
from pilothouse.pytest_plugin.ledger import Ledger
from pilothouse.pytest_plugin.marks import EvalMark
from pilothouse.pytest_plugin.trials import Trials
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns


class Terminal:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def section(self, title: str, sep: str = "=", **markup: bool) -> None:
        self.lines.append(title)

    def write_line(self, line: str, **markup: bool) -> None:
        self.lines.append(line)


def packed(name: str, *verdicts: Verdict, suite: str = "faq", **mark: Any) -> str:
    trials = Trials(name, EvalMark(suite=suite, **mark))
    trials.repeated(lambda: trials.record(Case(id="", input="?"), verdicts))()
    return trials.packed()


def told(ledger: Ledger) -> list[str]:
    terminal = Terminal()
    ledger.tell(terminal)
    return terminal.lines


def test_failed_and_skipped_are_in_no_mean() -> None:
    ledger = Ledger(None)
    for n, verdict in enumerate((Verdict.ok("quality", 1, passed=True), Verdict.failed("quality", "Prose."))):
        ledger.add(packed(f"test_{n}", verdict))
    ledger.add(packed("test_costs", Verdict.ok("quality", 1, passed=True, cost_nano=20_000_000), trials=2))
    assert ledger.finish()
    title, header, quality, test, costs, judges = told(ledger)
    assert title == "evaluation: faq"
    assert header.split() == ["evaluator", "ok", "failed", "skipped", "mean", "(95", "%)", "passes", "(95", "%)"]
    assert quality.split()[:5] == ["quality", "3", "1", "0", "1.000"]
    assert test.split()[0] == "test"
    assert costs.split()[:2] == ["test_costs", "x2"]
    assert judges == "judges cost $0.0400"


def test_several_suites_have_tables_and_runs_of_their_own(tmp_path: Path) -> None:
    ledger = Ledger("main", settings=Settings(home=tmp_path))
    for suite in ("faq", "tools"):
        ledger.add(packed("test_x", Verdict.ok("exact", 1, passed=True), suite=suite))
    assert ledger.finish()
    assert sum("kept as run" in line for line in told(ledger)) == 2


def test_a_run_that_was_cancelled_stays_so(tmp_path: Path) -> None:
    ledger = Ledger("main", settings=Settings(home=tmp_path))
    ledger.add(packed("test_x", Verdict.ok("exact", 1, passed=True)))
    store = open_store(Settings(home=tmp_path))
    runs = EvalRuns(store)
    (run,) = runs.list("default").runs
    assert (run.status, run.done, run.holder is not None) == ("running", 1, True)
    runs.cancel("default", run.id)
    ledger.add(packed("test_y", Verdict.ok("exact", 1, passed=True)))
    assert not ledger.finish()
    assert told(ledger)[-1] == "The eval run 'main' could not be kept: It was cancelled."
    assert runs.get("default", run.id).status == "cancelled"
    store.close()


def test_a_run_that_cannot_be_kept_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(settings: Settings) -> None:
        raise StorageError("The database is away.")

    monkeypatch.setattr("pilothouse.storage.open_store", away)
    ledger = Ledger("main", settings=Settings(home=tmp_path))
    ledger.add(packed("test_x", Verdict.ok("exact", 1, passed=True)))
    assert not ledger.finish()
    assert told(ledger)[-1] == "The eval run 'main' could not be kept: The database is away."
