import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding
from pilothouse.guards.text.words import Words
from pilothouse.protocols import Conversation, Subject


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("ACME, acme corp and acmeist", [(0, 4), (6, 15)]),
        ("an acme-like thing", [(3, 7)]),
        ("nothing of the sort", []),
        ("c++ is not c", [(0, 3)]),
    ],
    ids=["longest first", "hyphen", "none", "signs"],
)
async def test_words_are_found_whole_and_in_any_case(text: str, places: list[tuple[int, int]]) -> None:
    result = await Words(words=("acme", "Acme Corp", "C++"), kind="name").check(Subject(text, "output"))
    assert [*result.findings] == [Finding("name", *place) for place in places]
    assert result.status == ("triggered" if places else "passed")


@given(st.text(alphabet="ab -.", max_size=60), st.lists(st.integers(1, 7), max_size=20))
def test_a_scan_finds_the_same_however_the_text_is_cut(text: str, sizes: list[int]) -> None:
    guard = Words(words=("ab", "a b", "b.a-a", "aba"))
    scan, found, at = guard.scan(Conversation()), list[Finding](), 0
    for size in [*sizes, len(text)]:
        found += scan.feed(text[at : at + size])
        at += size
        assert scan.settled <= min(at, len(text))
    found += scan.end()
    assert tuple(found) == asyncio.run(guard.check(Subject(text, "output"))).findings


@pytest.mark.parametrize("words", [(), ("a", " ")], ids=["none", "blank"])
def test_there_must_be_words(words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"words.words"):
        Words(words=words)
