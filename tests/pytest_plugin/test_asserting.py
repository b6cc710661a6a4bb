"""`assert_eval` by itself."""

from collections.abc import Sequence
from typing import Any

import pytest

from pilothouse.cases import Case, Step, Verdict
from pilothouse.errors import BudgetExceeded
from pilothouse.pytest_plugin.asserting import AssertEval, explained
from pilothouse.pytest_plugin.marks import EvalMark, evaluators_of
from pilothouse.pytest_plugin.trials import Trials, Untold


class Scripted:
    """Stands for the session: says these verdicts, or raises."""

    def __init__(self, *verdicts: Any) -> None:
        self._verdicts = verdicts
        self.cases: list[Case] = []
        self.judges: list[str | None] = []
        self.judge = "usual"

    def verdicts(self, case: Case, evaluators: Sequence[Any], judge: str | None = None, **_: Any) -> list[Verdict]:
        self.cases.append(case)
        self.judges.append(judge)
        if isinstance(self._verdicts[0], Exception):
            raise self._verdicts[0]
        return list(self._verdicts)


def asserting(*verdicts: Any, mark: EvalMark = EvalMark(evaluators=evaluators_of("exact"))) -> tuple[Any, Scripted]:  # noqa: B008
    session: Any = Scripted(*verdicts)
    return AssertEval(session, Trials("test_x", mark)), session


RIGHT = Verdict.ok("exact", 1, passed=True)


def test_an_output_with_its_fields_becomes_a_case() -> None:
    assert_eval, session = asserting(RIGHT)
    assert assert_eval("Paris", input="?", expected="Paris", context="One.", steps=[{"name": "search"}]) == [RIGHT]
    assert_eval({"a": 1}, context=["x", "y"], judge="other")
    assert_eval(Case(id="1", input="?", output="Rome"), expected="Paris")
    first, second, third = session.cases
    assert (first.output, first.context, first.steps) == ("Paris", ("One.",), (Step("search"),))
    assert (second.output, second.context) == ('{"a": 1}', ("x", "y"))
    assert (third.id, third.output, third.expected) == ("1", "Rome", "Paris")
    assert session.judges == ["usual", "other", "usual"]


def test_scores_without_a_pass_are_no_failure() -> None:
    assert_eval, _ = asserting(Verdict.ok("latency", 3.2), Verdict.skipped("cost", "No cost."))
    assert len(assert_eval("Paris")) == 2


def test_the_failure_says_all_that_is_needed() -> None:
    wrong = Verdict.ok("quality", 0.25, passed=False, explanation="It is\nwrong.", trace_id="t1")
    assert_eval, _ = asserting(RIGHT, wrong)
    with pytest.raises(AssertionError) as caught:
        assert_eval("Lyon " * 500, input={"question": "?"}, expected="Paris")
    told = str(caught.value)
    assert "exact: passed, score 1\n" in told
    assert "quality: not passed, score 0.25\n    It is wrong.\n    pilothouse traces show t1" in told
    assert 'input:    {"question": "?"}' in told
    assert "… (2499 characters)" in told


def test_what_could_not_be_told_is_no_failure_of_the_output() -> None:
    assert_eval, _ = asserting(RIGHT, Verdict.failed("quality", "Prose only."))
    with pytest.raises(Untold, match="quality: failed\n    Prose only"):
        assert_eval("Paris")


def test_what_stops_a_run_fails_the_test() -> None:
    assert_eval, _ = asserting(BudgetExceeded("The budget is spent."))
    with pytest.raises(pytest.fail.Exception, match="Evaluation stopped: The budget is spent"):
        assert_eval("Paris")


def test_wrong_use() -> None:
    assert_eval, _ = asserting(RIGHT)
    with pytest.raises(TypeError, match="has no 'expects'; a case has input, expected"):
        assert_eval("Paris", expects="Paris")
    with pytest.raises(pytest.UsageError, match="no evaluators"):
        asserting(RIGHT, mark=EvalMark())[0]("Paris")


def test_a_case_without_anything_is_shown_as_far_as_it_goes() -> None:
    told = explained(Case(id="1", input=None), [Verdict.failed("quality", "Prose.")])
    assert told == "the output could not be judged\nquality: failed\n    Prose.\noutput:   "
