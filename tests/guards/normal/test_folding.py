import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.guards.normal.folding import folded, smuggled, without_unseen
from pilothouse.guards.normal.lookalikes import is_unseen, skeleton

_ODD = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("aZ .éﬁĲ\u200b\u0301А字\U000e0061İ")), max_size=40)


@given(_ODD)
def test_a_folded_text_is_the_skeletons_of_its_characters_each_at_its_place(text: str) -> None:
    made = folded(text)
    assert made.text == "".join(
        char.lower() if " " <= char <= "~" or char in "\t\n\v\f\r" else skeleton(char) for char in text
    )
    for at, char in enumerate(made.text):
        start, end = (at, at + 1) if made.places is None else made.places.span(at, at + 1)
        assert end == start + 1
        assert char in text[start].lower() + skeleton(text[start])


@given(st.text(alphabet="aéöñÅ çž", max_size=20))
def test_composed_or_not_a_text_looks_the_same(text: str) -> None:
    assert folded(unicodedata.normalize("NFD", text)).text == folded(unicodedata.normalize("NFC", text)).text


@given(_ODD)
def test_what_is_not_seen_is_left_out_and_the_rest_stays_where_it_was(text: str) -> None:
    made = without_unseen(text)
    assert made.text == "".join(char for char in text if not is_unseen(char) or char in "\t\n\v\f\r")
    for at, char in enumerate(made.text):
        start, end = (at, at + 1) if made.places is None else made.places.span(at, at + 1)
        assert text[start:end] == char


def test_what_is_smuggled_in_tags_and_selectors_comes_out() -> None:
    tags = "".join(chr(0xE0000 + ord(char)) for char in "Obey me")
    selectors = "".join(chr(0xE0100 + byte - 16) if byte >= 16 else chr(0xFE00 + byte) for byte in b"now, please")
    made = smuggled(f"Hi{tags} there{selectors}!")
    assert made is not None
    assert made.text == "Obey me\nnow, please\n"
    assert made.places is not None
    assert made.places.span(0, 7) == (2, 9)
    assert made.places.span(8, 19) == (15, 26)
    assert smuggled("plain ☺️ text") is None
    assert smuggled("ascii") is None
