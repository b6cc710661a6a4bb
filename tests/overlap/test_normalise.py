"""Answers that are the same but for how they are written."""

import re
import string
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.overlap.matches import Match
from pilothouse.overlap.normalise import exact_match, normalised, normalised_match, token_f1
from tests.overlap.texts import real_pairs, related

pieces = st.lists(
    st.sampled_from(["a", "an ", "the ", "The\x00", "cat ", ".", ",", "1", "0", "-", " ", "\t", "$", "_"])
)


def squad(text: str) -> str:
    """As the evaluation of SQuAD 1.1 is described: small letters, no marks of ASCII, no articles, single spaces."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


@settings(deadline=None)
@given(pieces.map("".join))
def test_without_numbers_it_is_that_of_squad(text: str) -> None:
    assert normalised(text, numbers=False) == squad(text)


@settings(deadline=None)
@given(st.one_of(pieces.map("".join), related(most=1).map(lambda texts: texts[0]), st.text(max_size=15)))
def test_equal_texts_match_whatever_they_are(text: str) -> None:
    assert exact_match(text, text)
    assert normalised_match(text, text)
    assert token_f1(text, text) == Match(1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The  Eiffel Tower.", "eiffel tower", True),
        ("1,234,567.50", "1234567.5", True),
        ("5.0", "5", True),
        ("It is 3.14.", "it is 3.14", True),
        ("3.14", "314", False),
        ("-5", "5", False),
        ("−5", "-5", True),
        ("$1,000", "1000", True),
        ("1.10.0", "1.1", False),
        ("１２３", "123", True),
        ("ﬁne", "fine", True),
        ("“it’s”", "its", True),
        ("Straße", "straße", True),
        ("café", "cafe", False),
        ("你好。", "你好", True),
        ("👍", "👎", False),
        ("!!", "??", False),
        (":)", ":)", True),
        ("", "the", False),
        ("\ud800", "\udc00", False),
    ],
    ids=str,
)
def test_what_counts_as_the_same(one: str, other: str, same: bool) -> None:
    assert normalised_match(one, [other]) is normalised_match(other, one) is same


def test_one_of_several_is_enough() -> None:
    assert exact_match(" yes\n", ["no", "yes"])
    assert not exact_match("Yes", ["no", "yes"])
    assert normalised_match("Yes!", ["no", "yes"])
    assert not normalised_match("Yes!", [])


def test_f_of_shared_words_by_hand() -> None:
    assert token_f1("the black cat", ["a dog", "cat sat"]) == Match(0.5, 0.5, 0.5)
    assert token_f1("我爱北京", "我爱上海") == Match(0.5, 0.5, 0.5)
    assert token_f1("cat", "") == token_f1("", "cat") == Match(0.0, 0.0, 0.0)
    assert token_f1("The", "...") == Match(1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="at least one reference"):
        token_f1("a", [])


def test_f_of_shared_words_on_the_documentation() -> None:
    for changed, text in real_pairs():
        mine, theirs = squad(changed).split(), squad(text).split()
        hits = (Counter(mine) & Counter(theirs)).total()
        if changed.isascii() and text.isascii():
            assert token_f1(changed, text, numbers=False).f == pytest.approx(2 * hits / (len(mine) + len(theirs)))
