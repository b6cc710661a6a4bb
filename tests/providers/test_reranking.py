"""Reranking by each provider that has it, over its wire format."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from pilothouse.config import ProviderConfig
from pilothouse.errors import ProviderProtocolError, RateLimited, UnknownModel
from pilothouse.providers.bedrock import BedrockProvider
from pilothouse.providers.builtin import BuiltinProvider
from pilothouse.providers.cohere import CohereProvider
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.single import ModerationRequest, RerankRequest
from pilothouse.testing import Answer, new_call
from pilothouse.testing.bedrock_server import ACCESS_KEY, REGION, SECRET_KEY, BedrockServer
from pilothouse.testing.cohere_server import CohereServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import EmbedResponse, Json, Usage

DOCUMENTS = ["tax law of 1990", {"text": "a cat sleeps"}, "the cat sat"]


def asked(**more: Any) -> RerankRequest:
    return RerankRequest.check({"model": "m", "query": "the cat", "documents": DOCUMENTS, **more})


def results(answer: EmbedResponse) -> list[Json]:
    return msgspec.json.decode(answer.raw)["results"]  # type: ignore[no-any-return]


@pytest.fixture
async def cohere() -> AsyncIterator[tuple[CohereServer, CohereProvider]]:
    async with CohereServer() as server:
        provider = CohereProvider("co", ProviderConfig(base_url=server.url, api_key="co-test"))
        yield server, provider
        await provider.aclose()


@pytest.fixture
async def served() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


async def test_cohere_is_sent_texts_and_billed_by_search_units(cohere: tuple[CohereServer, CohereProvider]) -> None:
    server, provider = cohere
    answer = await provider.rerank(asked(top_n=2, return_documents=True, max_tokens_per_doc=99), new_call())
    assert server.last.body == {
        "model": "m", "query": "the cat", "documents": ["tax law of 1990", "a cat sleeps", "the cat sat"], "top_n": 2,
        "max_tokens_per_doc": 99,
    }  # fmt: skip
    assert [(row["index"], row["document"]["text"]) for row in results(answer)] == [
        (2, "the cat sat"), (1, "a cat sleeps"),
    ]  # fmt: skip
    assert answer.usage == Usage(0, units=1)
    assert msgspec.json.decode(answer.raw)["meta"]["billed_units"] == {"search_units": 1.0}
    many = RerankRequest.check({"model": "m", "query": "q", "documents": ["x"] * 201})
    assert (await provider.rerank(many, new_call())).usage == Usage(0, units=3)


async def test_cohere_that_bills_nothing_told_no_usage(cohere: tuple[CohereServer, CohereProvider]) -> None:
    server, provider = cohere
    server.say(Answer(usage=None), Answer(fault="rate_limit"))
    assert (await provider.rerank(asked(), new_call())).usage is None
    with pytest.raises(RateLimited):
        await provider.rerank(asked(), new_call())


@pytest.fixture
async def bedrock() -> AsyncIterator[tuple[BedrockServer, BedrockProvider]]:
    async with BedrockServer() as server:
        keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
        config = ProviderConfig(options={"region": REGION, "agent_url": server.url, **keys})
        provider = BedrockProvider("aws", config)
        yield server, provider
        await provider.aclose()


async def test_bedrock_is_asked_in_its_own_words(bedrock: tuple[BedrockServer, BedrockProvider]) -> None:
    server, provider = bedrock
    request = asked(model="cohere.rerank-v3-5:0", top_n=2, return_documents=True, max_tokens_per_doc=99)
    answer = await provider.rerank(request, new_call())
    ranking = server.last.body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert ranking == {
        "numberOfResults": 2,
        "modelConfiguration": {
            "modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/cohere.rerank-v3-5:0",
            "additionalModelRequestFields": {"max_tokens_per_doc": 99},
        },
    }
    assert [(row["index"], row["document"]["text"]) for row in results(answer)] == [
        (2, "the cat sat"), (1, "a cat sleeps"),
    ]  # fmt: skip
    assert answer.usage == Usage(0, units=1, estimated=True)
    arn = f"arn:aws:bedrock:{REGION}:123456789012:application-inference-profile/a1b2"
    await provider.rerank(asked(model=arn), new_call())
    ranking = server.last.body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert ranking["modelConfiguration"] == {"modelArn": arn}


async def test_bedrock_tells_results_in_pages(bedrock: tuple[BedrockServer, BedrockProvider]) -> None:
    server, provider = bedrock
    server.page = 2
    assert [row["index"] for row in results(await provider.rerank(asked(), new_call()))] == [2, 1, 0]
    assert [got.body.get("nextToken") for got in server.requests] == [None, "2"]


@pytest.mark.parametrize(("documents", "units"), [(["x"] * 100, 1), (["x"] * 101, 2), (["x" * 1999] * 51, 2)])
async def test_what_bedrock_bills_is_estimated(
    bedrock: tuple[BedrockServer, BedrockProvider], documents: list[str], units: int
) -> None:
    request = RerankRequest.check({"model": "amazon.rerank-v1:0", "query": "qq", "documents": documents})
    assert (await bedrock[1].rerank(request, new_call())).usage == Usage(0, units=units, estimated=True)


async def test_bedrock_that_refuses(bedrock: tuple[BedrockServer, BedrockProvider]) -> None:
    server, provider = bedrock
    server.say(Answer(fault="rate_limit"), Answer(fault="garbage"))
    with pytest.raises(RateLimited):
        await provider.rerank(asked(), new_call())
    with pytest.raises(ProviderProtocolError):
        await provider.rerank(asked(), new_call())


def test_where_bedrock_reranks() -> None:
    for region, url in (("us-west-2", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")):
        provider = BedrockProvider("aws", ProviderConfig(options={"region": region}, api_key="key"))
        assert provider._agent == f"https://bedrock-agent-runtime.{region}.{url}"


async def test_compatible_servers(served: OpenAIServer) -> None:
    provider = OpenAIProvider("pool", ProviderConfig(base_url=f"{served.url}/v1", api_key="k"))
    answer = await provider.rerank(asked(top_n=1), new_call())
    assert served.last.path == "/v1/rerank"
    assert [(row["index"], "document" in row) for row in results(answer)] == [(2, False)]
    assert answer.usage == Usage(11)
    await provider.aclose()


@pytest.mark.parametrize(("path", "target"), [("/rerank", "/rerank"), ("score/rerank", "/v1/score/rerank")])
async def test_the_path_can_be_chosen(upstream: Any, path: str, target: str) -> None:
    config = ProviderConfig(base_url=f"{upstream.url}/v1", options={"rerank_path": path, "rerank_format": "tei"})
    provider = OpenAIProvider("tei", config)
    upstream.json('[{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}]')
    assert [row["index"] for row in results(await provider.rerank(asked(), new_call()))] == [1, 0]
    assert upstream.paths == [target]
    await provider.aclose()


@pytest.mark.parametrize(
    "body", ["{", "{}", '{"results": [{"index": 7, "relevance_score": 1}]}', '{"results": [{"index": 0}]}', '"x"']
)
async def test_an_answer_in_no_format_is_the_providers_fault(upstream: Any, body: str) -> None:
    upstream.json(body)
    config = ProviderConfig(base_url=upstream.url)
    odd: list[OpenAIProvider | CohereProvider] = [OpenAIProvider("o", config), CohereProvider("c", config)]
    for provider in odd:
        with pytest.raises(ProviderProtocolError):
            await provider.rerank(asked(), new_call())
        await provider.aclose()


def test_openai_itself_and_azure_do_not_rerank() -> None:
    azure = ProviderConfig(base_url="https://x.openai.azure.com", options={"api_version": "2024-10-21"})
    for config in (ProviderConfig(), azure):
        assert "rerank" not in OpenAIProvider("o", config).operations
    assert "moderations" in OpenAIProvider("o", ProviderConfig()).operations
    assert "moderations" not in OpenAIProvider("o", azure).operations


async def test_the_embedded_encoder_reranks_by_meaning(encoder: Any) -> None:
    class Encode:
        async def __call__(self, texts: list[str]) -> Any:
            return encoder.encode(texts)

        async def count_tokens(self, texts: list[str]) -> list[int]:
            return [len(text.split()) for text in texts]

    provider = BuiltinProvider("builtin", ProviderConfig(), Encode())  # type: ignore[arg-type]
    documents = ["income tax law", "a kitten naps on the sofa", "how to fix a bicycle"]
    request = RerankRequest.check({"model": "minilm", "query": "sleeping cat", "documents": documents, "top_n": 2})
    best, second = results(await provider.rerank(request, new_call()))
    assert best["index"] == 1
    assert 1 >= best["relevance_score"] > second["relevance_score"]
    with pytest.raises(UnknownModel, match="no rerank model 'echo'"):
        await provider.rerank(request.edited(model="echo"), new_call())


async def test_moderations_pass_as_they_are(served: OpenAIServer) -> None:
    config = ProviderConfig(base_url=f"{served.url}/v1", api_key="k", options={"moderations": True})
    provider = OpenAIProvider("o", config)
    request = ModerationRequest.check({"input": ["a harmful plan", "a walk"], "model": "omni-moderation-latest"})
    answer = await provider.moderate(request, new_call())
    assert [row["flagged"] for row in results(answer)] == [True, False]
    assert answer.usage is None
    await provider.aclose()
    assert served.last.body == request.body


async def test_a_moderation_in_no_format_is_the_providers_fault(upstream: Any) -> None:
    provider = OpenAIProvider("o", ProviderConfig(base_url=upstream.url, options={"moderations": True}))
    upstream.json("{}")
    with pytest.raises(ProviderProtocolError):
        await provider.moderate(ModerationRequest.check({"input": "x"}), new_call())
    await provider.aclose()
