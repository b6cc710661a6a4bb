"""Porter's stemmer against NLTK's, which rouge-score uses."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer

from pilothouse.overlap.stemming import stem
from tests.overlap.texts import DOCS

ORACLE = PorterStemmer()
ENDINGS = """
s es ies sses ss ed ied eed ing y ational tional enci anci izer bli alli entli eli ousli ization ation ator alism
iveness fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic able
ible ant ement ment ent ion sion tion ou ism ate iti ous ive ize e ll
"""
PAPER = """
caresses caress ponies poni ties tie cats cat agreed agre plastered plaster motoring motor hopping hop falling fall
filing file happy happi sky sky relational relat conditional condit vietnamization vietnam triplicate triplic
electrical electr goodness good revival reviv adoption adopt controlling control dying die news news succeed succeed
"""
beginnings = st.text("aeiouybcdlstz1é", max_size=6)


@settings(deadline=None)
@given(beginnings, st.sampled_from(ENDINGS.split()), st.sampled_from(["", *ENDINGS.split()]))
def test_made_up_words_with_every_ending(beginning: str, ending: str, last: str) -> None:
    word = beginning + ending + last
    assert stem(word) == ORACLE.stem(word)


def test_the_words_of_the_documentation() -> None:
    words = {word for page in DOCS.rglob("*.md") for word in re.findall(r"[a-z0-9]+", page.read_text().lower())}
    assert len(words) > 2000
    assert [word for word in words if stem(word) != ORACLE.stem(word)] == []


def test_irregular_words_and_those_of_the_paper() -> None:
    pairs = PAPER.split()
    assert {word: stem(word) for word in pairs[::2]} == dict(zip(pairs[::2], pairs[1::2], strict=True))


def test_a_word_of_a_million_letters_is_no_harm() -> None:
    assert stem("y" * 1_000_000 + "ing").startswith("yyyy")
