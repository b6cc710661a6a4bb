"""The official `anthropic` client, unmodified, with a model of every vendor behind the gateway."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from .conftest import Door

TOOLS: Any = [
    {
        "name": "weather",
        "description": "The weather of a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]
HELLO: Any = [{"role": "user", "content": "Hello?"}]
TEXT = "Hello there, this is the answer."


@pytest.fixture(scope="module")
def client(door: Door) -> Iterator[Anthropic]:
    with Anthropic(base_url=door.url, api_key=door.key, max_retries=0) as client:
        yield client


def test_models(client: Anthropic, wire: str) -> None:
    assert wire in [model.id for model in client.models.list()]
    assert client.models.retrieve(wire).id == wire


def test_messages(client: Anthropic, wire: str) -> None:
    message = client.messages.create(model=wire, max_tokens=64, system="Be brief.", messages=HELLO)
    assert [block.text for block in message.content if block.type == "text"] == [TEXT]
    assert message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (11, 7)


def test_stream(client: Anthropic, wire: str) -> None:
    with client.messages.stream(model=wire, max_tokens=64, messages=HELLO) as stream:
        assert "".join(stream.text_stream) == TEXT
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert (final.usage.input_tokens, final.usage.output_tokens) == (11, 7)


@pytest.mark.parametrize("streams", [False, True])
def test_tools_there_and_back(client: Anthropic, wire: str, streams: bool) -> None:
    asked: list[Any] = [{"role": "user", "content": "How warm is it in Oslo?"}]
    given: dict[str, Any] = {"model": wire, "max_tokens": 64, "tools": TOOLS}
    if streams:
        with client.messages.stream(messages=asked, **given) as stream:
            message: Any = stream.get_final_message()
    else:
        message = client.messages.create(messages=asked, **given)
    assert message.stop_reason == "tool_use"
    (use,) = [block for block in message.content if block.type == "tool_use"]
    assert (use.name, use.input) == ("weather", {"city": "Oslo"})
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "12 degrees"}
    asked += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    answer = client.messages.create(messages=asked, **given)
    assert [block.text for block in answer.content if block.type == "text"] == ["The tool says: 12 degrees"]


def test_count_tokens(client: Anthropic, wire: str) -> None:
    assert client.messages.count_tokens(model=wire, messages=HELLO).input_tokens > 0


def test_errors_are_the_clients_own(client: Anthropic, door: Door, wire: str) -> None:
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(model=f"{wire}-busy", max_tokens=64, messages=HELLO)
    assert caught.value.response.headers["retry-after"] == "7"
    with pytest.raises(anthropic.BadRequestError, match=r"."):
        client.messages.create(model=f"{wire}-long", max_tokens=64, messages=HELLO)
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(model="no-such-model", max_tokens=64, messages=HELLO)
    with pytest.raises(anthropic.AuthenticationError):
        Anthropic(base_url=door.url, api_key="ph-nobody", max_retries=0).models.list()
