"""What is to be judged, as JSON says it."""

from typing import Any

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.lifecycle.prompting.order import order_of, rule_of
from pilothouse.prompting import Protected

SUITE: dict[str, Any] = {"suite": "s", "dataset": "d", "evaluators": ["exact"]}


def test_a_rule_is_a_suite_alone_or_has_one() -> None:
    assert rule_of(SUITE) == Protected(suite=SUITE)
    assert rule_of({"suite": SUITE, "margin": 0.1}) == Protected(suite=SUITE, margin=0.1)
    order = order_of("a/b", {"version": 3, "rule": SUITE, "cases": [{"input": {"q": 1}}, "plain"]})
    assert (order.name, order.version, order.label, order.rule) == ("a/b", 3, "production", Protected(suite=SUITE))
    assert [case.input for case in order.cases or ()] == [{"q": 1}, "plain"]


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("a", {"version": 0}, "version: Input should be greater than"),
        ("a", {"version": True}, "version: Input should be a valid integer"),
        ("a", {"verzion": 1}, "verzion: Extra inputs"),
        ("a", {"label": "Not One"}, "is no label"),
        ("a@1", {}, "holds @"),
        ("a", {"cases": []}, "cases: List should have at least 1"),
        ("a", {"cases": [{"expected": 1}]}, "Case 1 has no 'input'"),
        ("a", {"rule": {"suite": SUITE, "margin": 7}}, "rule.margin: Input should be less"),
        ("a", {"rule": {}}, "rule: a protected label needs a 'suite'"),
        ("a", {"rule": {**SUITE, "task": {"model": "m"}}}, "has no 'task'"),
        ("a", [], "Input should be a valid dictionary"),
    ],
)
def test_what_cannot_be_is_told_with_its_field(name: str, given: Any, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        order_of(name, given)
