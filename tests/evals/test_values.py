from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.evals.shapes import Case
from pilothouse.evals.values import NotJson, accepted, contains, question, read, same, written

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_value_is_the_same_as_itself_and_contains_itself(value: Any) -> None:
    assert same(value, value)
    assert contains(value, value)
    assert isinstance(written(value), str)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_an_object_contains_what_is_left_of_it(value: dict[str, Any]) -> None:
    part = dict(list(value.items())[1:])
    assert contains(value, part)
    assert same(value, part) is (len(part) == len(value))


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (0, None), ("1", 1), ([1, 2], [2, 1]), ({"a": 1}, {"a": 1, "b": 2})]
)
def test_what_differs(one: Any, other: Any) -> None:
    assert not same(one, other)


def test_deep_values_are_compared() -> None:
    deep: list[Any] = []
    other: list[Any] = [1]
    for _ in range(50_000):
        deep, other = [deep], [other]
    assert not same(deep, other)
    assert written(deep) == "<list>"


def test_text_that_is_no_json() -> None:
    for text in ("", "{", "NaN", "\ud800", "[" * 50_000):
        with pytest.raises(NotJson):
            read(text)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("why?", "why?"),
        ({"question": "why?", "k": 3}, "why?"),
        ({"messages": [{"role": "user", "content": "why?"}, {"role": "assistant", "content": "so"}]}, "why?"),
        ([{"role": "user", "content": "one"}, {"role": "user", "content": "two"}], "two"),
        ({"b": 1, "a": "x"}, '{"a": "x", "b": 1}'),
        (None, ""),
    ],
)
def test_the_question_of_a_case(given: Any, asked: str) -> None:
    assert question(Case(id="1", input=given)) == asked


def test_the_right_answers_of_a_case() -> None:
    assert accepted(Case(id="1", input="", expected="a")) == ["a"]
    assert accepted(Case(id="1", input="", expected=["a", None, 2])) == ["a", "2"]
    assert accepted(Case(id="1", input="", expected={"answers": ["a", "b"]})) == ["a", "b"]
    assert accepted(Case(id="1", input="")) == []
