"""The official `anthropic` client against the gateway over real HTTP, on every built-in provider's wire format."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic.types import ToolUseBlock

from pilothouse.access.shapes import KeySettings
from pilothouse.config import Limits
from pilothouse.testing import Answer, ToolCall

from .messages_served import SERVERS, Served, provider, serving

HELLO: Any = [{"role": "user", "content": "Hello"}]
WEATHER: Any = {
    "name": "weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
UNICODE = "Größe 漢字 🙂 — naïve, fin."
CALLS = (ToolCall("call_1", "weather", {"city": "Zürich"}), ToolCall("call_2", "weather", {"city": "Oslo"}))


@pytest.fixture(params=list(SERVERS))
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def served(vendor: str, tmp_path: Path, models_dir: Path) -> AsyncIterator[Served]:
    async with SERVERS[vendor]() as upstream:
        config = {
            "providers": {"wire": provider(vendor, upstream)},
            "models": {
                "m": {"deployments": [{"provider": "wire", "model": "wire-model"}], "resilience": {"retries": 0}}
            },
        }
        async with serving(tmp_path, models_dir, upstream, config) as platform:
            yield platform


async def test_create(served: Served) -> None:
    served.upstream.say(Answer(text=UNICODE, finish_reason="length"))
    fields: Any = {"system": "Be brief.", "stop_sequences": ["END"], "extra_body": {"temperature": 0.5}}
    raw = await served.client.messages.with_raw_response.create(model="m", max_tokens=64, messages=HELLO, **fields)
    message = await raw.parse()
    assert [block.text for block in message.content if block.type == "text"] == [UNICODE]
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "max_tokens")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (11, 7)
    heard = served.upstream.heard
    assert (heard.model, heard.stream, heard.system) == ("wire-model", False, "Be brief.")
    assert (heard.max_tokens, heard.temperature, heard.stop) == (64, 0.5, ["END"])
    (span,) = served.spans()
    assert raw.headers["request-id"] == raw.headers["x-request-id"] == span.request_id
    assert raw.headers["x-pilothouse-deployment"] == "wire/wire-model"
    assert (span.operation, span.endpoint, span.status) == ("messages", "/v1/messages", "ok")
    assert span.usage is not None
    assert (span.usage.input_tokens, span.usage.output_tokens, span.usage.estimated) == (11, 7, False)
    assert span.output is not None
    assert span.output["choices"][0]["message"]["content"] == UNICODE
    assert span.attributes["gen_ai.response.finish_reasons"] == ["length"]


@pytest.mark.parametrize("split", ["frames", "bytes", 3])
async def test_stream(served: Served, split: Any) -> None:
    served.upstream.say(Answer(text=UNICODE, split=split))
    async with served.client.messages.stream(model="m", max_tokens=64, messages=HELLO) as stream:
        pieces = [piece async for piece in stream.text_stream]
        message = await stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == UNICODE
    assert message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (11, 7)
    assert served.upstream.heard.stream is True
    (span,) = served.spans()
    assert span.usage is not None
    assert (span.usage.output_tokens, span.usage.estimated) == (7, False)
    assert span.ttft_us is not None
    assert span.output is not None
    assert span.output["choices"][0]["message"]["content"] == UNICODE


@pytest.mark.parametrize("stream", [False, True])
async def test_tools(served: Served, stream: bool) -> None:
    served.upstream.say(Answer(text="Let me look.", tool_calls=CALLS, finish_reason="tool_calls"))
    asked: Any = {"model": "m", "max_tokens": 64, "messages": HELLO, "tools": [WEATHER]}
    if stream:
        async with served.client.messages.stream(**asked, tool_choice={"type": "any"}) as events:
            message = await events.get_final_message()
    else:
        message = await served.client.messages.create(**asked, tool_choice={"type": "any"})
    assert served.upstream.heard.tools == {"weather": WEATHER["input_schema"]}
    assert served.upstream.heard.tool_choice == "required"
    assert message.stop_reason == "tool_use"
    uses = [block for block in message.content if isinstance(block, ToolUseBlock)]
    assert [(use.name, use.input) for use in uses] == [(call.name, call.arguments) for call in CALLS]
    assert len({use.id for use in uses}) == 2
    (span,) = served.spans()
    assert span.output is not None
    recorded = span.output["choices"][0]["message"]
    assert [call["function"]["name"] for call in recorded["tool_calls"]] == ["weather", "weather"]

    results: Any = [
        {"type": "tool_result", "tool_use_id": use.id, "content": [{"type": "text", "text": f"It rains in {i}."}]}
        for i, use in enumerate(uses)
    ]
    follow_up = [*HELLO, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    await served.client.messages.create(model="m", max_tokens=64, messages=follow_up, tools=[WEATHER])
    told = [result for turn in served.upstream.heard.turns for _, result in turn.results]
    assert ["It rains in 0." in told[0], "It rains in 1." in told[1], len(told)] == [True, True, 2]


async def test_images_reach_the_model(served: Served) -> None:
    data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    image: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    content: Any = [image, {"type": "text", "text": "What is it?"}]
    await served.client.messages.create(model="m", max_tokens=64, messages=[{"role": "user", "content": content}])
    (turn,) = served.upstream.heard.turns
    assert turn.images == [f"data:image/png;base64,{data}"]


async def test_json_schema(served: Served) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    wanted: Any = {"format": {"type": "json_schema", "schema": schema}}
    await served.client.messages.create(model="m", max_tokens=64, messages=HELLO, output_config=wanted)
    assert served.upstream.heard.schema is not None
    assert served.upstream.heard.schema["properties"] == schema["properties"]


async def test_count_tokens(served: Served, vendor: str) -> None:
    raw = await served.client.messages.with_raw_response.count_tokens(model="m", messages=HELLO, tools=[WEATHER])
    counted = (await raw.parse()).input_tokens
    if vendor == "anthropic":
        assert counted == 11
        assert "x-pilothouse-estimated" not in raw.headers
        assert served.upstream.last.path == "/v1/messages/count_tokens"
        (span,) = served.spans()
        assert (span.operation, span.usage, span.cost_nano) == ("count_tokens", None, None)
    else:
        assert counted > 20
        assert raw.headers["x-pilothouse-estimated"] == "true"
        assert served.upstream.requests == []


async def test_counting_tokens_is_a_request(served: Served) -> None:
    settings = KeySettings(limits=Limits(requests_per_minute=2, tokens_per_minute=1000, parallel=1))
    secret, _ = served.platform.keys.create("caller", settings=settings)
    client = served.client.with_options(api_key=secret)
    for left in ("1", "0"):
        raw = await client.messages.with_raw_response.count_tokens(model="m", messages=HELLO)
        assert raw.headers["x-ratelimit-remaining-requests"] == left
    with pytest.raises(anthropic.RateLimitError, match="limited to 2 requests per minute"):
        await client.messages.count_tokens(model="m", messages=HELLO)


async def test_errors_are_anthropics(served: Served) -> None:
    async def failing(fault: Any, **more: Any) -> anthropic.APIStatusError:
        served.upstream.say(Answer(fault=fault, **more))
        with pytest.raises(anthropic.APIStatusError) as caught:
            await served.client.messages.create(model="m", max_tokens=64, messages=HELLO)
        body: Any = caught.value.body
        assert body["type"] == "error"
        assert body["request_id"] == caught.value.request_id
        return caught.value

    limited = await failing("rate_limit", retry_after=7)
    assert isinstance(limited, anthropic.RateLimitError)
    assert limited.response.headers["retry-after"] == "7"
    too_long = await failing("context_length")
    assert isinstance(too_long, anthropic.BadRequestError)
    assert "prompt is too long" in str(too_long)
    refused: Any = await failing("auth")  # the provider's key, not the caller's
    assert (refused.status_code, refused.body["error"]["type"]) == (502, "api_error")
    busy: Any = await failing("overloaded")
    assert (busy.status_code, busy.body["error"]["type"]) == (529, "overloaded_error")


async def test_a_failure_in_a_stream_is_an_error_event(served: Served, vendor: str) -> None:
    fault: Any = "reset_midway" if vendor in ("google", "cohere") else "error_event"
    served.upstream.say(Answer(text="one two three four five six", fault=fault))

    async def read() -> None:
        async with served.client.messages.stream(model="m", max_tokens=64, messages=HELLO) as stream:
            await stream.get_final_message()

    with pytest.raises(anthropic.APIStatusError) as caught:
        await read()
    body: Any = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] in ("api_error", "overloaded_error")
    assert body["request_id"].startswith("req_")
    (span,) = served.spans()
    assert (span.status, span.error_code) == ("error", "provider_unavailable")


async def test_the_sync_client(served: Served) -> None:
    served.upstream.say(Answer(text="one two"), Answer(text="one two"))

    def ask() -> tuple[Any, str]:
        with anthropic.Anthropic(base_url=served.address, api_key=served.key, max_retries=0) as client:
            message = client.messages.create(model="m", max_tokens=64, messages=HELLO)
            with client.messages.stream(model="m", max_tokens=64, messages=HELLO) as stream:
                return message.content[0], "".join(stream.text_stream)

    block, streamed = await asyncio.to_thread(ask)
    assert block.text == streamed == "one two"
