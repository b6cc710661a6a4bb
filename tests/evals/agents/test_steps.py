from typing import Any

import pytest

from pilothouse.cases import Step
from pilothouse.errors import ConfigError
from pilothouse.evals.agents.steps import StepEfficiency, ToolCalls, Trajectory

EXPECTED = [{"name": "find", "arguments": {"q": "pump"}}, {"name": "order", "arguments": {"n": 1}}]
FIND, ORDER, PAY = Step("find", {"q": "pump"}), Step("order", {"n": 1}), Step("pay")


@pytest.mark.parametrize(
    ("options", "steps", "score", "passed"),
    [
        ({}, (ORDER, FIND), 1.0, True),
        ({}, (FIND,), 2 / 3, False),
        ({}, (FIND, ORDER, PAY), 0.8, False),
        ({"extra": True}, (FIND, ORDER, PAY), 1.0, True),
        ({"extra": True}, (FIND, PAY), 0.5, False),
        ({}, (FIND, Step("order", {"n": 2})), 0.5, False),
        ({"arguments": "ignore"}, (FIND, Step("order", {"n": 2})), 1.0, True),
        ({"arguments": "subset"}, (FIND, Step("order", {"n": 1, "fast": True})), 1.0, True),
        ({}, (), 0.0, False),
        ({}, (FIND, FIND, ORDER), 0.8, False),
    ],
)
def test_tool_calls(judge: Any, options: Any, steps: Any, score: float, passed: bool) -> None:
    verdict = judge(ToolCalls(**options), expected=EXPECTED, steps=steps)
    assert (verdict.score, verdict.passed) == (pytest.approx(score), passed)


def test_what_was_wrong_is_told(judge: Any) -> None:
    verdict = judge(ToolCalls(), expected=EXPECTED, steps=(FIND, PAY))
    assert verdict.explanation == 'not made: order({"n": 1}); not expected: pay({})'
    assert verdict.detail == {"absent": ["order"], "surplus": ["pay"]}


def test_nothing_may_be_expected(judge: Any) -> None:
    assert judge(ToolCalls(), expected=[]).passed
    assert not judge(ToolCalls(), expected=[], steps=(PAY,)).passed
    assert judge(ToolCalls(), expected="text").status == "skipped"
    assert judge(Trajectory(), expected="text").status == "skipped"
    assert judge(Trajectory(), expected=[]).passed


def test_a_broken_schema_among_the_expected_fails(judge: Any) -> None:
    expected = [{"name": "find", "arguments": {"type": "nothing"}}]
    for evaluator in (ToolCalls(arguments="schema"), Trajectory(arguments="schema")):
        verdict = judge(evaluator, expected=expected, steps=(FIND,))
        assert verdict.status == "failed"
        assert "no schema" in verdict.explanation


def test_endless_lists_are_not_compared(judge: Any) -> None:
    for evaluator in (ToolCalls(), Trajectory()):
        assert judge(evaluator, expected=["a"], steps=(PAY,) * 501).status == "failed"


@pytest.mark.parametrize(
    ("match", "steps", "passed"),
    [
        ("strict", "ab", True),
        ("strict", "ba", False),
        ("unordered", "ba", True),
        ("unordered", "bab", False),
        ("subset", "b", True),
        ("subset", "", True),
        ("subset", "bb", False),
        ("superset", "bxa", True),
        ("superset", "bx", False),
        ("distance", "axb", False),
    ],
)
def test_trajectories(judge: Any, match: Any, steps: str, passed: bool) -> None:
    verdict = judge(Trajectory(match=match), expected=["a", "b"], steps=tuple(map(Step, steps)))
    assert verdict.passed is passed


def test_the_similarity_of_trajectories(judge: Any) -> None:
    verdict = judge(Trajectory(match="distance", passing=0.6), expected=["a", "b"], steps=tuple(map(Step, "axb")))
    assert (verdict.score, verdict.passed) == (pytest.approx(2 / 3), True)
    assert verdict.detail["distance"] == 1
    assert (
        judge(Trajectory(arguments="exact"), expected=EXPECTED, steps=(FIND, Step("order", {"n": 2}))).passed is False
    )


def test_step_efficiency(judge: Any) -> None:
    steps = (FIND, FIND, ORDER, PAY)
    assert judge(StepEfficiency(), expected=EXPECTED, steps=steps).score == 0.5
    assert judge(StepEfficiency(fewest=1), expected=EXPECTED, steps=steps).score == 0.25
    alone = judge(StepEfficiency(maximum=3), steps=steps)
    assert (alone.score, alone.passed, alone.detail["repeated"]) == (0.75, False, 1)
    assert judge(StepEfficiency(), expected=EXPECTED, steps=(FIND,)).score == 1.0
    assert judge(StepEfficiency()).status == "skipped"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Trajectory(passing=2), "trajectory.passing"),
        (lambda: StepEfficiency(fewest=0), "step_efficiency.fewest"),
        (lambda: StepEfficiency(maximum=-1), "step_efficiency.maximum"),
    ],
    ids=["minimum", "fewest", "maximum"],
)
def test_wrong_options(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()
