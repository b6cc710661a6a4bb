"""What the contract does not cover of Cohere: tool plans, answers that end badly, embeddings, models."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from pilothouse import errors
from pilothouse.config import ProviderConfig
from pilothouse.protocols import Provider
from pilothouse.providers.cohere import CohereProvider
from pilothouse.testing import Answer, ToolCall, ask, chat_request, new_call
from pilothouse.testing.cohere_server import CohereServer
from pilothouse.testing.openai_server import vector
from pilothouse.types import EmbedRequest, Json, Usage

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("f", "g")]
BOTH = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture
async def server() -> AsyncIterator[CohereServer]:
    async with CohereServer() as server:
        yield server


@pytest.fixture
async def provider(server: CohereServer) -> AsyncIterator[CohereProvider]:
    provider = CohereProvider("cohere", ProviderConfig(base_url=server.url, api_key="co-test"))
    yield provider
    await provider.aclose()


@pytest.fixture
async def odd(upstream) -> AsyncIterator[CohereProvider]:
    """A provider whose upstream answers exactly what a test says."""
    provider = CohereProvider("odd", ProviderConfig(base_url=upstream.url))
    yield provider
    await provider.aclose()


def test_it_is_a_provider() -> None:
    assert isinstance(CohereProvider("c", ProviderConfig()), Provider)


async def test_a_named_tool_is_the_only_one_on_offer(server: CohereServer, provider: CohereProvider) -> None:
    choice = {"type": "function", "function": {"name": "g"}}
    await ask(provider, chat_request(tools=TOOLS, tool_choice=choice))
    assert (list(server.heard.tools), server.heard.tool_choice) == (["g"], "required")


@BOTH
async def test_the_plan_before_a_call(server: CohereServer, provider: CohereProvider, stream: bool) -> None:
    calls = (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {}))
    server.say(Answer(text="", reasoning="I will f.", tool_calls=calls, finish_reason="tool_calls"))
    got = await ask(provider, chat_request(stream=stream, tools=TOOLS, parallel_tool_calls=False))
    parts = [choice["delta" if stream else "message"] for chunk in got.chunks for choice in chunk.data["choices"]]
    assert got.reasoning == "".join(part.get("tool_plan", "") for part in parts) == "I will f."
    assert [(call.id, call.arguments) for call in got.calls] == [("a", {"x": 1})]


@BOTH
@pytest.mark.parametrize(
    ("reason", "expected"), [("ERROR", errors.ProviderUnavailable), ("TIMEOUT", errors.ProviderTimeout)]
)
async def test_an_answer_that_ends_badly(
    server: CohereServer, provider: CohereProvider, reason: str, expected: type, stream: bool
) -> None:
    server.say(Answer(finish_reason=reason))
    with pytest.raises(expected, match=reason):
        await ask(provider, chat_request(stream=stream))


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (498, "invalid token", errors.ProviderAuth),
        (422, "unprocessable", errors.ProviderRejected),
        (429, "trial token rate limit exceeded, limit is 100000 tokens per minute", errors.RateLimited),
        (504, "gateway timeout", errors.ProviderTimeout),
    ],
)
async def test_statuses(odd, upstream, status: int, message: str, expected: type) -> None:
    upstream.json(f'{{"id":"x","message":"{message}"}}', status)
    with pytest.raises(errors.ProviderError, match=message) as caught:
        await ask(odd, chat_request())
    assert type(caught.value) is expected


async def test_embeddings(server: CohereServer, provider: CohereProvider) -> None:
    texts = [str(n) for n in range(100)]
    body: Json = {"model": "embed-v4.0", "input": texts, "dimensions": 256, "truncate": "END", "user": "u"}
    got = await provider.embed(EmbedRequest(body), new_call())
    assert [len(request.body["texts"]) for request in server.requests] == [96, 4]
    assert {name: value for name, value in server.last.body.items() if name != "texts"} == {
        "model": "embed-v4.0",
        "input_type": "search_document",
        "embedding_types": ["float"],
        "output_dimension": 256,
        "truncate": "END",
    }
    assert [row["embedding"] for row in msgspec.json.decode(got.raw)["data"]] == [vector(text) for text in texts]
    assert got.usage == Usage(22)


async def test_what_embeddings_are_for(server: CohereServer) -> None:
    config = ProviderConfig(base_url=server.url, api_key="k", options={"input_type": "clustering"})
    provider = CohereProvider("cohere", config)
    await provider.embed(EmbedRequest({"model": "m", "input": "x"}), new_call())
    assert server.last.body["input_type"] == "clustering"
    server.say(Answer(usage=None))
    request = EmbedRequest({"model": "m", "input": "x", "input_type": "search_query"})
    assert (await provider.embed(request, new_call())).usage is None
    assert server.last.body["input_type"] == "search_query"
    await provider.aclose()


async def test_models_over_several_pages(server: CohereServer, provider: CohereProvider) -> None:
    assert await provider.models() == ["wire-large", "wire-small"]
    assert server.last.query == {"page_size": "1000", "page_token": "more/of it"}
