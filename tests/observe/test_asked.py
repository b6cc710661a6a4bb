"""What a list shows of an input: a question where there is one, and never an error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.observe.asked import question, whole_question

_USER = {"role": "user", "content": "Where is it?"}


@pytest.mark.parametrize(
    "asked",
    [
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}, _USER]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Where is it?"}, {"type": "image_url"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Where is it?"}]}]},
        {"input": "Where is it?", "model": "m"},
        {"prompt": ["Where is it?", "And now?"]},
        {"question": "Where\n is   it?", "top_k": 3},
        {"input": {"query": "Where is it?"}},
        {"text": "Where is it?", "limit": 5},
        [_USER],
        "Where is it?",
    ],
    ids=str,
)
def test_the_question_is_found(asked: Any) -> None:
    assert question(asked) == "Where is it?"


@pytest.mark.parametrize(
    "asked", [None, 5, {}, [], {"a": "one", "b": "two"}, {"messages": [{"role": "assistant"}]}], ids=str
)
def test_where_nothing_is_like_a_question(asked: Any) -> None:
    assert question(asked) == ""


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "messages", "input", "text", "x"]), inner, max_size=4)
    ),
)


@given(_VALUES, _VALUES)
def test_any_value_has_an_answer(content: Any, asked: Any) -> None:
    assert isinstance(question({"messages": [{"role": "user", "content": content}]}), str)
    assert isinstance(question(asked), str)


def test_no_more_than_a_line_is_shown() -> None:
    assert question("long " * 1000) == ("long " * 60).strip()


def test_all_of_a_question_is_as_it_was_written() -> None:
    asked = {"messages": [{"role": "user", "content": [{"type": "text", "text": "a\n" * 400}]}]}
    assert whole_question(asked) == "a\n" * 400
    assert whole_question(None) == ""
