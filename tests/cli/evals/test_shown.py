"""Runs as lines for a terminal."""

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.cli.evals.shown import in_columns, shown_told
from pilothouse.evals.reports.summary import summarise
from pilothouse.evals.reports.told import Facts, Told


def test_columns() -> None:
    assert list(in_columns([["", "mean", "x"], ["long name", "1", ""]])) == ["           mean  x", "long name     1"]
    assert list(in_columns([])) == []


def test_what_could_not_be_told_is_said() -> None:
    failed = Verdict.failed("quality", "No JSON.")
    outcomes = [
        Outcome(case=Case(id="a", input="q"), verdicts=(failed,)),
        Outcome(case=Case(id="b", input="q"), error="Timed out."),
        *(
            Outcome(
                case=Case(id="c", input="q"),
                trial=n,
                verdicts=(Verdict.ok("quality", n, passed=n == 1), Verdict.ok("exact", n, passed=n == 1)),
            )
            for n in (0, 1)
        ),
    ]
    told = Told(run=Facts(id="1", name="x", status="stopped", planned=9, done=4), summary=summarise(outcomes, trials=2))
    lines = list(shown_told(told))
    assert lines[0] == "x (1): The run is stopped, with 4 of 9 outcomes."
    assert "3 cases x 2 trials, 1 failed. Cost unknown." in lines
    assert "The task failed once: Timed out." in lines
    assert "quality could not be told once: No JSON." in lines
    assert "1 cases are flaky: c" in lines  # by two metrics
