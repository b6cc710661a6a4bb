"""The `.stream()` helpers and the raw responses of the real clients, against servers that speak their wire format."""

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from pilothouse import configure, instrument, span
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.server import WireServer
from pilothouse.testing.wire import Answer, ToolCall
from pilothouse.types import Usage

from .conftest import Collector

ASK: Any = [{"role": "user", "content": "Hi"}]
COSTS = Usage(input_tokens=100, output_tokens=7, cached_tokens=60)
CALL = ToolCall("c1", "look", {"q": 1})
FIGURES: Any = {"include_usage": True}
TEXT = "One two three."
Opens = Callable[[Any], Any]

HELPERS: dict[str, tuple[str, Opens]] = {
    "chat": ("openai", lambda c: c.chat.completions.stream(model="m", messages=ASK, stream_options=FIGURES)),
    "responses": ("openai", lambda c: c.responses.stream(model="m", input="Hi")),
    "messages": ("anthropic", lambda c: c.messages.stream(model="c", max_tokens=10, messages=ASK)),
}
RAW: dict[str, tuple[str, Opens]] = {
    "chat": ("openai", lambda c: c.chat.completions),
    "responses": ("openai", lambda c: c.responses),
    "messages": ("anthropic", lambda c: c.messages),
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "chat": {"model": "m", "messages": ASK},
    "responses": {"model": "m", "input": "Hi"},
    "messages": {"model": "c", "max_tokens": 10, "messages": ASK},
}
helpers = pytest.mark.parametrize("which", HELPERS)


def server(vendor: str, **more: Any) -> WireServer:
    given = Answer(text=TEXT, usage=COSTS, **more)
    return OpenAIServer(given) if vendor == "openai" else AnthropicServer(given)


def client(vendor: str, url: str, *, sync: bool) -> Any:
    """A traced one."""
    if vendor == "openai":
        made = openai.OpenAI if sync else openai.AsyncOpenAI
        return instrument(made(api_key="k", base_url=f"{url}/v1", max_retries=0))
    kind = anthropic.Anthropic if sync else anthropic.AsyncAnthropic
    return instrument(kind(api_key="k", base_url=url, default_headers={"x-api-key": "k"}, max_retries=0))


async def ask(which: str, read: Callable[[Any], Any], *, sync: bool, **more: Any) -> None:
    """Open the helper of this client and read its stream in the block."""
    vendor, opens = HELPERS[which]
    async with server(vendor, **more) as up:
        api = client(vendor, up.url, sync=sync)
        if sync:
            await asyncio.to_thread(_ask, api, opens, read)
        else:
            async with api, opens(api) as stream:
                await read(stream)
        assert [request.headers["traceparent"][:3] for request in up.requests] == ["00-"]


def _ask(api: Any, opens: Opens, read: Callable[[Any], Any]) -> None:
    with api, opens(api) as stream:
        read(stream)


async def every(stream: Any) -> None:
    assert [event async for event in stream]


async def first(stream: Any) -> None:
    async for event in stream:
        if "delta" in event.type and event.delta:
            return


def first_of(stream: Any) -> None:
    next(event for event in stream if "delta" in event.type and event.delta)


def _finals(which: str) -> Callable[[Any], Any]:
    """What gives the whole answer; it reads the stream by itself."""
    name = {"chat": "get_final_completion", "responses": "get_final_response", "messages": "get_final_message"}[which]
    return lambda stream: getattr(stream, name)()


def _is_whole(which: str, got: dict[str, Any]) -> None:
    assert (got["kind"], got["request_model"], got["usage"].get("output_tokens")) == (
        "llm",
        ARGUMENTS[which]["model"],
        7,
    )
    assert (got["usage"]["input_tokens"], got["usage"]["cached_tokens"]) == (100, 60)
    assert TEXT in str(got["output"])
    assert got.get("error_code") is None


@helpers
@pytest.mark.parametrize("sync", [True, False])
async def test_a_helper_is_one_span_with_usage_and_time_to_first_token(
    collector: Collector, which: str, sync: bool
) -> None:
    with span("root") as root:
        await ask(which, list if sync else every, sync=sync)
        await ask(which, _finals(which), sync=sync)
    spans = collector.spans
    assert len(spans) == 3
    for got in spans[:2]:
        _is_whole(which, got)
        assert got["parent_id"] == root.id
        assert 0 < got["ttft_us"] <= got["end_us"] - got["start_us"]


@helpers
@pytest.mark.parametrize("sync", [True, False])
async def test_a_helper_that_is_left_early_ends_with_what_came(collector: Collector, which: str, sync: bool) -> None:
    kept: list[Any] = []  # as a variable of the program keeps it: the end of the block ends the span
    if sync:

        def read_on(stream: Any) -> None:
            kept.append(stream)
            first_of(stream)

        await ask(which, read_on, sync=True)
    else:

        async def read(stream: Any) -> None:
            kept.append(stream)
            await first(stream)

        await ask(which, read, sync=False)
    (got,) = collector.spans
    assert got["ttft_us"] > 0
    assert got["output"]
    assert TEXT not in str(got["output"])
    assert got.get("error_code") is None


@helpers
@pytest.mark.parametrize("sync", [True, False])
async def test_errors_of_a_helper_are_the_programs_and_recorded(collector: Collector, which: str, sync: bool) -> None:
    with pytest.raises((openai.InternalServerError, anthropic.InternalServerError)):
        await ask(which, list if sync else every, sync=sync, fault="server_error")
    kept: list[Any] = []

    def fail(stream: Any) -> Any:
        kept.append(stream)
        raise LookupError("ours")

    with pytest.raises(LookupError):
        await ask(which, fail, sync=sync)
    assert [got["error_code"] for got in collector.spans] == ["InternalServerError", "LookupError"]


async def test_texts_alone_are_read_along(collector: Collector) -> None:
    await ask("messages", lambda stream: "".join(stream.text_stream), sync=True, tool_calls=(CALL,))
    (got,) = collector.spans
    _is_whole("messages", got)
    assert got["output"]["content"][1]["name"] == "look"


async def test_a_helper_of_no_sampled_trace_is_not_recorded(collector: Collector) -> None:
    """Nor is the call that it makes, as a trace of its own."""
    configure(sample_rate=0.0)
    async with server("openai") as up:
        with_helper = client("openai", up.url, sync=True)
        helper = HELPERS["chat"][1](with_helper)
        configure(sample_rate=1.0)

        def read() -> None:
            with helper as stream:
                assert list(stream)

        await asyncio.to_thread(read)
        with_helper.close()
        assert "traceparent" not in up.requests[0].headers
    assert collector.spans == []


async def test_usage_is_asked_for_and_kept_from_who_did_not_ask(collector: Collector) -> None:
    async with server("openai") as up:
        configure(url=up.url)  # as behind a gateway
        events: list[Any] = []
        api = client("openai", up.url, sync=True)
        await asyncio.to_thread(_ask, api, lambda c: c.chat.completions.stream(model="m", messages=ASK), events.extend)
        configure(url=collector.url)
        assert up.requests[0].body["stream_options"] == {"include_usage": True}
    assert all(event.chunk.choices for event in events if event.type == "chunk")


@pytest.mark.parametrize("which", RAW)
@pytest.mark.parametrize("stream", [False, True])
async def test_raw_answers(collector: Collector, which: str, stream: bool) -> None:
    vendor, room = RAW[which]
    arguments = ARGUMENTS[which] | ({"stream": True} if stream else {})
    if which == "chat" and stream:
        arguments["stream_options"] = FIGURES
    async with server(vendor) as up, client(vendor, up.url, sync=False) as api:
        raw = await room(api).with_raw_response.create(**arguments)
        read = raw.parse()
        read = await read if asyncio.iscoroutine(read) else read
        if stream:
            assert [chunk async for chunk in read]
        async with room(api).with_streaming_response.create(**arguments) as response:
            read = await response.parse()
            if stream:
                assert [chunk async for chunk in read]
        with client(vendor, up.url, sync=True) as other:
            await asyncio.to_thread(_raw, room(other), arguments, stream)
    spans = collector.spans
    assert len(spans) == 4
    for got in spans:
        _is_whole(which, got)
        assert not stream or got["ttft_us"] > 0


def _raw(room: Any, arguments: dict[str, Any], stream: bool) -> None:
    read = room.with_raw_response.create(**arguments).parse()
    assert not stream or list(read)
    with room.with_streaming_response.create(**arguments) as response:
        read = response.parse()
        assert not stream or list(read)


async def test_a_raw_body_is_the_programs_to_read(collector: Collector) -> None:
    """Bytes, lines and JSON, or nothing of it: each ends the span."""
    async with server("openai") as up, client("openai", up.url, sync=False) as api:
        raw = api.chat.completions.with_streaming_response
        async with raw.create(model="lines", messages=ASK) as response:
            assert [line async for line in response.iter_lines()]
        async with raw.create(model="json", messages=ASK) as response:
            assert (await response.json())["choices"]
        async with raw.create(model="left", messages=ASK):
            pass
    lines, whole, left = collector.spans
    assert [got["request_model"] for got in (lines, whole, left)] == ["lines", "json", "left"]
    assert whole["usage"]["input_tokens"] == 100
    assert "usage" not in {name for name, value in left.items() if value is not None}


async def test_clients_made_of_a_client_are_traced_too(collector: Collector) -> None:
    async with server("openai") as up:
        plain = openai.AsyncOpenAI(api_key="k", base_url=f"{up.url}/v1")
        assert plain.chat.completions.with_raw_response is not None  # made before
        async with instrument(plain) as api:
            await api.chat.completions.with_raw_response.create(model="raw", messages=ASK)
            await api.with_options(timeout=5).chat.completions.create(model="options", messages=ASK)
            await api.embeddings.with_raw_response.create(model="vectors", input="a")
    assert [got["request_model"] for got in collector.spans] == ["raw", "options", "vectors"]
