"""The contract that every chat provider keeps, as tests to subclass. The only module here that needs pytest.

    class TestAcme(ProviderContract):
        server_class = AcmeServer                       # a WireServer that speaks Acme's documented format
        lacks = frozenset({"json_schema"})              # what Acme does not have; those tests are skipped by name

        def make_provider(self, url: str) -> Provider:
            return AcmeProvider("acme", ProviderConfig(base_url=url, api_key="secret"))

Needs pytest-asyncio with `asyncio_mode = "auto"`. Every test talks over a real socket.
"""

import asyncio
import copy
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal, get_args

import msgspec
import pytest

from pilothouse import errors
from pilothouse.protocols import Provider
from pilothouse.testing.asking import Outcome, answering, ask, chat_request
from pilothouse.testing.server import WireServer
from pilothouse.testing.wire import Answer, Fault, Received, ToolCall
from pilothouse.types import Json, Usage

__all__ = ["Feature", "ProviderContract"]

Feature = Literal[
    "images", "image_urls", "tools", "tool_choice_none", "tool_choice_required", "tool_choice_named", "parallel_tools",
    "json_schema", "content_filter", "cached_tokens", "reasoning", "reasoning_tokens", "no_usage", "stop_sequences",
    "unknown_fields", "choices", "error_event", "overloaded", "model_name",
]  # fmt: skip

WEATHER: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
UNICODE = "Größe 漢字 🙂 — naïve, fin."
CALLS = (ToolCall("call_1", "weather", {"city": "Zürich", "days": 2}), ToolCall("call_2", "weather", {"city": "Oslo"}))
SPLITS = ("frames", "whole", "bytes", 1, 2, 3)
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])

FAULTS: list[tuple[Fault, type[errors.ProviderError]]] = [
    ("rate_limit", errors.RateLimited),
    ("auth", errors.ProviderAuth),
    ("forbidden", errors.ProviderAuth),
    ("context_length", errors.ContextTooLong),
    ("bad_request", errors.ProviderRejected),
    ("unknown_model", errors.ProviderRejected),
    ("content_filter", errors.ContentFiltered),
    ("server_error", errors.ProviderUnavailable),
    ("overloaded", errors.ProviderUnavailable),
    ("html", errors.ProviderUnavailable),
    ("garbage", errors.ProviderProtocolError),
]


class ProviderContract(ABC):
    """Subclass it, say which server speaks the vendor's format and how to make the provider."""

    server_class: ClassVar[type[WireServer]]
    lacks: ClassVar[frozenset[Feature]] = frozenset()

    @abstractmethod
    def make_provider(self, url: str) -> Provider:
        """The provider under test, pointed at the server's root URL."""

    def needs(self, *features: str) -> None:
        """Skip the running test where the vendor lacks one of these features."""
        for feature in features:
            assert feature in get_args(Feature), f"no feature is called {feature}"
            if feature in self.lacks:
                pytest.skip(f"this vendor has no {feature}")

    @pytest.fixture
    async def server(self) -> AsyncIterator[WireServer]:
        async with self.server_class() as server:
            yield server

    @pytest.fixture
    async def provider(self, server: WireServer) -> AsyncIterator[Provider]:
        provider = self.make_provider(server.url)
        yield provider
        await provider.aclose()

    # ---- answers

    async def test_json_answer(self, server: WireServer, provider: Provider) -> None:
        server.say(Answer(text=UNICODE))
        got = await ask(provider, chat_request())
        assert (got.text, got.finish_reason, got.usage) == (UNICODE, "stop", Usage(11, 7))
        assert len(got.chunks) == 1
        assert got.chunks[0].data["choices"][0]["message"]["role"] == "assistant"
        assert got.chunks[0].data["usage"]["total_tokens"] == 18
        assert server.heard.stream is False

    @pytest.mark.parametrize("split", SPLITS)
    async def test_stream_at_every_split(self, server: WireServer, provider: Provider, split: Any) -> None:
        server.say(Answer(text=UNICODE, split=split))
        got = await ask(provider, chat_request(stream=True))
        assert (got.text, got.finish_reason, got.usage) == (UNICODE, "stop", Usage(11, 7))
        assert got.choices[0] == UNICODE
        assert len([chunk for chunk in got.chunks if chunk.text]) > 1
        assert server.heard.stream is True

    @STREAM
    @pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
    async def test_finish_reason(self, server: WireServer, provider: Provider, reason: str, stream: bool) -> None:
        if reason == "content_filter":
            self.needs("content_filter")
        server.say(Answer(finish_reason=reason))
        got = await ask(provider, chat_request(stream=stream))
        assert got.finish_reason == reason

    @STREAM
    async def test_reasoning_is_kept_apart_from_text(
        self, server: WireServer, provider: Provider, stream: bool
    ) -> None:
        self.needs("reasoning")
        server.say(Answer(text="Four.", reasoning="Two and two, so four."))
        got = await ask(provider, chat_request(stream=stream))
        assert (got.text, got.reasoning) == ("Four.", "Two and two, so four.")

    @STREAM
    async def test_several_choices(self, server: WireServer, provider: Provider, stream: bool) -> None:
        self.needs("choices")
        server.say(Answer(text="One of two.", choices=2))
        got = await ask(provider, chat_request(stream=stream, n=2))
        assert got.choices == {0: "One of two.", 1: "One of two."}

    @STREAM
    async def test_the_answering_model_is_named(self, server: WireServer, provider: Provider, stream: bool) -> None:
        self.needs("model_name")
        server.say(Answer(model="wire-model-2026-01-01"))
        got = await ask(provider, chat_request(stream=stream))
        assert got.model == "wire-model-2026-01-01"

    # ---- usage

    @STREAM
    async def test_cached_and_reasoning_tokens(self, server: WireServer, provider: Provider, stream: bool) -> None:
        self.needs("cached_tokens")
        thought = 0 if "reasoning_tokens" in self.lacks else 20
        usage = Usage(input_tokens=100, output_tokens=50, cached_tokens=64, reasoning_tokens=thought)
        server.say(Answer(usage=usage))
        assert (await ask(provider, chat_request(stream=stream))).usage == usage

    @STREAM
    async def test_zero_usage_is_usage(self, server: WireServer, provider: Provider, stream: bool) -> None:
        server.say(Answer(usage=Usage()))
        assert (await ask(provider, chat_request(stream=stream))).usage == Usage()

    @STREAM
    async def test_usage_not_reported_is_none(self, server: WireServer, provider: Provider, stream: bool) -> None:
        self.needs("no_usage")
        server.say(Answer(usage=None))
        got = await ask(provider, chat_request(stream=stream))
        assert got.usage is None
        assert got.text == Answer().text

    # ---- what the model hears

    async def test_turns_and_parameters(self, server: WireServer, provider: Provider) -> None:
        messages = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Who are you?"},
            {"role": "assistant", "content": "A model."},
            {"role": "user", "content": [{"type": "text", "text": "Since when?"}]},
        ]
        await ask(provider, chat_request(messages=messages, max_tokens=99, temperature=0.5))
        heard = server.heard
        assert heard.system == "Be brief."
        assert [(turn.role, turn.text) for turn in heard.turns] == [
            ("user", "Who are you?"),
            ("assistant", "A model."),
            ("user", "Since when?"),
        ]
        assert (heard.model, heard.max_tokens, heard.temperature) == ("wire-model", 99, 0.5)

    async def test_turns_that_say_nothing_are_no_error(self, server: WireServer, provider: Provider) -> None:
        parts = [{"type": "text", "text": "\n"}, {"type": "text", "text": "Are you there?"}]
        messages = [
            {"role": "system", "content": ""},
            {"role": "user", "content": "Hello."},
            {"role": "assistant", "content": ""},
            {"role": "user", "content": parts},
        ]
        await ask(provider, chat_request(messages=messages))
        assert "".join(turn.text.strip() for turn in server.heard.turns).replace("\n", "") == "Hello.Are you there?"

    async def test_stop_sequences(self, server: WireServer, provider: Provider) -> None:
        self.needs("stop_sequences")
        await ask(provider, chat_request(stop="END"))
        assert server.heard.stop == ["END"]
        await ask(provider, chat_request(stop=["END", "FIN"]))
        assert server.heard.stop == ["END", "FIN"]

    @pytest.mark.parametrize("url", [PIXEL, "https://example.com/cat.png"], ids=["data", "https"])
    async def test_images(self, server: WireServer, provider: Provider, url: str) -> None:
        self.needs("images", *(["image_urls"] if url.startswith("https") else []))
        content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
        await ask(provider, chat_request(content))
        (turn,) = server.heard.turns
        assert (turn.text, turn.images) == ("What is it?", [url])

    async def test_response_format_json_schema(self, server: WireServer, provider: Provider) -> None:
        self.needs("json_schema")
        wanted = {"type": "json_schema", "json_schema": {"name": "weather", "schema": WEATHER, "strict": True}}
        server.say(Answer(text='{"city": "Oslo"}'))
        got = await ask(provider, chat_request(response_format=wanted))
        assert server.heard.schema == WEATHER
        assert msgspec.json.decode(got.text) == {"city": "Oslo"}

    async def test_unknown_fields_reach_the_provider(self, server: WireServer, provider: Provider) -> None:
        self.needs("unknown_fields")
        await ask(provider, chat_request(made_up_field={"deep": [1, {"er": None}]}))
        assert server.last.body["made_up_field"] == {"deep": [1, {"er": None}]}

    async def test_the_callers_request_is_left_alone(self, provider: Provider) -> None:
        request = chat_request(stream=True, tools=_tools(), messages=_tool_messages())
        before = copy.deepcopy(request.body)
        await ask(provider, request)
        assert request.body == before

    # ---- tools

    @STREAM
    @pytest.mark.parametrize("count", [1, 2])
    async def test_tool_calls(self, server: WireServer, provider: Provider, count: int, stream: bool) -> None:
        self.needs("tools", *(["parallel_tools"] if count > 1 else []))
        server.say(Answer(text="", tool_calls=CALLS[:count], finish_reason="tool_calls", split=5))
        got = await ask(provider, chat_request(stream=stream, tools=_tools()))
        assert [(call.name, call.arguments) for call in got.calls] == [(c.name, c.arguments) for c in CALLS[:count]]
        assert len({call.id for call in got.calls if call.id}) == count
        assert got.finish_reason == "tool_calls"
        assert server.heard.tools == {"weather": WEATHER}

    @STREAM
    async def test_a_call_without_arguments_is_json_all_the_same(
        self, server: WireServer, provider: Provider, stream: bool
    ) -> None:
        self.needs("tools", "parallel_tools")
        calls = (ToolCall("call_1", "now", {}), ToolCall("call_2", "now", {}))
        server.say(Answer(text="", tool_calls=calls, finish_reason="tool_calls"))
        got = await ask(provider, chat_request(stream=stream, tools=_tools()))
        assert [call.arguments for call in got.calls] == [{}, {}]

    async def test_tool_results_round_trip(self, server: WireServer, provider: Provider) -> None:
        self.needs("tools", "parallel_tools")
        await ask(provider, chat_request(tools=_tools(), messages=_tool_messages()))
        turns = server.heard.turns
        assert [(c.name, c.arguments) for turn in turns for c in turn.calls] == [(c.name, c.arguments) for c in CALLS]
        asked = [call.id for turn in turns for call in turn.calls]
        results = [result for turn in turns for result in turn.results]
        assert results == [(asked[0], "12 degrees"), (asked[1], "3 degrees")]

    @pytest.mark.parametrize("choice", ["auto", "none", "required", "named"])
    async def test_tool_choice(self, server: WireServer, provider: Provider, choice: str) -> None:
        self.needs("tools", *([] if choice == "auto" else [f"tool_choice_{choice}"]))
        value: Any = {"type": "function", "function": {"name": "weather"}} if choice == "named" else choice
        await ask(provider, chat_request(tools=_tools(), tool_choice=value))
        assert server.heard.tool_choice == ("weather" if choice == "named" else choice)

    # ---- failures

    @STREAM
    @pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=[fault for fault, _ in FAULTS])
    async def test_error_kinds(
        self, server: WireServer, provider: Provider, fault: Fault, kind: type[errors.ProviderError], stream: bool
    ) -> None:
        if fault in ("content_filter", "overloaded"):
            self.needs(fault)
        server.say(Answer(fault=fault, retry_after=7 if fault == "rate_limit" else None))
        with pytest.raises(kind) as caught:
            await ask(provider, chat_request(stream=stream))
        assert type(caught.value) is kind
        assert caught.value.provider == provider.name
        assert caught.value.retry_after == (7 if fault == "rate_limit" else None)
        assert provider.name in caught.value.message

    @pytest.mark.parametrize("fault", ["reset_midway", "half_frame", "cut", "error_event"])
    async def test_a_stream_that_breaks_is_an_error(self, server: WireServer, provider: Provider, fault: Fault) -> None:
        if fault == "error_event":
            self.needs("error_event")
        server.say(Answer(text="one two three four five six seven eight", fault=fault))
        outcome = Outcome()
        with pytest.raises(errors.ProviderError) as caught:
            await ask(provider, chat_request(stream=True), outcome=outcome)
        assert outcome.text.startswith("one two")
        assert outcome.finish_reason is None
        assert caught.value.provider == provider.name

    @STREAM
    async def test_no_answer_before_the_deadline(self, server: WireServer, provider: Provider, stream: bool) -> None:
        server.say(Answer(fault="hang"))
        with pytest.raises(errors.ProviderTimeout):
            await ask(provider, chat_request(stream=stream), seconds=0.05)

    async def test_unreachable(self) -> None:
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))
            provider = self.make_provider(f"http://127.0.0.1:{unheard.getsockname()[1]}")
            with pytest.raises(errors.ProviderUnavailable):
                await ask(provider, chat_request())
            await provider.aclose()

    async def test_closing_early_closes_the_upstream_connection(self, server: WireServer, provider: Provider) -> None:
        server.say(Answer(text="one two three four", fault="hang_midway"))
        async with answering(provider, chat_request(stream=True)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    break
        await _gone(server.last)

    async def test_cancelling_a_waiting_call_closes_the_upstream_connection(
        self, server: WireServer, provider: Provider
    ) -> None:
        server.say(Answer(text="one two three four", fault="hang_midway"))
        seen = asyncio.Event()

        async def consume() -> None:
            async with answering(provider, chat_request(stream=True)) as chunks:
                async for _ in chunks:
                    seen.set()

        task = asyncio.create_task(consume())
        await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await _gone(server.last)

    async def test_a_provider_serves_calls_side_by_side(self, server: WireServer, provider: Provider) -> None:
        server.default = Answer(text=UNICODE, split=7)
        got = await asyncio.gather(*(ask(provider, chat_request(stream=i % 2 == 0)) for i in range(8)))
        assert [outcome.text for outcome in got] == [UNICODE] * 8
        assert len(server.requests) == 8


async def _gone(received: Received) -> None:
    """Wait until the server noticed that the client left."""
    await asyncio.wait_for(asyncio.wrap_future(received.gone), 5)


def _tools() -> list[Json]:
    function = {"name": "weather", "description": "The weather of a city.", "parameters": WEATHER}
    return [{"type": "function", "function": function}]


def _tool_messages() -> list[Json]:
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": _json(c.arguments)}} for c in CALLS
    ]
    return [
        {"role": "user", "content": "How warm is it?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees"},
        {"role": "tool", "tool_call_id": "call_2", "content": "3 degrees"},
    ]


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()
