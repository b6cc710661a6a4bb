"""Where sentences end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.overlap.sentences import sentence_spans, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        (
            "Dr. Smith met J. Doe et al. in St. Ives. They left.",
            ["Dr. Smith met J. Doe et al. in St. Ives.", "They left."],
        ),
        (
            "No. It was me, i.e. I did it... well. So did I. Bye",
            ["No.", "It was me, i.e. I did it...", "well.", "So did I.", "Bye"],
        ),
        ("Version 3.14 is at example.com. ok, e.g. here", ["Version 3.14 is at example.com. ok, e.g. here"]),
        ('He said "Stop!" Then (he left.) Fine.', ['He said "Stop!"', "Then (he left.)", "Fine."]),
        ("一。二！「三？」四", ["一。", "二！", "「三？」", "四"]),
        ("A title\n\nA line\nthat goes on\n- item\n2. item", ["A title", "A line\nthat goes on", "- item", "2. item"]),
        ("", []),
        (" \n\n ", []),
        ("...", ["..."]),
    ],
    ids=["plain", "short words", "answers", "dots inside", "quotes", "chinese", "lines", "nothing", "blank", "dots"],
)
def test_sentences_end_where_a_reader_says(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@settings(deadline=None)
@given(st.text("ab.!?。 \n-\"'1🙂", max_size=40))
def test_nothing_is_lost_but_white_space(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_spans_are_where_the_sentences_stand() -> None:
    text = "  One here.  Two there!\n\n \n* Three e.g. this\n\nFour"
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences(text)
    assert sentence_spans(text)[0] == (2, 11)
