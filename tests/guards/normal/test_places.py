import re

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.guards.normal.places import Chain, Mirror, Pieces, Writing, chained, replaced

_NUMBERS = re.compile(r"\d+")


@given(st.text(alphabet="ab12", max_size=40))
def test_every_place_of_a_made_text_comes_from_what_it_stands_for(text: str) -> None:
    made = replaced(text, _NUMBERS, lambda found: "<" * int(len(found[0]) > 1) + "#")
    if made is None:
        assert not _NUMBERS.search(text)
        return
    assert made.places is not None
    for at, char in enumerate(made.text):
        start, end = made.places.span(at, at + 1)
        assert text[start:end] == char if char.isalpha() else _NUMBERS.fullmatch(text[start:end])
    assert made.places.span(0, len(made.text)) == (0, len(text))


def test_what_is_left_as_it_is_makes_no_piece() -> None:
    assert replaced("a1b", _NUMBERS, lambda _: None) is None
    writing = Writing()
    writing.copy("ab", 0)
    writing.copy("cd", 2)
    writing.put("", 4, 9)
    writing.put("x", 9, 10)
    text, places = writing.made()
    assert text == "abcdx"
    assert places is not None
    assert places.span(1, 3) == (1, 3)
    assert places.span(3, 5) == (3, 10)


def test_maps_follow_each_other() -> None:
    writing = Writing()
    writing.put("yz", 0, 5)
    inner = writing.made().places
    assert isinstance(inner, Pieces)
    assert chained(None, None) is None
    assert chained(inner, None) is inner
    assert chained(None, inner) is inner
    both = chained(Mirror(2), inner)
    assert isinstance(both, Chain)
    assert both.span(0, 1) == (0, 5)
    assert Mirror(5).span(0, 2) == (3, 5)
