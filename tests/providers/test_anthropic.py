"""What the contract does not cover of Anthropic: its headers, its own signs of failure, thinking sent back, models."""

from collections.abc import AsyncIterator

import pytest

from pilothouse import errors
from pilothouse.config import ProviderConfig
from pilothouse.protocols import Provider
from pilothouse.providers.anthropic import AnthropicProvider
from pilothouse.testing import Answer, Outcome, ask, chat_request, new_call
from pilothouse.testing.anthropic_server import SIGNATURE, AnthropicServer
from pilothouse.types import EmbedRequest, Json


@pytest.fixture
async def server() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer() as server:
        yield server


@pytest.fixture
async def provider(server: AnthropicServer) -> AsyncIterator[AnthropicProvider]:
    provider = AnthropicProvider("claude", ProviderConfig(base_url=f"{server.url}/v1/", api_key="sk-ant-test"))
    yield provider
    await provider.aclose()


@pytest.fixture
async def odd(upstream) -> AsyncIterator[AnthropicProvider]:
    """A provider whose upstream answers exactly what a test says."""
    provider = AnthropicProvider("odd", ProviderConfig(base_url=upstream.url))
    yield provider
    await provider.aclose()


def test_it_is_a_provider() -> None:
    assert isinstance(AnthropicProvider("a", ProviderConfig()), Provider)


async def test_headers(server: AnthropicServer, provider: AnthropicProvider) -> None:
    await ask(provider, chat_request())
    assert server.last.path == "/v1/messages"
    assert server.last.headers["x-api-key"] == "sk-ant-test"
    assert server.last.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in server.last.headers


async def test_options(server: AnthropicServer) -> None:
    options: Json = {"max_tokens": 777, "api_version": "2026-10-21"}
    headers = {"anthropic-beta": "context-1m-2025-08-07"}
    provider = AnthropicProvider(
        "c", ProviderConfig(base_url=server.url, api_key="k", options=options, headers=headers)
    )
    await ask(provider, chat_request(max_tokens=None))
    await provider.aclose()
    assert server.heard.max_tokens == 777
    assert server.last.headers["anthropic-version"] == "2026-10-21"
    assert server.last.headers["anthropic-beta"] == "context-1m-2025-08-07"


@pytest.mark.parametrize("value", [0, "many", None])
def test_a_limit_that_is_none(value: object) -> None:
    with pytest.raises(errors.ConfigError, match=r"providers.c.options.max_tokens"):
        AnthropicProvider("c", ProviderConfig(options={"max_tokens": value}))


@pytest.mark.parametrize("stream", [False, True])
async def test_thinking_comes_signed_and_goes_back(
    server: AnthropicServer, provider: AnthropicProvider, stream: bool
) -> None:
    server.say(Answer(text="Four.", reasoning="Two and two."))
    got = await ask(provider, chat_request("2+2?", stream=stream, reasoning_effort="high", max_tokens=9000))
    assert server.last.body["thinking"] == {"type": "adaptive", "display": "summarized"}
    parts = [choice["delta" if stream else "message"] for chunk in got.chunks for choice in chunk.data["choices"]]
    blocks = [block for part in parts for block in part.get("thinking_blocks", ())]
    assert [block["signature"] for block in blocks] == [SIGNATURE]
    answer = {"role": "assistant", "content": got.text, "reasoning_content": got.reasoning, "thinking_blocks": blocks}
    user = {"role": "user", "content": "Sure?"}
    await ask(provider, chat_request(messages=[{"role": "user", "content": "2+2?"}, answer, user]))
    assert server.last.body["messages"][1]["content"][0]["thinking"] == "Two and two."


async def test_a_budget_for_models_that_take_one(server: AnthropicServer, provider: AnthropicProvider) -> None:
    request = chat_request(model="claude-sonnet-4-5", reasoning_effort="medium", max_tokens=2000)
    await ask(provider, request)
    assert server.last.body["thinking"] == {"type": "enabled", "budget_tokens": 1999}
    assert "output_config" not in server.last.body


@pytest.mark.parametrize("stream", [False, True])
async def test_a_paused_turn_is_not_finished(
    server: AnthropicServer, provider: AnthropicProvider, stream: bool
) -> None:
    server.say(Answer(finish_reason="pause_turn"))
    got = await ask(provider, chat_request(stream=stream))
    assert got.finish_reason == "length"
    natives = [c.get("native_finish_reason") for chunk in got.chunks for c in chunk.data["choices"]]
    assert natives[-1] == "pause_turn"


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("overloaded_error", "Overloaded", errors.ProviderUnavailable),
        ("rate_limit_error", "This request would exceed your rate limit", errors.RateLimited),
        ("api_error", "Internal server error", errors.ProviderUnavailable),
        ("invalid_request_error", "Output blocked by content filtering policy", errors.ContentFiltered),
        ("authentication_error", "invalid x-api-key", errors.ProviderAuth),
    ],
)
async def test_an_error_event_before_any_content(odd, upstream, kind: str, message: str, expected: type) -> None:
    """Nothing was said yet, so no chunk came: another deployment can still answer."""
    start = '{"type":"message_start","message":{"id":"i","model":"m","usage":{"input_tokens":1}}}'
    upstream.sse(start, f'{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}')
    outcome = Outcome()
    with pytest.raises(expected) as caught:
        await ask(odd, chat_request(stream=True), outcome=outcome)
    assert outcome.chunks == []
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000", errors.ContextTooLong),
        (400, "Your credit balance is too low to access the Anthropic API.", errors.ProviderAuth),
        (413, "Request exceeds the maximum size", errors.ProviderRejected),
        (529, "Overloaded", errors.ProviderUnavailable),
    ],
)
async def test_error_wordings(odd, upstream, status: int, message: str, expected: type) -> None:
    upstream.json(f'{{"type":"error","error":{{"type":"e","message":"{message}"}}}}', status)
    with pytest.raises(errors.ProviderError) as caught:
        await ask(odd, chat_request())
    assert type(caught.value) is expected
    assert caught.value.upstream_status == status


async def test_an_answer_without_its_fields(odd, upstream) -> None:
    upstream.json('{"type":"message","id":"i","model":"m","stop_reason":"end_turn"}')
    with pytest.raises(errors.ProviderProtocolError, match="content"):
        await ask(odd, chat_request())


async def test_models_over_several_pages(server: AnthropicServer, provider: AnthropicProvider) -> None:
    assert await provider.models() == ["wire-large", "wire-small"]
    assert server.last.query == {"limit": "1000", "after_id": "wire-large"}


async def test_no_embeddings(provider: AnthropicProvider) -> None:
    assert "embeddings" not in provider.operations
    with pytest.raises(errors.Unsupported):
        await provider.embed(EmbedRequest({"model": "m", "input": "x"}), new_call())
