from typing import Any

import pytest

from pilothouse.cases import Step
from pilothouse.errors import ConfigError
from pilothouse.evals.agents.state import TaskCompletion, find

STATE = {"order": {"status": "shipped", "items": [{"id": 1}, {"id": 2}]}, "total": 9.5, "note": "call first", "a/b": 0}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", STATE),
        ("/order/items/1/id", 2),
        ("/a~1b", 0),
        ("/order/items/2", None),
        ("/total/x", None),
        ("/nope", None),
    ],
)
def test_pointers(pointer: str, value: Any) -> None:
    assert find(STATE, pointer) == value


@pytest.mark.parametrize(
    ("rule", "passed"),
    [
        ({"/order/status": "shipped"}, True),
        ({"/order/status": {"not": "open"}}, True),
        ({"/order/status": {"one_of": ["open", "shipped"]}}, True),
        ({"/order/items": {"length": 2, "contains": {"id": 1}}}, True),
        ({"/order": {"contains": {"status": "shipped"}}}, True),
        ({"/note": {"contains": "call"}}, True),
        ({"/total": {"at_least": 9, "at_most": 10}}, True),
        ({"/total": {"at_most": 9}}, False),
        ({"/note": {"at_least": 1}}, False),
        ({"/nope": {"exists": False}}, True),
        ({"/nope": {"exists": True}}, False),
        ({"/nope": None}, False),
        ({"/a~1b": False}, False),
        ({"/order/items/0": {"equals": {"id": 1}}}, True),
    ],
)
def test_rules(judge: Any, rule: Any, passed: bool) -> None:
    assert judge(TaskCompletion(rules=rule), metadata={"state": STATE}).passed is passed


def test_the_score_is_the_share_of_rules(judge: Any) -> None:
    verdict = judge(TaskCompletion(rules={"/total": 9.5, "/order/status": "open"}), metadata={"state": STATE})
    assert (verdict.score, verdict.passed) == (0.5, False)
    assert verdict.explanation == "/order/status is shipped, not equals open"


def test_the_state_may_be_expected(judge: Any) -> None:
    assert judge(TaskCompletion(), metadata={"state": STATE}, expected={"state": {"total": 9.5}}).passed
    assert judge(TaskCompletion(), metadata={"state": STATE}, expected={"order": {"status": "shipped"}}).passed
    assert not judge(TaskCompletion(), metadata={"state": STATE}, expected={"total": 9}).passed
    assert judge(TaskCompletion(), metadata={"state": STATE}).status == "skipped"


def test_where_the_state_is(judge: Any) -> None:
    rules = {"/done": True}
    assert judge(TaskCompletion(rules=rules, state="output"), '```json\n{"done": true}\n```').passed
    assert judge(TaskCompletion(rules=rules, state="output"), "done").status == "skipped"
    assert judge(TaskCompletion(rules=rules, state="last_result"), steps=(Step("a", {}, {"done": True}),)).passed
    assert judge(TaskCompletion(rules=rules, state="last_result")).status == "skipped"
    assert judge(TaskCompletion(rules=rules)).status == "skipped"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({}, "task_completion.rules: is empty"),
        ({"order.status": 1}, "'order.status' is no JSON Pointer"),
        ({"/a": {"least": 1}}, "task_completion.rules/a: has 'least'; conditions are equals, not"),
        ({"/a": {}}, "task_completion.rules/a: is empty"),
    ],
)
def test_wrong_rules(rules: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TaskCompletion(rules=rules)
