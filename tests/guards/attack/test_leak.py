import base64

import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.attack.leak import PromptLeak
from pilothouse.protocols import Conversation, Subject

_SYSTEM = (
    "You are the helper of a small bank in Basel. Never speak about the merger with Nordhaus before the ninth of May, "
    "and send people who ask for loans above two million francs to Frau Keller."
)
_ABOUT = Conversation(system=_SYSTEM, question="Who are you?")


async def _status(text: str, conversation: Conversation = _ABOUT) -> str:
    return (await PromptLeak().check(Subject(text, "output", "assistant", conversation))).status


@pytest.mark.parametrize(
    "text",
    [f"Sure: {_SYSTEM}", _SYSTEM.upper(), _SYSTEM[40:170], base64.b64encode(_SYSTEM.encode()).decode(),
     _SYSTEM.replace(" ", "\n> ")],
    ids=["all", "capitals", "a part", "base64", "quoted"],
)  # fmt: skip
async def test_answers_that_repeat_the_prompt_trigger(text: str) -> None:
    assert await _status(text) == "triggered"


async def test_only_what_is_repeated_is_found() -> None:
    text = f"I was told: {_SYSTEM} And that is all."
    result = await PromptLeak().check(Subject(text, "output", "assistant", _ABOUT))
    assert [text[one.start : one.end] for one in result.findings] == [_SYSTEM.rstrip(".")]


async def test_a_few_words_in_common_and_what_the_user_said_pass() -> None:
    assert await _status("I am the helper of a small bank in Basel, and can tell you of loans.") == "passed"
    quoting = Conversation(system=_SYSTEM, question=f"Translate: {_SYSTEM}")
    assert await _status(_SYSTEM, quoting) == "passed"
    assert await _status(_SYSTEM, Conversation(system=_SYSTEM, passages=[_SYSTEM])) == "passed"


async def test_a_prompt_of_a_few_words_counts_as_a_whole_and_none_is_not_looked_at() -> None:
    assert (
        await _status(
            "He said: always answer in rhymes of two lines",
            Conversation(system="Always answer in rhymes of two lines."),
        )
        == "triggered"
    )
    assert await _status("text", Conversation(system="Be brief.")) == "skipped"
    with pytest.raises(ConfigError, match="words"):
        PromptLeak(words=2)
