"""A clean-up that loses nothing, and an extract that keeps what a question is about."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.gateway.compress import extract, question_in, tidied


def test_trailing_blanks_and_empty_lines_go() -> None:
    assert tidied("one   \ntwo\t\n\n\n\n\n\nthree ") == "one\ntwo\n\n\nthree"


def test_a_line_break_of_markdown_stays() -> None:
    assert tidied("one  \ntwo") == "one  \ntwo"


def test_json_loses_its_layout_and_nothing_else() -> None:
    value = {"text": 'two  spaces\n and "quotes"', "numbers": [1.50, 1e3, 12345678901234567890], "empty": {}}
    text = json.dumps(value, indent=4)
    assert json.loads(tidied(text)) == value
    assert len(tidied(text)) < len(text)
    assert "1.5" in tidied(text)


def test_what_only_looks_like_json_keeps_its_lines() -> None:
    assert tidied("[see below]\nfirst line\n[1]") == "[see below]\nfirst line\n[1]"


@given(st.text(alphabet="ab \n\t.", max_size=200))
def test_tidying_twice_changes_nothing_more_and_words_stay(text: str) -> None:
    once = tidied(text)
    assert tidied(once) == once
    assert once.split() == text.split()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s, max_size=3)))
def test_tidied_json_means_the_same(value: object) -> None:
    assert json.loads(tidied(json.dumps([value], indent=2))) == [value]


def test_the_extract_keeps_the_evidence_in_its_order() -> None:
    filler = "The weather was mild and the streets were quiet. Nothing else happened that week. "
    text = filler * 5 + "Revenue rose to 94 million dollars in March. " + filler * 5 + "Costs fell in March by 2 %. "
    short = extract(text, "What was the revenue in March, and what about costs?", 0.3)
    assert len(short) <= 0.3 * len(text)
    assert short.index("Revenue rose to 94 million") < short.index("Costs fell in March")


def test_short_texts_stay_whole() -> None:
    assert extract("Short enough.", "anything", 0.1) == "Short enough."


@given(st.text(min_size=400, max_size=800), st.text(max_size=40), st.floats(0.05, 0.95))
def test_an_extract_is_never_longer_than_its_share(text: str, question: str, share: float) -> None:
    assert len(extract(text, question, share)) <= max(1, int(len(text) * share))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Context here.\n\nWho signed it?", "Who signed it?"),
        ("Just one question?", "Just one question?"),
        ("Is it so? " + "word " * 200, "Is it so?"),
        ("", ""),
    ],
)
def test_the_question_of_a_message(text: str, question: str) -> None:
    assert question_in(text) == question
