"""What the contract does not cover of Gemini: keys, quotas, blocked prompts, spoilt answers, embeddings, models."""

import base64
import struct
from collections.abc import AsyncIterator

import msgspec
import pytest

from pilothouse import errors
from pilothouse.config import ProviderConfig
from pilothouse.protocols import Provider
from pilothouse.providers.google import GoogleProvider
from pilothouse.testing import Answer, ToolCall, ask, chat_request, new_call
from pilothouse.testing.google_server import BILLING, SIGNATURE, GoogleServer
from pilothouse.testing.openai_server import vector
from pilothouse.types import EmbedRequest, Json, Usage

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALLS = (ToolCall("call_a", "weather", {"city": "Oslo"}), ToolCall("call_b", "weather", {"city": "Rome"}))
BOTH = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture
async def server() -> AsyncIterator[GoogleServer]:
    async with GoogleServer() as server:
        yield server


def made(url: str) -> GoogleProvider:
    return GoogleProvider("gemini", ProviderConfig(base_url=url, api_key="AIza-test"))


@pytest.fixture
async def provider(server: GoogleServer) -> AsyncIterator[GoogleProvider]:
    provider = made(server.url)
    yield provider
    await provider.aclose()


@pytest.fixture
async def odd(upstream) -> AsyncIterator[GoogleProvider]:
    """A provider whose upstream answers exactly what a test says."""
    provider = made(upstream.url)
    yield provider
    await provider.aclose()


def test_it_is_a_provider() -> None:
    assert isinstance(GoogleProvider("g", ProviderConfig()), Provider)


async def test_address_and_key(server: GoogleServer, provider: GoogleProvider) -> None:
    await ask(provider, chat_request(model="tunedModels/my model"))
    assert server.last.target == "/v1beta/tunedModels/my%20model:generateContent"
    assert server.last.headers["x-goog-api-key"] == "AIza-test"
    await ask(provider, chat_request(stream=True))
    assert server.last.target == "/v1beta/models/wire-model:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    "model", ["models/allowed/../other", "allowed/../../v1/models/other", "..", "./x", "models//x", "x/"]
)
async def test_a_name_leads_to_no_other_model(server: GoogleServer, provider: GoogleProvider, model: str) -> None:
    """A key may be for models whose names begin in a certain way."""
    with pytest.raises(errors.UnknownModel):
        await ask(provider, chat_request(model=model))
    assert not server.requests


@BOTH
@pytest.mark.parametrize("identify", [True, False], ids=["ids", "no-ids"])
async def test_signed_calls_go_back(stream: bool, identify: bool) -> None:
    """The server refuses Gemini 3 conversations whose calls lost their signature, and results whose ids do not fit."""
    async with GoogleServer(Answer(text="", tool_calls=CALLS, finish_reason="tool_calls"), identify=identify) as server:
        provider = made(server.url)
        got = await ask(provider, chat_request(model="gemini-3-pro", stream=stream, tools=[TOOL]))
        parts = [c["delta" if stream else "message"] for chunk in got.chunks for c in chunk.data["choices"]]
        calls = [call for part in parts for call in part.get("tool_calls", ())]
        assert [call["id"] for call in calls] == (["call_a", "call_b"] if identify else ["call_wire_0", "call_wire_1"])
        assert calls[0]["extra_content"]["google"]["thought_signature"] == SIGNATURE
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "warm"} for call in calls]
        answer = {"role": "assistant", "tool_calls": calls}
        messages = [{"role": "user", "content": "Hi"}, answer, *results]
        await ask(provider, chat_request(model="gemini-3-pro", tools=[TOOL], messages=messages))
        assert [(r, said) for turn in server.heard.turns for r, said in turn.results] == [
            (calls[0]["id"], "warm"),
            (calls[1]["id"], "warm"),
        ]
        await provider.aclose()


@BOTH
async def test_one_call_at_a_time(server: GoogleServer, provider: GoogleProvider, stream: bool) -> None:
    server.say(Answer(text="", tool_calls=CALLS, finish_reason="tool_calls"))
    got = await ask(provider, chat_request(stream=stream, tools=[TOOL], parallel_tool_calls=False))
    assert [call.id for call in got.calls] == ["call_a"]
    assert got.finish_reason == "tool_calls"


@BOTH
@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT"])
async def test_a_filtered_answer_keeps_what_was_said(
    server: GoogleServer, provider: GoogleProvider, reason: str, stream: bool
) -> None:
    server.say(Answer(text="So far", finish_reason=reason))
    got = await ask(provider, chat_request(stream=stream))
    assert (got.text, got.finish_reason) == ("So far", "content_filter")


@BOTH
async def test_a_blocked_prompt(server: GoogleServer, provider: GoogleProvider, stream: bool) -> None:
    server.say(Answer(finish_reason="prompt:PROHIBITED_CONTENT"))
    with pytest.raises(errors.ContentFiltered, match="PROHIBITED_CONTENT"):
        await ask(provider, chat_request(stream=stream))


@BOTH
@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("MALFORMED_FUNCTION_CALL", errors.ProviderUnavailable),
        ("UNEXPECTED_TOOL_CALL", errors.ProviderUnavailable),
        ("MISSING_THOUGHT_SIGNATURE", errors.ProviderRejected),
        ("PUP_LIMITED_DISABLED", errors.ProviderAuth),
    ],
)
async def test_a_spoilt_answer(
    server: GoogleServer, provider: GoogleProvider, reason: str, expected: type, stream: bool
) -> None:
    server.say(Answer(text="", finish_reason=reason))
    with pytest.raises(errors.ProviderError) as got:
        await ask(provider, chat_request(stream=stream))
    assert type(got.value) is expected


async def test_a_quota_says_when_to_come_back(server: GoogleServer, provider: GoogleProvider) -> None:
    """Its message speaks of billing, whichever limit was hit: it is a rate limit all the same."""
    server.say(Answer(fault="rate_limit", retry_after=10.689924287))
    with pytest.raises(errors.RateLimited) as caught:
        await ask(provider, chat_request())
    assert BILLING in caught.value.message
    assert caught.value.retry_after == pytest.approx(10.6899, abs=1e-3)


async def test_an_error_in_the_middle_of_a_stream(odd, upstream) -> None:
    upstream.sse(
        '{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}',
        '{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"3s"}]}}',
    )
    with pytest.raises(errors.RateLimited) as caught:
        await ask(odd, chat_request(stream=True))
    assert caught.value.retry_after == 3


@pytest.mark.parametrize("body", ["{}", '{"candidates": 5}', '{"candidates":[{"content":{}}]}', "[]"])
async def test_answers_outside_the_format(odd, upstream, body: str) -> None:
    upstream.json(body)
    with pytest.raises(errors.ProviderProtocolError):
        await ask(odd, chat_request())


@pytest.mark.parametrize("body", ["not json", '{"error": "text"}', '{"error": {"details": "none"}}'])
async def test_error_bodies_of_any_shape(odd, upstream, body: str) -> None:
    upstream.json(body, status=429)
    with pytest.raises(errors.RateLimited) as caught:
        await ask(odd, chat_request())
    assert caught.value.retry_after is None


async def test_embeddings(server: GoogleServer, provider: GoogleProvider) -> None:
    body: Json = {"model": "gemini-embedding-001", "input": ["a", "b"], "dimensions": 8, "taskType": "RETRIEVAL_QUERY"}
    got = await provider.embed(EmbedRequest(body), new_call())
    assert server.last.body["requests"][1] == {
        "model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": "b"}]},
        "outputDimensionality": 8,
        "taskType": "RETRIEVAL_QUERY",
    }
    assert got.usage == Usage(11)
    assert [row["embedding"] for row in _rows(got.raw)] == [vector("a"), vector("b")]


async def test_embeddings_in_base64_and_without_counts(server: GoogleServer, provider: GoogleProvider) -> None:
    server.say(Answer(usage=None))
    got = await provider.embed(EmbedRequest({"model": "m", "input": "a", "encoding_format": "base64"}), new_call())
    assert got.usage is None
    packed = base64.b64decode(_rows(got.raw)[0]["embedding"])
    assert list(struct.unpack("<8f", packed)) == vector("a")


async def test_many_texts_go_in_batches(server: GoogleServer, provider: GoogleProvider) -> None:
    texts = [str(n) for n in range(230)]
    got = await provider.embed(EmbedRequest({"model": "m", "input": texts}), new_call())
    assert [len(request.body["requests"]) for request in server.requests] == [100, 100, 30]
    assert [row["embedding"] for row in _rows(got.raw)] == [vector(text) for text in texts]
    assert got.usage == Usage(33)


async def test_models_over_several_pages(server: GoogleServer, provider: GoogleProvider) -> None:
    assert await provider.models() == ["wire-large", "wire-small"]
    assert server.last.query == {"pageSize": "1000", "pageToken": "more/of it"}


def _rows(raw: bytes) -> list[Json]:
    return msgspec.json.decode(raw)["data"]
