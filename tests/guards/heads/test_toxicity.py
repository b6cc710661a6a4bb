import pytest

from pilothouse.guards.heads.toxicity import Toxicity
from pilothouse.protocols import Conversation, Subject
from tests.guards.heads.conftest import MakeSubject


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("You are such a pathetic loser", "You are such a pathetic"),
        ("u r a moron", "u r a moron"),
        ("go and DIE", "go and DIE"),
        ("I'll find you", "I'll find you"),
        ("The Idiot is a novel by Dostoevsky", ""),
        ("you wrote that the pig was stupid", ""),
        ("a skys go diet", ""),
    ],
)
async def test_what_is_said_to_somebodys_face_is_listed(about: MakeSubject, text: str, said: str) -> None:
    result = await Toxicity(threshold=0.999_999_999).check(about(text))
    assert [text[one.start : one.end] for one in result.findings] == ([said] if said else [])
    assert result.status == ("triggered" if said else "passed")


async def test_without_an_encoder_the_list_alone_looks() -> None:
    insult, other = (Subject(text, "output", conversation=Conversation()) for text in ("you moron", "you there"))
    assert (await Toxicity().check(insult)).status == "triggered"
    assert (await Toxicity().check(other)).status == "skipped"
    assert (await Toxicity(listed=False).check(insult)).status == "skipped"


async def test_the_list_takes_time_in_line_with_a_text(about: MakeSubject) -> None:
    result = await Toxicity(threshold=0.999_999_999).check(about("you are a " * 100_000))
    assert result.status == "skipped"
