import pytest

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding
from pilothouse.guards.text.words import Words
from pilothouse.protocols import Subject


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


@pytest.mark.parametrize("words", [(), ("a", " ")], ids=["none", "blank"])
def test_there_must_be_words(words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"words.words"):
        Words(words=words)
