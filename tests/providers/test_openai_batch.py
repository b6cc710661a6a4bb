"""OpenAI's Batch API as the provider speaks it, against a server in that format."""

import msgspec
import pytest

from pilothouse.config import ProviderConfig
from pilothouse.errors import ProviderProtocolError, RateLimited
from pilothouse.providers.batch_api import BatchApi, OffersBatches, VendorResult
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import ChatRequest, EmbedRequest

CHAT = "/v1/chat/completions"


def api_of(**given: object) -> BatchApi | None:
    provider = OpenAIProvider("p", ProviderConfig.model_validate({"api_key": "sk", **given}))
    assert isinstance(provider, OffersBatches)
    return provider.batches


def test_who_has_batches() -> None:
    assert api_of() is not None
    assert api_of(options={"batch": False}) is None
    assert api_of(base_url="http://vllm/v1") is None
    assert api_of(base_url="http://vllm/v1", options={"batch": True}) is not None
    assert api_of(base_url="http://azure", options={"api_version": "2024-10-21", "batch": True}) is None


async def test_a_batch_there_and_back() -> None:
    async with OpenAIServer() as server:
        provider = OpenAIProvider(
            "p", ProviderConfig(api_key="sk", base_url=f"{server.url}/v1", options={"batch": True})
        )
        api = provider.batches
        assert api is not None
        request = ChatRequest.check({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
        payload = api.payload("k1", CHAT, [(f"k1-{n}", api.body(request)) for n in range(2)])
        assert await api.find("k1", 0, 2) is None
        identity = await api.create("k1", CHAT, payload)
        assert await api.find("k1", 0, 2) == identity
        assert await api.find("k2", 0, 2) is None
        standing = await api.look(identity)
        assert (standing.status, len(standing.sources)) == ("completed", 1)
        results = list(api.results(await api.download(standing.sources[0])))
        assert {(r.custom_id, r.status) for r in results} == {("k1-0", 200), ("k1-1", 200)}
        answer = api.read("chat", "m", results[0].body)
        assert answer.usage is not None
        assert (answer.text, answer.usage.input_tokens) == ("Hello there, this is the answer.", 11)
        server.batches.faults.append("rate_limit")
        with pytest.raises(RateLimited):
            await api.look(identity)
        await provider.aclose()


def test_results_in_and_out_of_the_format() -> None:
    api = api_of()
    assert api is not None
    lines = [
        {"custom_id": "a", "response": {"status_code": 400, "body": {"error": {"message": "no"}}}, "error": None},
        {"custom_id": "b", "response": None, "error": {"code": "batch_expired", "message": "late"}},
        {"custom_id": "c"},
    ]
    raw = b"\n".join(map(msgspec.json.encode, lines)) + b"\n\n"
    assert list(api.results(raw)) == [
        VendorResult("a", 400, b'{"error":{"message":"no"}}'),
        VendorResult("b", code="batch_expired", message="late"),
        VendorResult("c", code="provider_error", message="The provider gave no reason."),
    ]
    for broken in (b"{", b"[]", b'{"custom_id": 3}', b'{"custom_id": "a", "response": {"status_code": "x"}}'):
        with pytest.raises(ProviderProtocolError):
            list(api.results(broken))


def test_embeddings_are_read_with_their_usage() -> None:
    api = api_of()
    assert api is not None
    assert api.body(EmbedRequest.check({"model": "m", "input": "x"})) == {"model": "m", "input": "x"}
    answer = api.read("embeddings", "m", b'{"data": [], "usage": {"prompt_tokens": 5}}')
    assert answer.usage is not None
    assert answer.usage.input_tokens == 5
