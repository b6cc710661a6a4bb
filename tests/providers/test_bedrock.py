"""What the contract does not cover of Bedrock: signatures on the wire, exceptions in frames, embeddings, models."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from pilothouse import errors
from pilothouse.config import ProviderConfig
from pilothouse.protocols import Provider
from pilothouse.providers.bedrock import BedrockProvider
from pilothouse.testing import Answer, ToolCall, ask, chat_request, new_call
from pilothouse.testing.bedrock_server import (
    ACCESS_KEY,
    API_KEY,
    REGION,
    SECRET_KEY,
    SIGNATURE,
    BedrockServer,
    frame,
)
from pilothouse.testing.openai_server import vector
from pilothouse.types import EmbedRequest, Json, Usage

KEYS = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
TITAN, COHERE = "amazon.titan-embed-text-v2:0", "cohere.embed-v4:0"
BOTH = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture
async def server() -> AsyncIterator[BedrockServer]:
    async with BedrockServer() as server:
        yield server


def made(url: str, **config: Any) -> BedrockProvider:
    options = {"region": REGION, "control_url": url, **KEYS, **config.pop("options", {})}
    return BedrockProvider("aws", ProviderConfig(base_url=url, options=options, **config))


@pytest.fixture
async def provider(server: BedrockServer) -> AsyncIterator[BedrockProvider]:
    provider = made(server.url)
    yield provider
    await provider.aclose()


@pytest.fixture
async def odd(upstream) -> AsyncIterator[BedrockProvider]:
    """A provider whose upstream answers exactly what a test says."""
    provider = made(upstream.url)
    yield provider
    await provider.aclose()


def test_it_is_a_provider_and_knows_its_addresses() -> None:
    provider = BedrockProvider("aws", ProviderConfig(options={"region": "us-west-2", **KEYS}))
    assert isinstance(provider, Provider)
    assert provider.base_url == "https://bedrock-runtime.us-west-2.amazonaws.com"
    china = BedrockProvider("aws", ProviderConfig(options={"region": "cn-north-1", **KEYS}))
    assert china.base_url == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"


def test_keys_may_be_references(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"region": REGION, "aws_access_key_id": "${THE_KEY}", "aws_secret_access_key": "x"}
    with pytest.raises(errors.ConfigError, match="THE_KEY"):
        BedrockProvider("aws", ProviderConfig(options=options))


@BOTH
@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-3-5-sonnet-20240620-v1:0",
        "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3",
        "made up?finish_reason=stop",
    ],
)
async def test_the_signature_covers_the_address(
    server: BedrockServer, provider: BedrockProvider, model: str, stream: bool
) -> None:
    """The server computes it anew from what came over the wire, percent signs included."""
    got = await ask(provider, chat_request(model=model, stream=stream))
    assert got.text
    assert server.heard.model == model
    assert "%3A" in server.last.target or ":" not in model


async def test_a_wrong_secret(server: BedrockServer) -> None:
    provider = made(server.url, options={"aws_secret_access_key": "wrong"})
    with pytest.raises(errors.ProviderAuth, match="does not match"):
        await ask(provider, chat_request())
    await provider.aclose()


async def test_headers_of_the_configuration_are_signed_too(server: BedrockServer) -> None:
    provider = made(server.url, headers={"x-team": "blue"})
    await ask(provider, chat_request())
    assert "x-team" in server.last.headers["authorization"]
    await provider.aclose()


async def test_an_api_key_needs_no_signature(server: BedrockServer) -> None:
    provider = made(server.url, api_key=API_KEY)
    await ask(provider, chat_request(stream=True))
    assert server.last.headers["authorization"] == f"Bearer {API_KEY}"
    assert await provider.models() == ["wire.large-v1:0", "wire.small-v1:0"]
    await provider.aclose()


async def test_fields_of_the_model(server: BedrockServer, provider: BedrockProvider) -> None:
    await ask(provider, chat_request(made_up_field={"deep": [1, {"er": None}]}))
    assert server.last.body["additionalModelRequestFields"] == {"made_up_field": {"deep": [1, {"er": None}]}}


async def test_no_tools(server: BedrockServer, provider: BedrockProvider) -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    await ask(provider, chat_request(tools=[tool], tool_choice="none"))
    assert server.heard.tools == {}


@BOTH
async def test_thinking_comes_signed_and_goes_back(
    server: BedrockServer, provider: BedrockProvider, stream: bool
) -> None:
    server.say(Answer(text="Four.", reasoning="Two and two."))
    got = await ask(provider, chat_request("2+2?", stream=stream))
    parts = [choice["delta" if stream else "message"] for chunk in got.chunks for choice in chunk.data["choices"]]
    blocks = [block for part in parts for block in part.get("thinking_blocks", ())]
    assert [block["signature"] for block in blocks] == [SIGNATURE]
    answer = {"role": "assistant", "content": got.text, "thinking_blocks": blocks}
    user = {"role": "user", "content": "Sure?"}
    await ask(provider, chat_request(messages=[{"role": "user", "content": "2+2?"}, answer, user]))
    assert server.heard.turns[1].text == "Four."


@BOTH
async def test_one_call_at_a_time(server: BedrockServer, provider: BedrockProvider, stream: bool) -> None:
    calls = (ToolCall("a", "f", {"x": 1}), ToolCall("b", "f", {"x": 2}))
    server.say(Answer(text="", tool_calls=calls, finish_reason="tool_calls"))
    tool = {"type": "function", "function": {"name": "f"}}
    got = await ask(provider, chat_request(stream=stream, tools=[tool], parallel_tool_calls=False))
    assert [(call.id, call.arguments) for call in got.calls] == [("a", {"x": 1})]


@BOTH
async def test_guardrails(server: BedrockServer, provider: BedrockProvider, stream: bool) -> None:
    server.say(Answer(text="Sorry.", finish_reason="guardrail_intervened"))
    got = await ask(provider, chat_request(stream=stream))
    assert (got.text, got.finish_reason) == ("Sorry.", "content_filter")


@BOTH
async def test_a_spoilt_answer(server: BedrockServer, provider: BedrockProvider, stream: bool) -> None:
    server.say(Answer(finish_reason="malformed_tool_use"))
    with pytest.raises(errors.ProviderUnavailable, match="malformed_tool_use"):
        await ask(provider, chat_request(stream=stream))


@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("throttlingException", "Too many tokens, please wait.", errors.RateLimited),
        ("modelStreamErrorException", "The model failed.", errors.ProviderUnavailable),
        ("internalServerException", "Oh.", errors.ProviderUnavailable),
        ("serviceUnavailableException", "Oh.", errors.ProviderUnavailable),
        ("validationException", "Input is too long for requested model.", errors.ContextTooLong),
        ("modelTimeoutException", "Oh.", errors.ProviderTimeout),
    ],
)
async def test_exceptions_in_frames(odd, upstream, name: str, message: str, expected: type) -> None:
    upstream.body = frame("messageStart", {"role": "assistant"}) + frame(name, {"message": message})
    with pytest.raises(errors.ProviderError, match=message) as caught:
        await ask(odd, chat_request(stream=True))
    assert type(caught.value) is expected


async def test_a_broken_frame(odd, upstream) -> None:
    raw = bytearray(frame("messageStart", {"role": "assistant"}))
    raw[-1] ^= 1
    upstream.body = bytes(raw)
    with pytest.raises(errors.ProviderProtocolError, match="a broken frame"):
        await ask(odd, chat_request(stream=True))


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (424, "ModelErrorException", errors.ProviderUnavailable),
        (400, "ServiceQuotaExceededException:http://internal.amazon.com/", errors.RateLimited),
        (403, "ExpiredTokenException", errors.ProviderAuth),
        (404, "ResourceNotFoundException", errors.ProviderRejected),
        (408, "ModelTimeoutException", errors.ProviderTimeout),
    ],
)
async def test_exceptions_by_status(odd, upstream, status: int, kind: str, expected: type) -> None:
    upstream.json('{"Message":"Oh no."}', status)
    upstream.headers = {"x-amzn-errortype": kind}
    with pytest.raises(errors.ProviderError, match=r"Oh no\.") as caught:
        await ask(odd, chat_request())
    assert type(caught.value) is expected
    assert caught.value.upstream_status == status


async def test_titan_embeddings(server: BedrockServer, provider: BedrockProvider) -> None:
    texts = [str(n) for n in range(20)]
    body: Json = {"model": TITAN, "input": texts, "dimensions": 256, "normalize": True}
    got = await provider.embed(EmbedRequest(body), new_call(5))
    assert len(server.requests) == 20
    assert server.last.body.keys() == {"inputText", "dimensions", "normalize"}
    assert [row["embedding"] for row in _rows(got.raw)] == [vector(text) for text in texts]
    assert got.usage == Usage(11 * 20)


async def test_cohere_embeddings(server: BedrockServer, provider: BedrockProvider) -> None:
    texts = [str(n) for n in range(100)]
    body: Json = {"model": COHERE, "input": texts, "dimensions": 256, "input_type": "search_query"}
    got = await provider.embed(EmbedRequest(body), new_call(5))
    assert [len(request.body["texts"]) for request in server.requests] == [96, 4]
    assert (server.last.body["input_type"], server.last.body["output_dimension"]) == ("search_query", 256)
    assert [row["embedding"] for row in _rows(got.raw)] == [vector(text) for text in texts]
    assert got.usage == Usage(22)


@pytest.mark.parametrize("model", [TITAN, COHERE])
async def test_embeddings_without_counts(server: BedrockServer, provider: BedrockProvider, model: str) -> None:
    server.say(Answer(usage=None))
    assert (await provider.embed(EmbedRequest({"model": model, "input": "x"}), new_call(5))).usage is None


async def test_a_failed_text_fails_the_batch(server: BedrockServer, provider: BedrockProvider) -> None:
    server.say(Answer(), Answer(fault="rate_limit"))
    with pytest.raises(errors.RateLimited):
        await provider.embed(EmbedRequest({"model": TITAN, "input": ["a", "b", "c"]}), new_call(5))


async def test_other_models_do_not_embed(provider: BedrockProvider) -> None:
    with pytest.raises(errors.Unsupported) as caught:
        await provider.embed(EmbedRequest({"model": "amazon.nova-pro", "input": "x"}), new_call(5))
    assert caught.value.param == "model"


async def test_models(server: BedrockServer, provider: BedrockProvider) -> None:
    assert await provider.models() == ["wire.large-v1:0", "wire.small-v1:0"]
    assert server.last.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")


def _rows(raw: bytes) -> list[Json]:
    return msgspec.json.decode(raw)["data"]
