"""The native Responses path of the OpenAI provider: where it is offered, what is sent, and what is read."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse import errors
from pilothouse.config import ProviderConfig
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.providers.openai_responses import native_body, read_event
from pilothouse.testing import Answer, ToolCall, new_call
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import ChatChunk, ChatRequest, Usage

from .conftest import Upstream


def provider(url: str | None = None, **options: Any) -> OpenAIProvider:
    return OpenAIProvider("wire", ProviderConfig(base_url=url, api_key="sk-test", options=options))


@pytest.fixture
async def native(server: OpenAIServer) -> AsyncIterator[OpenAIProvider]:
    made = provider(f"{server.url}/v1", responses=True)
    yield made
    await made.aclose()


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as made:
        yield made


async def answered(made: OpenAIProvider, **body: Any) -> list[ChatChunk]:
    request = ChatRequest({"model": "m", "input": "Hi", **body}, "responses")
    return [chunk async for chunk in made.chat(request, new_call())]


@pytest.mark.parametrize(
    ("url", "options", "offered"),
    [
        (None, {}, True),
        ("https://api.openai.com/v1/", {}, True),
        (None, {"responses": False}, False),
        ("http://10.0.0.5:8000/v1", {}, False),
        ("http://10.0.0.5:8000/v1", {"responses": True}, True),
        ("https://x.openai.azure.com", {"api_version": "2024-10-21"}, False),
        ("https://x.openai.azure.com", {"api_version": "2025-03-01-preview"}, True),
        ("https://x.openai.azure.com", {"api_version": "2025-04-01-preview", "responses": False}, False),
        ("https://x.openai.azure.com", {"api_version": "preview"}, False),
    ],
)
def test_it_is_offered_where_it_is_known_to_be(url: str | None, options: dict[str, Any], offered: bool) -> None:
    assert ("responses" in provider(url, **options).operations) is offered


async def test_azure_has_one_path_for_all_deployments(server: OpenAIServer) -> None:
    made = provider(server.url, api_version="2025-04-01-preview")
    (chunk,) = await answered(made)
    assert chunk.text.startswith("Hello")
    assert server.last.target == "/openai/responses?api-version=2025-04-01-preview"
    assert server.last.body["model"] == "m"
    await made.aclose()


@pytest.mark.parametrize("split", ["frames", "whole", "bytes", 1, 2, 3])
async def test_a_stream_is_forwarded_however_it_is_cut(
    native: OpenAIProvider, server: OpenAIServer, split: Any
) -> None:
    call = ToolCall("c1", "f", {"q": "ü"})
    answer = Answer(
        text="eins zwei", reasoning="hm so", tool_calls=(call,), finish_reason="tool_calls", split=split,
        usage=Usage(11, 7, cached_tokens=3, reasoning_tokens=2),
    )  # fmt: skip
    server.say(answer)
    chunks = await answered(native, stream=True)
    assert "".join(chunk.text for chunk in chunks) == "eins zwei"
    assert "".join(chunk.reasoning for chunk in chunks) == "hm so"
    deltas = [delta for chunk in chunks for delta in chunk.tool_calls or ()]
    assert [d["function"]["name"] for d in deltas if "id" in d] == ["f"]
    assert "".join(d["function"]["arguments"] for d in deltas) == '{"q":"ü"}'
    assert (chunks[-1].usage, chunks[-1].finish_reason) == (answer.usage, "tool_calls")
    assert [chunk.event for chunk in chunks] == [chunk.data["type"].encode() for chunk in chunks]
    assert [chunk.data["sequence_number"] for chunk in chunks] == list(range(len(chunks)))


async def test_a_whole_answer(native: OpenAIProvider, server: OpenAIServer) -> None:
    server.say(Answer(text="Hi", reasoning="hm", tool_calls=(ToolCall("c1", "f", {}),), model="m-2026"))
    (chunk,) = await answered(native)
    assert (chunk.text, chunk.reasoning, chunk.finish_reason, chunk.model) == ("Hi", "hm", "tool_calls", "m-2026")
    assert chunk.tool_calls == [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    server.say(Answer(text="Hi", finish_reason="length"))
    (chunk,) = await answered(native)
    assert chunk.finish_reason == "length"


CREATED = '{"type":"response.created","response":{"id":"r","status":"in_progress"},"sequence_number":0}'


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ('{"type":"error","code":"rate_limit_exceeded","message":"slow down"}', errors.RateLimited),
        ('{"type":"error","error":{"code":"context_length_exceeded","message":"long"}}', errors.ContextTooLong),
        ('{"type":"error","code":null,"message":"oh"}', errors.ProviderUnavailable),
        ('{"type":"response.failed","response":{"error":{"code":"server_error","message":"oh"}}}',
         errors.ProviderUnavailable),
        ('{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"oh"}}}',
         errors.RateLimited),
        ('{"type":"response.failed"}', errors.ProviderUnavailable),
        ("not json", errors.ProviderProtocolError),
        ('{"no":"type"}', errors.ProviderProtocolError),
    ],
)  # fmt: skip
async def test_a_failure_right_after_the_start_comes_before_any_chunk(
    upstream: Upstream, event: str, kind: type[errors.ProviderError]
) -> None:
    upstream.sse(CREATED, event)
    made = provider(upstream.url, responses=True)
    answer = made.chat(ChatRequest({"model": "m", "input": "x", "stream": True}, "responses"), new_call())
    with pytest.raises(kind) as caught:
        await anext(answer)
    assert type(caught.value) is kind
    await made.aclose()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"}}', errors.RateLimited),
        ('{"error":{"message":"oh"}}', errors.ProviderUnavailable),
        ("{}", errors.ProviderProtocolError),
        ('{"status":"completed","output":3}', errors.ProviderProtocolError),
        ("[]", errors.ProviderProtocolError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_whole_answer_that_is_none(
    upstream: Upstream, body: str, kind: type[errors.ProviderError], stream: bool
) -> None:
    upstream.json(body)
    made = provider(upstream.url, responses=True)
    with pytest.raises(kind):
        await answered(made, stream=stream)
    await made.aclose()


async def test_a_last_event_without_its_blank_line_counts(upstream: Upstream) -> None:
    done = '{"type":"response.completed","response":{"status":"completed","output":[]}}'
    upstream.body = f"data: {CREATED}\n\ndata: {done}".encode()
    made = provider(upstream.url, responses=True)
    assert [chunk.event for chunk in await answered(made, stream=True)] == [b"response.created", b"response.completed"]
    upstream.body = f"data: {CREATED}\n\ndata: {done[:-9]}".encode()
    with pytest.raises(errors.ProviderUnavailable, match="broke off"):
        await answered(made, stream=True)
    await made.aclose()


def test_a_body_is_cleaned_of_what_others_signed() -> None:
    assert native_body({"input": "x"}) == {"input": "x"}
    plain = {"input": [{"role": "user", "content": "x"}]}
    assert native_body(plain) is plain
    own = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA"}
    call = {"type": "function_call", "call_id": "1", "extra_content": {"by": "g"}}
    foreign = {"type": "reasoning", "encrypted_content": "pilothouse.e30="}
    cleaned = native_body({"model": "m", "input": [own, call, foreign]})
    assert cleaned == {"model": "m", "input": [own, {"type": "function_call", "call_id": "1"}]}


@given(
    st.dictionaries(st.sampled_from(["type", "delta", "item", "response", "output_index"]), st.none() | st.integers())
)
def test_events_outside_the_format_raise_what_decoding_raises(event: dict[str, Any]) -> None:
    try:
        read_event(msgspec.json.encode(event))
    except msgspec.DecodeError:
        return
    assert isinstance(event["type"], str)
