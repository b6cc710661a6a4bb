"""`/v1/rerank` and `/v1/moderations` over real HTTP: shapes, prices, budgets, and what has no such thing."""

import textwrap
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI, BadRequestError

from pilothouse.access.shapes import KeySettings
from pilothouse.app import Platform, build
from pilothouse.call import Span
from pilothouse.config import Budget
from pilothouse.settings import Settings
from pilothouse.testing.cohere_server import CohereServer
from pilothouse.testing.openai_server import OpenAIServer

DOCUMENTS = ["income tax law", "a kitten naps on the sofa"]
MILLI = 1_000_000  # nano-USD


@dataclass
class Ranking:
    address: str
    platform: Platform
    upstream: OpenAIServer
    session: aiohttp.ClientSession

    async def post(self, path: str, key: str | None = None, **body: Any) -> tuple[int, dict[str, Any]]:
        headers = {"authorization": f"Bearer {key}"} if key else None
        async with self.session.post(self.address + path, json=body, headers=headers) as response:
            return response.status, await response.json()

    def spans(self) -> list[Span]:
        self.platform.drainer.flush()
        rows = reversed(self.platform.traces.list(limit=100).rows)
        return [span for row in rows for span in self.platform.traces.get(row.trace_id).spans]


@pytest.fixture
async def ranking(tmp_path: Path, models_dir: Path) -> AsyncIterator[Ranking]:
    async with OpenAIServer() as upstream, CohereServer() as cohere:
        config = tmp_path / "pilothouse.yaml"
        config.write_text(
            textwrap.dedent(f"""
            providers:
              openai: {{base_url: "{upstream.url}/v1", api_key: k, options: {{moderations: true}}}}
              co: {{kind: cohere, base_url: "{cohere.url}", api_key: k}}
            models:
              rank: {{deployments: [{{provider: co, model: rerank-v3.5}}], resilience: {{retries: 0}}}}
              talk: {{deployments: [{{provider: builtin, model: echo}}]}}
            prices:
              - {{provider: co, model: rerank-v3.5, input: 0, output: 0, per_request: 0.002}}
            """)
        )
        settings = Settings(home=tmp_path / "home", config=config, models=models_dir)
        with build(settings) as platform:
            headers = {"authorization": f"Bearer {platform.keys.in_process()}"}
            async with (
                platform.server("127.0.0.1", 0).running() as address,
                aiohttp.ClientSession(headers=headers) as session,
            ):
                yield Ranking(address, platform, upstream, session)


async def test_the_embedded_encoder_ranks_and_costs_nothing(ranking: Ranking) -> None:
    status, answer = await ranking.post(
        "/v1/rerank", model="builtin/minilm", query="sleeping cat", documents=DOCUMENTS, top_n=1, return_documents=True
    )
    assert status == 200
    assert answer["results"][0]["document"] == {"text": DOCUMENTS[1]}
    assert answer["usage"]["total_tokens"] > 0
    (span,) = ranking.spans()
    assert (span.kind, span.operation, span.cost_nano) == ("reranker", "rerank", 0)
    assert span.output == {"results": answer["results"]}


async def test_search_units_are_priced_and_kept_to_a_budget(ranking: Ranking) -> None:
    await ranking.post("/v1/rerank", model="rank", query="q", documents=["x"] * 150)
    (span,) = ranking.spans()
    assert span.cost_nano == 2 * 2 * MILLI
    assert span.cost_known
    key = poor(ranking, "0.003")
    for count, expected in ((101, 429), (100, 200)):
        status, _ = await ranking.post("/v1/rerank", key, model="rank", query="q", documents=["x"] * count)
        assert status == expected
    status, refused = await ranking.post("/v1/rerank", key, model="rank", query="q", documents=["x"] * 100)
    assert (status, refused["error"]["code"]) == (429, "insufficient_quota")


def poor(ranking: Ranking, usd: str) -> str:
    settings = KeySettings(budgets=(Budget(usd=Decimal(usd)),))
    return ranking.platform.keys.create("poor", settings=settings)[0]


async def test_what_does_not_rank_or_moderate_says_so(ranking: Ranking) -> None:
    status, answer = await ranking.post("/v1/rerank", model="talk", query="q", documents=["x"])
    assert (status, answer["error"]["code"]) == (404, "model_not_found")
    status, answer = await ranking.post("/v1/moderations", model="talk", input="x")
    assert (status, answer["error"]["code"]) == (400, "unsupported")
    assert "has no moderation" in answer["error"]["message"]
    status, answer = await ranking.post("/v1/rerank", model="rank", query="q", documents=[])
    assert (status, answer["error"]["param"]) == (400, "documents")


async def test_moderations_by_the_official_client(ranking: Ranking) -> None:
    key = ranking.platform.keys.in_process()
    async with AsyncOpenAI(base_url=f"{ranking.address}/v1", api_key=key, max_retries=0) as client:
        image: Any = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
        both = await client.moderations.create(input=[{"type": "text", "text": "a harmful plan"}, image])
        assert [result.flagged for result in both.results] == [True]
        assert both.results[0].category_applied_input_types.violence == ["image", "text"]
        assert ranking.upstream.last.body["model"] == "omni-moderation-latest"
        several = await client.moderations.create(input=["a walk", "harmful"], model="openai/omni-moderation-latest")
        assert [result.flagged for result in several.results] == [False, True]
        with pytest.raises(BadRequestError, match="empty"):
            await client.moderations.create(input=[])
    first = ranking.spans()[0]
    assert (first.kind, first.operation, first.deployment) == ("guard", "moderations", "openai/omni-moderation-latest")
    assert first.cost_nano is None  # no price is known for it
    assert not first.cost_known
