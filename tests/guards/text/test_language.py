import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.text.language import Language
from pilothouse.protocols import Subject


@pytest.mark.parametrize(
    ("text", "status"),
    [("Das ist nicht die Antwort auf deine Frage.", "triggered"),
     ("This is the answer to your question.", "passed"), ("xyz 42", "skipped")],
    ids=["other", "allowed", "unknown"],
)  # fmt: skip
async def test_texts_in_other_languages_trigger(text: str, status: str) -> None:
    assert (await Language(allowed=("en", "fr")).check(Subject(text, "output"))).status == status


@pytest.mark.parametrize("allowed", [(), ("english",), ("EN",)], ids=["none", "name", "capitals"])
def test_languages_are_codes(allowed: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"language.allowed"):
        Language(allowed=allowed)
