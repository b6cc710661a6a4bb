import pytest

from pilothouse.call import Call
from pilothouse.config import Condition
from pilothouse.gateway.routing.conditions import Facts
from pilothouse.principal import Principal
from pilothouse.types import ChatRequest, EmbedRequest

from ..scripted import Recording

TOOL = {"type": "function", "function": {"name": "f"}}
PICTURE = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]


def facts(content: object = "hello", call: Call | None = None, **more: object) -> Facts:
    body = {"model": "m", "messages": [{"role": "user", "content": content}], **more}
    return Facts(ChatRequest.check(body), call or Call(Recording()))


def test_an_empty_condition_always_holds() -> None:
    assert facts().meet(Condition())


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"metadata": {"tier": "gold"}}, True),
        ({"metadata": {"tier": "gold", "region": "eu"}}, False),
        ({"keys": ["key-1", "x"]}, True),
        ({"keys": ["nightly"]}, True),
        ({"keys": ["x"]}, False),
        ({"teams": ["blue"]}, True),
        ({"teams": ["red"]}, False),
        ({"teams": ["blue"], "keys": ["x"]}, False),
    ],
)
def test_who_asks_and_with_which_metadata(condition: dict[str, object], holds: bool) -> None:
    principal = Principal("default", "key-1", "caller", team_id="blue", name="nightly")
    call = Call(Recording(), principal=principal, key_id="key-1", metadata={"tier": "gold"})
    assert facts(call=call).meet(Condition.model_validate(condition)) is holds


def test_the_size_is_that_of_all_messages() -> None:
    assert facts("x" * 400).tokens == 104
    assert facts("x" * 400).meet(Condition(tokens_over=103, tokens_under=105))
    assert not facts("x" * 400).meet(Condition(tokens_over=104))
    assert not facts("x" * 400).meet(Condition(tokens_under=104))
    embedding = EmbedRequest.check({"model": "m", "input": ["x" * 40, "y" * 40]})
    assert Facts(embedding, Call(Recording())).tokens == 20


@pytest.mark.parametrize(
    ("body", "written", "choices"),
    [
        ({}, None, 1),
        ({"max_tokens": 5}, 5, 1),
        ({"max_tokens": 5, "max_completion_tokens": 7, "n": 3}, 7, 3),
        ({"max_tokens": 0}, None, 1),
        ({"max_tokens": -1, "n": -2}, None, 1),
        ({"max_completion_tokens": -(10**30), "n": 10**30}, None, 10**30),
    ],
)
def test_what_the_caller_lets_be_written(body: dict[str, int], written: int | None, choices: int) -> None:
    asked = facts(**body)
    assert (asked.output_tokens, asked.choices) == (written, choices)


def test_tools_and_images() -> None:
    assert facts(tools=[TOOL]).meet(Condition(tools=True))
    assert not facts().meet(Condition(tools=True))
    assert facts().meet(Condition(tools=False, images=False))
    assert facts(PICTURE).meet(Condition(images=True))
    assert not facts(PICTURE).meet(Condition(images=False))
    odd = [{"type": ["image_url"]}, {"type": {}}, {}]
    assert facts(odd).meet(Condition(images=False))
    embedding = Facts(EmbedRequest.check({"model": "m", "input": "x"}), Call(Recording()))
    assert embedding.meet(Condition(tools=False, images=False))


def test_the_language_is_that_of_the_last_user_message() -> None:
    assert facts("Wie geht es dir und was ist das?").meet(Condition(language=["fr", "de"]))
    assert not facts("Wie geht es dir und was ist das?").meet(Condition(language=["en"]))
    assert not facts("qwertz").meet(Condition(language=["en", "de"]))
