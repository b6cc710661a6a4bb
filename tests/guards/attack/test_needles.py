import base64
import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.guarded import Finding
from pilothouse.guards.attack.needles import Needles, spellings

_WORD = "qwjzkxvbhtmfldpe"
_WRITTEN = {
    "plain": _WORD,
    "capitals": _WORD.upper(),
    "apart": " - ".join(_WORD),
    "lines": "\n".join(_WORD),
    "backwards": _WORD[::-1],
    "look-alikes": _WORD.replace("e", "е").replace("p", "р"),
    "zero width": "\u200b".join(_WORD),
    "rot13": codecs.encode(_WORD, "rot13"),
    "hex": _WORD.encode().hex(" "),
    "url": "".join(f"%{ord(char):02X}" for char in _WORD),
    "entities": "".join(f"&#{ord(char)};" for char in _WORD),
    "escapes": "".join(f"\\u{ord(char):04x}" for char in _WORD),
    **{f"base64 {skip}": base64.b64encode(("x" * skip + _WORD + "yz").encode()).decode() for skip in range(3)},
}


def _found(pieces: list[str], words: frozenset[str] = spellings(_WORD)) -> list[Finding]:
    scan, found = Needles(words, "word"), list[Finding]()
    for piece in pieces:
        new = scan.feed(piece)
        assert all(one.start >= settled for one in new for settled in [getattr(scan, "before", 0)])
        found += new
        scan.before = scan.settled  # type: ignore[attr-defined]
    return [*found, *scan.end()]


@pytest.mark.parametrize("how", sorted(_WRITTEN))
def test_a_word_is_found_however_it_is_spelled(how: str) -> None:
    written = _WRITTEN[how]
    (found,) = _found([f"It is {written}."])
    assert f"It is {written}."[found.start : found.end] in written
    assert found.end - found.start >= len(written) * 0.6


@given(
    st.lists(st.sampled_from([*_WRITTEN.values(), "a text", " ", ".", "qwjz", _WORD[:9], "é", " " * 20]), max_size=8),
    st.lists(st.integers(1, 12), max_size=60),
)
def test_the_same_is_found_however_the_text_is_cut(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts)
    pieces, at = list[str](), 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    assert _found([*pieces, text[at:]]) == _found([text])


def test_only_what_may_become_the_word_is_held() -> None:
    scan = Needles({"abcdef"}, "word")
    scan.feed("nothing to see ")
    assert scan.settled == 15
    scan.feed("a-b-c")
    assert scan.settled == 15
    scan.feed(" x")
    assert scan.settled == 22
    scan.feed("a" + " " * 13)
    assert scan.settled == 36


def test_letters_too_far_apart_are_no_word() -> None:
    assert len(_found([f"abc{' ' * 12}def"], frozenset(["abcdef"]))) == 1
    assert _found([f"abc{' ' * 13}def"], frozenset(["abcdef"])) == []
    assert _found(["anything"], frozenset()) == []
