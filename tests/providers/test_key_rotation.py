"""Several API keys of one provider: which one is sent, and what happens when one is refused."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from pilothouse import errors
from pilothouse.config import ProviderConfig
from pilothouse.providers import base
from pilothouse.providers.anthropic import AnthropicProvider
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.testing import chat_request, new_call
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer, Fault

REFUSED = Answer(fault="auth")
OK = Answer(text="Hi")


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


def made(server: OpenAIServer, *keys: str) -> OpenAIProvider:
    first, *others = keys
    return OpenAIProvider("p", ProviderConfig(base_url=f"{server.url}/v1", api_key=first, api_keys=others))


async def say(provider: OpenAIProvider | AnthropicProvider, stream: bool = False) -> str:
    request = chat_request(stream=stream)
    return "".join([chunk.text async for chunk in provider.chat(request, new_call(10))])


def sent(server: OpenAIServer) -> str:
    """The keys of the requests, in order, each by its one letter."""
    return "".join(request.headers["authorization"].removeprefix("Bearer ") for request in server.requests)


@pytest.mark.parametrize("fault", ["auth", "forbidden"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_key_makes_way_for_the_next_which_stays(
    server: OpenAIServer, fault: Fault, stream: bool
) -> None:
    async with aclosing(made(server, "a", "b")) as provider:
        server.say(Answer(fault=fault), OK, OK)
        assert await say(provider, stream) == "Hi"
        assert await say(provider, stream) == "Hi"
    assert sent(server) == "abb"


async def test_when_all_are_refused_the_caller_hears_it_and_each_is_asked_once(server: OpenAIServer) -> None:
    async with aclosing(made(server, "a", "b", "c", "b")) as provider:
        server.say(REFUSED, REFUSED, REFUSED)
        with pytest.raises(errors.ProviderAuth, match="answered 401"):
            await say(provider)
        assert sent(server) == "abc"
        assert await say(provider)  # the first one works again
        assert sent(server) == "abca"


async def test_a_refused_key_rests_and_then_serves_again(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with aclosing(made(server, "a", "b")) as provider:
        server.say(REFUSED, OK, REFUSED)
        await say(provider)
        with pytest.raises(errors.ProviderAuth):  # b fails, and a was refused a moment ago
            await say(provider)
        assert sent(server) == "abb"
        monkeypatch.setattr(base, "_KEY_REST", 0.0)
        server.say(REFUSED, OK)
        assert await say(provider) == "Hi"
        assert sent(server) == "abbab"


async def test_other_failures_change_no_key(server: OpenAIServer) -> None:
    async with aclosing(made(server, "a", "b")) as provider:
        server.say(Answer(fault="rate_limit"), Answer(fault="server_error"))
        with pytest.raises(errors.RateLimited):
            await say(provider)
        with pytest.raises(errors.ProviderUnavailable):
            await say(provider)
    assert sent(server) == "aa"


async def test_a_vendors_own_header_is_rotated_too() -> None:
    async with AnthropicServer() as server:
        config = ProviderConfig(base_url=server.url, api_key="a", api_keys=["b"])
        async with aclosing(AnthropicProvider("claude", config)) as provider:
            server.say(REFUSED, OK)
            assert await say(provider) == "Hi"
        assert [request.headers["x-api-key"] for request in server.requests] == ["a", "b"]


async def test_keys_may_come_without_a_first_one_and_are_checked_by_name(server: OpenAIServer) -> None:
    async with aclosing(OpenAIProvider("p", ProviderConfig(base_url=f"{server.url}/v1", api_keys=["a"]))) as provider:
        await say(provider)
    assert sent(server) == "a"
    with pytest.raises(errors.ConfigError, match=r"providers\.p\.api_keys\[1\]: .*NO_SUCH_KEY"):
        OpenAIProvider("p", ProviderConfig(api_keys=["a", "${NO_SUCH_KEY}"]))
