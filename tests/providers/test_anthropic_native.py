"""Forwarding Anthropic's Messages: the edits of a request, the reading of an answer, the ends of a stream."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.config import ProviderConfig
from pilothouse.errors import ProviderAuth, ProviderProtocolError, ProviderUnavailable
from pilothouse.providers.anthropic import AnthropicProvider
from pilothouse.providers.anthropic_native import NativeReader, caller_headers, forwarded
from pilothouse.testing import Answer, Heard, ToolCall, new_call
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.types import ChatChunk, ChatRequest, Json, Usage

from .conftest import Upstream

MESSAGES: list[Json] = [{"role": "user", "content": "Hi"}]


def request(stream: bool = False, **fields: Any) -> ChatRequest:
    body = {"model": "claude", "max_tokens": 9, "messages": MESSAGES, "stream": stream, **fields}
    return ChatRequest(body, "messages")


async def asked(url: str, sent: ChatRequest) -> list[ChatChunk]:
    provider = AnthropicProvider("claude", ProviderConfig(base_url=url, api_key="k"))
    try:
        async with contextlib.aclosing(provider.chat(sent, new_call(10))) as chunks:
            return [chunk async for chunk in chunks]
    finally:
        await provider.aclose()


# ---- the request


def test_a_body_that_needs_no_edit_is_sent_as_it_is() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "tool_use", "id": "toolu_1-a"},
        "odd",
        {"type": []},
    ]
    body = {"messages": [*MESSAGES, {"role": "assistant", "content": blocks}]}
    assert forwarded(body) is body


def test_what_other_models_left_is_made_fit() -> None:
    unsigned = {"type": "thinking", "thinking": "hm", "signature": ""}
    use, result = {"type": "tool_use", "id": "f:0", "x": 1}, {"type": "tool_result", "tool_use_id": "f:0"}
    messages = [
        *MESSAGES,
        {"role": "assistant", "content": [unsigned]},
        {"role": "assistant", "content": [unsigned, use]},
        {"role": "user", "content": [result]},
    ]
    body = {"messages": messages, "a": 1}
    assert forwarded(body) == {
        "a": 1,
        "messages": [
            *MESSAGES,
            {"role": "assistant", "content": [{**use, "id": "f_0"}]},
            {"role": "user", "content": [{**result, "tool_use_id": "f_0"}]},
        ],
    }
    assert messages[1]["content"] == [unsigned], "the caller's body is its own"


def test_headers_of_both_sides_are_sent() -> None:
    sent = ChatRequest({}, "messages", headers=(("anthropic-beta", "b, c"), ("anthropic-version", "v2")))
    own = {"Anthropic-Beta": "a,b", "anthropic-version": "v1", "x-api-key": "k"}
    assert caller_headers(sent.headers, own) == {"Anthropic-Beta": "a,b,c", "anthropic-version": "v2"}
    assert caller_headers(sent.headers, {}) == {"anthropic-beta": "b, c", "anthropic-version": "v2"}


# ---- the answer

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
tool_calls = st.lists(
    st.builds(
        ToolCall, st.text("abc_-1", min_size=1, max_size=6), st.just("f"), st.dictionaries(texts, texts, max_size=2)
    ),
    max_size=2,
)


@given(texts, st.one_of(st.just(""), texts), tool_calls)
def test_a_stream_says_what_the_whole_says(text: str, reasoning: str, calls: list[ToolCall]) -> None:
    server = AnthropicServer()
    usage = Usage(30, 9, 20, 4, 3)
    answer = Answer(text=text, reasoning=reasoning, tool_calls=tuple(calls), usage=usage, finish_reason="length")
    heard = Heard("chat", "claude", stream=True)
    reader = NativeReader()
    chunks = [reader.feed(frame.partition(b"data: ")[2].strip()) for frame in server.frames(heard, answer)]
    assert reader.done
    whole = NativeReader().whole(msgspec.json.encode(server.whole(heard, answer)))
    assert whole.text == "".join(chunk.text for chunk in chunks) == text
    assert whole.reasoning == "".join(chunk.reasoning for chunk in chunks) == reasoning
    assert [chunk.usage for chunk in chunks if chunk.usage] == [whole.usage] == [usage]
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == [whole.finish_reason] == ["length"]
    assert next(chunk.model for chunk in chunks if chunk.model) == whole.model == "claude"
    streamed: dict[int, Json] = {}
    for delta in (delta for chunk in chunks for delta in chunk.tool_calls or ()):
        call = streamed.setdefault(delta["index"], {"id": delta.get("id"), "arguments": ""})
        call["arguments"] += delta["function"]["arguments"]
    got = [(call["id"], msgspec.json.decode(call["arguments"] or "{}")) for call in streamed.values()]
    listed = [(c["id"], msgspec.json.decode(c["function"]["arguments"])) for c in whole.tool_calls or ()]
    assert got == listed == [(call.id, call.arguments) for call in calls]


def test_tools_that_run_at_anthropic_are_no_calls_of_the_callers() -> None:
    reader = NativeReader()
    start = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "server_tool_use", "id": "s", "name": "w"},
    }
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}}
    assert [reader.feed(msgspec.json.encode(event)).tool_calls for event in (start, delta)] == [None, None]


def test_events_of_a_later_version_pass_through() -> None:
    chunk = NativeReader().feed(b'{"type":"something_new","x":1}')
    assert (chunk.event, chunk.text, chunk.raw) == (b"something_new", "", b'{"type":"something_new","x":1}')


async def test_an_error_event_is_raised(upstream: Upstream) -> None:
    upstream.sse('{"type":"ping"}', '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    with pytest.raises(ProviderUnavailable, match="Overloaded"):
        await asked(upstream.url, request(stream=True))


async def test_a_stream_that_ends_early_is_broken_off(upstream: Upstream) -> None:
    upstream.sse('{"type":"ping"}')
    with pytest.raises(ProviderUnavailable, match="broke off"):
        await asked(upstream.url, request(stream=True))
    upstream.body = b""
    with pytest.raises(ProviderProtocolError, match="streamed nothing"):
        await asked(upstream.url, request(stream=True))


async def test_a_stream_without_its_last_blank_line_is_whole(upstream: Upstream) -> None:
    upstream.body = b'event: message_stop\ndata: {"type":"message_stop"}'
    (chunk,) = await asked(upstream.url, request(stream=True))
    assert chunk.event == b"message_stop"


async def test_answers_in_no_format_are_the_providers_fault(upstream: Upstream) -> None:
    upstream.json('{"choices": []}')
    with pytest.raises(ProviderProtocolError, match="outside its documented format"):
        await asked(upstream.url, request())
    upstream.sse("[1]")
    with pytest.raises(ProviderProtocolError, match="outside its documented format"):
        await asked(upstream.url, request(stream=True))


async def test_a_refused_key_is_the_providers_too(upstream: Upstream) -> None:
    upstream.json('{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}', 401)
    with pytest.raises(ProviderAuth, match="invalid x-api-key"):
        await asked(upstream.url, request())
