import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cases import Case, Step
from pilothouse.evals.agents.calls import agreement, edit_distance, expected_steps, pairs

FIND = Step("find", {"q": "pump", "k": 3})


@pytest.mark.parametrize(
    "expected",
    [
        [{"name": "find", "arguments": {"q": "pump", "k": 3}}],
        {"tool_calls": [{"function": {"name": "find", "arguments": '{"q": "pump", "k": 3}'}, "type": "function"}]},
        {"steps": [{"name": "find", "args": {"q": "pump", "k": 3}}]},
    ],
    ids=["plain", "openai", "args"],
)
def test_ways_to_write_them(expected: Any) -> None:
    assert expected_steps(Case(id="1", input="", expected=expected)) == [FIND]


@pytest.mark.parametrize("expected", [None, "find", 3, {"a": 1}, [3], [{"name": 3}], [{"name": "a", "arguments": "{"}]])
def test_what_is_no_list_of_calls(expected: Any) -> None:
    assert expected_steps(Case(id="1", input="", expected=expected)) is None


def test_names_alone_and_nothing_at_all() -> None:
    assert expected_steps(Case(id="1", input="", expected=["a"])) == [Step("a")]
    assert expected_steps(Case(id="1", input="", expected=[])) == []


@pytest.mark.parametrize(
    ("how", "arguments", "agree"),
    [
        ("exact", {"k": 3.0, "q": "pump"}, True),
        ("exact", {"q": "pump"}, False),
        ("subset", {"q": "pump", "k": 3, "more": 1}, True),
        ("subset", {"q": "pump"}, False),
        ("ignore", {}, True),
    ],
)
def test_arguments(how: Any, arguments: dict[str, Any], agree: bool) -> None:
    assert agreement(how)(FIND, Step("find", arguments)) is agree
    assert not agreement(how)(FIND, Step("seek", arguments))


def test_arguments_by_a_schema() -> None:
    agrees = agreement("schema")
    wanted = Step("find", {"properties": {"k": {"type": "integer"}}, "required": ["k"]})
    assert agrees(wanted, FIND)
    assert not agrees(wanted, Step("find", {"k": "three"}))
    with pytest.raises(ValueError, match="is no JSON schema"):
        agrees(Step("find", {"type": "nothing"}), FIND)


def edges(size: int) -> Any:
    return st.sets(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)))


@given(edges(4))
def test_there_are_as_many_pairs_as_can_be(agreeing: set[tuple[int, int]]) -> None:
    steps = [Step("a", {"at": at}) for at in range(4)]
    found = pairs(steps, steps, lambda one, other: (one.arguments["at"], other.arguments["at"]) in agreeing)
    assert set(found.items()) <= agreeing
    assert len(set(found.values())) == len(found)
    best = max(sum((i, j) in agreeing for i, j in enumerate(order)) for order in itertools.permutations(range(4)))
    assert len(found) == best


WORDS = st.lists(st.sampled_from("abc"), max_size=6)


@given(WORDS, WORDS, WORDS)
def test_the_edit_distance_is_a_distance(one: list[str], other: list[str], third: list[str]) -> None:
    def distance(a: list[str], b: list[str]) -> int:
        return edit_distance([Step(n) for n in a], [Step(n) for n in b], agreement("ignore"))

    assert distance(one, one) == 0
    assert distance(one, other) == distance(other, one)
    assert distance(one, third) <= distance(one, other) + distance(other, third)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


def test_the_edit_distance_of_known_words() -> None:
    assert edit_distance([Step(c) for c in "kitten"], [Step(c) for c in "sitting"], agreement("ignore")) == 3
