import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.text.length import Length
from pilothouse.protocols import Subject


@pytest.mark.parametrize(
    ("text", "status"), [("a" * 40, "passed"), ("a" * 41, "triggered"), ("", "triggered"), ("a" * 5, "passed")]
)
async def test_a_text_has_so_many_tokens(text: str, status: str) -> None:
    guard = Length(at_least=2, at_most=10)
    result = await guard.check(Subject(text, "output"))
    assert result.status == status
    assert bool(result.correction) == (status == "triggered")


async def test_characters_are_counted_as_they_are() -> None:
    guard = Length(at_most=2, unit="characters")
    assert (await guard.check(Subject("äö", "input"))).status == "passed"
    assert (await guard.check(Subject("äöü", "input"))).reason == "The text has 3 characters; wanted are at most 2."


def test_limits_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"length.at_most"):
        Length(at_least=5, at_most=4)
