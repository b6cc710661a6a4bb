"""The official `openai` client, unmodified, with a model of every vendor behind the gateway."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from .conftest import Door

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": WEATHER}}
]
HELLO: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
TEXT = "Hello there, this is the answer."


class City(BaseModel):
    city: str


@pytest.fixture(scope="module")
def client(door: Door) -> Iterator[OpenAI]:
    with OpenAI(base_url=door.v1, api_key=door.key, max_retries=0) as client:
        yield client


def test_models(client: OpenAI, wire: str) -> None:
    assert wire in [model.id for model in client.models.list()]
    assert client.models.retrieve(wire).id == wire


def test_chat(client: OpenAI, wire: str) -> None:
    answer = client.chat.completions.with_raw_response.create(model=wire, messages=HELLO, max_tokens=64)
    completion = answer.parse()
    assert completion.choices[0].message.content == TEXT
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (11, 7)
    assert answer.headers["x-pilothouse-deployment"] == f"{wire}/wire-model"
    assert completion._request_id == answer.headers["x-request-id"]


def test_stream(client: OpenAI, wire: str) -> None:
    stream = client.chat.completions.create(
        model=wire, messages=HELLO, max_tokens=64, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    (usage,) = [c.usage for c in chunks if c.usage is not None]
    assert usage.total_tokens == 18


def test_tools_there_and_back(client: OpenAI, wire: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "How warm is it in Oslo?"}]
    first = client.chat.completions.create(model=wire, messages=messages, tools=TOOLS, max_tokens=64).choices[0]
    assert first.finish_reason == "tool_calls"
    (call,) = first.message.tool_calls or []
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})
    messages += [first.message, {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"}]
    second = client.chat.completions.create(model=wire, messages=messages, tools=TOOLS, max_tokens=64).choices[0]
    assert second.message.content == "The tool says: 12 degrees"


def test_streamed_tools_through_the_clients_own_accumulator(client: OpenAI, wire: str) -> None:
    question: Any = [{"role": "user", "content": "How warm is it in Oslo?"}]
    strict: Any = [{"type": "function", "function": {**TOOLS[0]["function"], "strict": True}}]
    with client.chat.completions.stream(model=wire, messages=question, tools=strict, max_tokens=64) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_completion().choices[0].message
    (call,) = message.tool_calls or []
    assert call.function.parsed_arguments == {"city": "Oslo"}
    assert "tool_calls.function.arguments.done" in kinds


@pytest.mark.parametrize("streams", [False, True])
def test_structured_output(client: OpenAI, wire: str, streams: bool) -> None:
    asked: dict[str, Any] = {"model": wire, "messages": HELLO, "response_format": City, "max_tokens": 64}
    if streams:
        with client.chat.completions.stream(**asked) as stream:
            parsed = stream.get_final_completion().choices[0].message.parsed
    else:
        parsed = client.chat.completions.parse(**asked).choices[0].message.parsed
    assert parsed == City(city="Oslo")


def test_completions(client: OpenAI) -> None:
    assert client.completions.create(model="openai", prompt="Once", max_tokens=9).choices[0].text == TEXT
    pieces = client.completions.create(model="openai", prompt="Once", max_tokens=9, stream=True)
    assert "".join(piece.choices[0].text for piece in pieces if piece.choices) == TEXT


def test_embeddings(client: OpenAI, wire: str) -> None:
    if wire == "anthropic":
        with pytest.raises(openai.BadRequestError, match="embeddings"):
            client.embeddings.create(model=wire, input="a")
        return
    several = client.embeddings.create(model=f"{wire}-embed", input=["a", "b"])  # the client asks for base64
    single = client.embeddings.create(model=f"{wire}-embed", input="b", encoding_format="float")
    assert [row.index for row in several.data] == [0, 1]
    assert len(several.data[0].embedding) == len(single.data[0].embedding) > 1
    assert several.data[1].embedding == pytest.approx(single.data[0].embedding, abs=1e-6)


def test_responses(client: OpenAI, wire: str) -> None:
    first = client.responses.create(model=wire, input="Hello?", instructions="Be brief.", max_output_tokens=64)
    assert (first.status, first.output_text) == ("completed", TEXT)
    assert first.usage is not None
    assert (first.usage.input_tokens, first.usage.output_tokens) == (11, 7)
    second = client.responses.create(model=wire, input="And now?", previous_response_id=first.id, max_output_tokens=64)
    assert second.previous_response_id == first.id
    assert client.responses.retrieve(second.id).output_text == TEXT
    client.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(second.id)


def test_responses_stream(client: OpenAI, wire: str) -> None:
    with client.responses.stream(model=wire, input="Hello?", max_output_tokens=64) as stream:
        said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert said == final.output_text == TEXT


def test_responses_tools_there_and_back(client: OpenAI, wire: str) -> None:
    tools: Any = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}]
    asked: list[Any] = [{"role": "user", "content": "How warm is it in Oslo?"}]
    first = client.responses.create(model=wire, input=asked, tools=tools, max_output_tokens=64)
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert json.loads(call.arguments) == {"city": "Oslo"}
    asked += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"}]
    second = client.responses.create(model=wire, input=asked, tools=tools, max_output_tokens=64)
    assert second.output_text == "The tool says: 12 degrees"


def test_responses_structured_output(client: OpenAI, wire: str) -> None:
    answer = client.responses.parse(model=wire, input="Where?", text_format=City, max_output_tokens=64)
    assert answer.output_parsed == City(city="Oslo")


def test_errors_are_the_clients_own(client: OpenAI, door: Door, wire: str) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=f"{wire}-busy", messages=HELLO, max_tokens=64)
    assert caught.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.BadRequestError) as long:
        client.chat.completions.create(model=f"{wire}-long", messages=HELLO, max_tokens=64, stream=True)
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="no-such-model", messages=HELLO)
    with pytest.raises(openai.AuthenticationError):
        OpenAI(base_url=door.v1, api_key="ph-nobody", max_retries=0).models.list()
