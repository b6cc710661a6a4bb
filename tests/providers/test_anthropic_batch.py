"""Anthropic's Message Batches API as the provider speaks it, against a server in that format."""

import msgspec
import pytest

from pilothouse.config import ProviderConfig
from pilothouse.errors import InvalidRequest, ProviderProtocolError, ProviderUnavailable
from pilothouse.ids import now_us
from pilothouse.providers.anthropic import AnthropicProvider
from pilothouse.providers.batch_api import BatchApi, OffersBatches, Undecided
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.types import ChatRequest, EmbedRequest

CHAT = "/v1/chat/completions"
ASKED = ChatRequest.check({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9})


def api_of(**given: object) -> BatchApi | None:
    provider = AnthropicProvider("p", ProviderConfig.model_validate({"kind": "anthropic", "api_key": "sk", **given}))
    assert isinstance(provider, OffersBatches)
    return provider.batches


def test_who_has_batches() -> None:
    assert api_of() is not None
    assert api_of(options={"batch": False}) is None
    assert api_of(base_url="http://proxy") is None
    assert api_of(base_url="http://proxy", options={"batch": True}) is not None


async def test_a_batch_there_and_back() -> None:
    async with AnthropicServer() as server:
        provider = AnthropicProvider("p", ProviderConfig(api_key="sk", base_url=server.url, options={"batch": True}))
        api = provider.batches
        assert api is not None
        since = now_us()
        payload = api.payload("k1", CHAT, [(f"k1-{n}", api.body(ASKED)) for n in range(2)])
        identity = await api.create("k1", CHAT, payload)
        with pytest.raises(Undecided):  # there is one of this size, which tells whose it is once it has ended
            await api.find("k1", since, 2)
        assert await api.find("k1", since, 3) is None
        standing = await api.look(identity)
        assert standing.ended
        assert await api.find("k1", since, 2) == identity
        assert await api.find("k2", since, 2) is None
        assert await api.find("k1", since + 10**9, 2) is None
        results = list(api.results(await api.download(standing.sources[0])))
        assert {(r.custom_id, r.status) for r in results} == {("k1-0", 200), ("k1-1", 200)}
        as_chat, native = (api.read(operation, "m", results[0].body) for operation in ("chat", "messages"))
        assert as_chat.data["object"] == "chat.completion"
        assert native.data["type"] == "message"
        assert as_chat.usage == native.usage
        await provider.aclose()


def test_results_in_and_out_of_the_format() -> None:
    api = api_of()
    assert api is not None
    failure = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    results = [{"type": "errored", "error": failure}, {"type": "canceled"}, {"type": "expired"}, {"type": "new"}]
    raw = b"\n".join(msgspec.json.encode({"custom_id": f"k-{n}", "result": r}) for n, r in enumerate(results))
    read = list(api.results(raw))
    assert [(r.status, r.code) for r in read] == [
        (529, ""), (0, "batch_cancelled"), (0, "batch_expired"), (0, "provider_error"),
    ]  # fmt: skip
    assert isinstance(api.failure(read[0].status, read[0].body), ProviderUnavailable)
    for broken in (b"{", b'{"custom_id": "a"}', b'{"custom_id": "a", "result": 3}'):
        with pytest.raises(ProviderProtocolError):
            list(api.results(broken))


def test_it_has_no_embeddings() -> None:
    api = api_of()
    assert api is not None
    assert "embeddings" not in api.operations
    with pytest.raises(InvalidRequest):
        api.body(EmbedRequest.check({"model": "m", "input": "x"}))
