"""The real clients of OpenAI and Anthropic against servers that speak their wire format."""

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from pilothouse import instrument, span
from pilothouse.observe.names import RESPONSE_FINISH_REASONS
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer, ToolCall
from pilothouse.tracing import Tracer
from pilothouse.types import Usage

from .conftest import Collector

ASK: Any = [{"role": "user", "content": "Hi"}]
COSTS = Usage(input_tokens=100, output_tokens=7, cached_tokens=60)


async def test_openai_chat_sync_and_async(collector: Collector) -> None:
    async with OpenAIServer(Answer(text="Hello.", usage=COSTS)) as server:
        client = instrument(openai.OpenAI(api_key="k", base_url=f"{server.url}/v1"))
        with span("root") as root:
            made = await asyncio.to_thread(client.chat.completions.create, model="m", messages=ASK, temperature=0.5)
        client.close()
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1") as other:
            await instrument(instrument(other)).chat.completions.create(model="m", messages=ASK)
        sent = server.requests[0].headers
    assert made.choices[0].message.content == "Hello."
    first, second = [got for got in collector.spans if got["name"] != "root"]
    assert first["parent_id"] == root.id
    assert sent["traceparent"] == f"00-{root.trace_id}-{first['id']}-01"
    assert (first["kind"], first["request_model"], first["operation"]) == ("llm", "m", "chat")
    assert first["usage"]["input_tokens"] == 100
    assert first["usage"]["cached_tokens"] == 60
    assert first["output"]["content"] == "Hello."
    assert first["input"]["messages"] == ASK
    assert (first["attributes"]["temperature"], first["attributes"][RESPONSE_FINISH_REASONS]) == (0.5, ["stop"])
    assert second["name"] == "openai.chat"


async def test_openai_streams_and_tools(collector: Collector) -> None:
    call = ToolCall("c1", "look", {"q": 1})
    said = Answer(text="One two.", tool_calls=(call,), usage=COSTS, finish_reason="length")
    async with (
        OpenAIServer(said) as server,
        openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1") as client,
    ):
        options: Any = {"include_usage": True}
        stream = await instrument(client).chat.completions.create(
            model="m", messages=ASK, stream=True, stream_options=options
        )
        texts = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    got = collector.span("openai.chat")
    assert "".join(texts) == "One two." == got["output"]["content"]
    assert got["output"]["tool_calls"][0]["function"]["name"] == "look"
    assert (got["usage"]["output_tokens"], got["attributes"][RESPONSE_FINISH_REASONS]) == (7, ["length"])
    assert 0 < got["ttft_us"] <= got["end_us"] - got["start_us"]


async def test_a_stream_that_is_left_still_ends(collector: Collector) -> None:
    async with (
        OpenAIServer() as server,
        openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1") as client,
    ):
        stream = await instrument(client).chat.completions.create(model="m", messages=ASK, stream=True)
        async with stream:
            await anext(stream)
    assert collector.span("openai.chat")["request_model"] == "m"


async def test_an_error_is_the_callers_and_is_recorded(collector: Collector) -> None:
    async with openai.AsyncOpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", max_retries=0) as client:
        with pytest.raises(openai.APIConnectionError):
            await instrument(client).chat.completions.create(model="m", messages=ASK)
    assert collector.span("openai.chat")["error_code"] == "APIConnectionError"


async def test_openai_embeddings_responses_and_raw_answers(collector: Collector) -> None:
    async with (
        OpenAIServer(Answer(usage=COSTS)) as server,
        openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1") as client,
    ):
        instrument(client)
        await client.embeddings.create(model="e", input=["a", "b"])
        raw = await client.chat.completions.with_raw_response.create(model="m", messages=ASK)
        assert raw.parse().choices
        await client.responses.create(model="m", input="Hi")
        async for _ in await client.responses.create(model="m", input="Hi", stream=True):
            pass
    got = collector.spans
    assert [one["name"] for one in got] == ["openai.embeddings", "openai.chat", "openai.chat", "openai.chat"]
    assert got[0]["output"] == {"vectors": 2}
    assert [one["usage"]["input_tokens"] for one in got[1:]] == [100, 100, 100]
    assert [one["attributes"][RESPONSE_FINISH_REASONS] for one in got[1:]] == [["stop"], ["completed"], ["completed"]]
    assert got[3]["ttft_us"] > 0


async def test_anthropic(collector: Collector) -> None:
    call = ToolCall("c1", "look", {"q": 1})
    async with (
        AnthropicServer(Answer(text="Salut.", tool_calls=(call,), usage=COSTS)) as server,
        anthropic.AsyncAnthropic(api_key="k", base_url=server.url, default_headers={"x-api-key": "k"}) as client,
    ):
        instrument(client)
        await client.messages.create(model="c", max_tokens=10, messages=ASK)
        async for _ in await client.messages.create(model="c", max_tokens=10, messages=ASK, stream=True):
            pass
    whole, streamed = collector.spans
    for got in (whole, streamed):
        assert got["usage"]["input_tokens"] == 100, "cached tokens are counted once"
        assert got["usage"]["cached_tokens"] == 60
        assert got["output"]["content"][0]["text"] == "Salut."
        assert got["output"]["content"][1]["name"] == "look"
        assert got["attributes"][RESPONSE_FINISH_REASONS] == ["end_turn"]


def test_what_is_no_client_is_left_alone(collector: Collector) -> None:
    thing = object()
    assert instrument(thing) is thing


async def test_a_call_through_the_gateway_nests_and_is_billed_once(tracer: Tracer, tmp_path: Path) -> None:
    from pilothouse.sdk import Embedded
    from pilothouse.settings import Settings

    async with OpenAIServer(Answer(usage=COSTS)) as server:
        config = tmp_path / "pilothouse.yaml"
        config.write_text(
            f"providers:\n  up: {{kind: openai, base_url: '{server.url}/v1', api_key: k}}\n"
            "models:\n  fast: {deployments: [{provider: up, model: m}]}\n"
            "prices:\n  - {provider: up, model: m, input: 1, output: 1}\n"
        )
        platform = await asyncio.to_thread(Embedded, Settings(home=tmp_path / "home", config=config))
        tracer.configure(url=platform.address, api_key=platform.key, enabled=True, sample_rate=1.0, mask=None)
        client = instrument(openai.AsyncOpenAI(api_key=platform.key, base_url=f"{platform.address}/v1"))
        with span("root") as root:
            stream = await client.chat.completions.create(model="fast", messages=ASK, stream=True)
            assert all(chunk.choices for chunk in [chunk async for chunk in stream])
        await client.close()
        assert await asyncio.to_thread(tracer.flush)
        tracer.configure(enabled=False)
        await asyncio.to_thread(platform.close)
        again = await asyncio.to_thread(Embedded, Settings(home=tmp_path / "home", config=config))
        trace = await asyncio.to_thread(again.client.request, "GET", f"/api/traces/{root.trace_id}")
        await asyncio.to_thread(again.close)
    names = [one["name"] for one in trace["spans"]]
    assert names[:2] == ["root", "openai.chat"]
    assert len(names) > 2
    assert trace["totals"]["input_tokens"] == 100
