"""Judges over a real gateway: cached, priced, traced and budgeted, with a server that speaks a vendor's format."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.config import Budget, Config, ProviderConfig, RagConfig
from pilothouse.errors import BudgetExceeded, Forbidden, UnknownModel
from pilothouse.evals.judges.claims import NliFaithfulness
from pilothouse.evals.judges.correctness import KnowledgeBase
from pilothouse.evals.judges.jury import Jury
from pilothouse.evals.judges.rubric import LlmJudge
from pilothouse.evals.shapes import Models
from pilothouse.gateway import Gateway
from pilothouse.principal import EMBEDDED, Level, Policy, Principal
from pilothouse.protocols import Provider
from pilothouse.providers.builtin import BuiltinProvider
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.rag import Rag, RagProvider
from pilothouse.rag.chunk import ChunkSettings
from pilothouse.rag.ingest import ingest
from pilothouse.rag.schema import corpus_folder
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.jobs import Jobs
from pilothouse.testing.hashing import HashingEncoder
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.record import MemoryRecorder
from pilothouse.testing.wire import Answer
from pilothouse.types import Usage

from ...gateway.conftest import gateway_of
from .conftest import CASE, HashedWords

SCORES = '{"faithfulness": 5, "relevance": 5, "completeness": 4, "clarity": 4, "explanation": "Fine."}'
NANO = 100 * 2000 + 10 * 8000  # what 100 tokens in and 10 out cost, at 2 and 8 USD for a million
PROSE = "I think that it is a fine answer."


def say(text: str, **how: Any) -> Answer:
    return Answer(text=text, usage=Usage(input_tokens=100, output_tokens=10), **how)


@dataclass
class Bench:
    """A gateway whose alias `judge` is a model of `upstream`, `cached` the same with a cache, `unpriced` another."""

    upstream: OpenAIServer
    gateway: Gateway
    providers: dict[str, Provider]
    recorder: MemoryRecorder = field(default_factory=MemoryRecorder)

    def models(self, principal: Principal = EMBEDDED) -> Models:
        return Models(make_call=lambda: Call(self.recorder, principal), chat=self.gateway.chat, judge="judge")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with OpenAIServer() as upstream:
        wire = {"kind": "openai", "base_url": f"{upstream.url}/v1", "api_key": "k", "timeout": 5}
        only = {"deployments": [{"provider": "wire", "model": "grader"}], "resilience": {"retries": 0}}
        config = Config.model_validate(
            {
                "providers": {"wire": wire},
                "models": {
                    "judge": only, "cached": {**only, "exact_cache": {}},
                    "unpriced": {**only, "deployments": [{"provider": "wire", "model": "another"}]},
                },
                "prices": [{"provider": "wire", "model": "grader", "input": 2, "output": 8}],
            }
        )  # fmt: skip
        providers: dict[str, Provider] = {
            "wire": OpenAIProvider("wire", config.providers["wire"]),
            "builtin": BuiltinProvider("builtin", ProviderConfig(), HashedWords()),
        }
        yield Bench(upstream, gateway_of(config, providers), providers)
        await providers["wire"].aclose()


async def test_a_judge_is_priced_and_traced(bench: Bench) -> None:
    bench.upstream.say(say(PROSE), say(f"Here:\n```json\n{SCORES}\n```"))
    verdict = await LlmJudge().evaluate(CASE, bench.models())
    assert (verdict.score, verdict.cost_nano, verdict.detail["reasked"]) == (0.875, 2 * NANO, 1)
    heard = bench.upstream.last.body
    assert (heard["model"], heard["temperature"], heard["response_format"]) == ("grader", 0, {"type": "json_object"})
    first, second, root = bench.recorder.spans
    assert {span.trace_id for span in bench.recorder.spans} == {verdict.trace_id}
    assert [span.parent_id for span in (first, second, root)] == [root.id, root.id, None]
    assert (first.cost_nano, root.cost_nano, root.kind, root.attributes["score"]) == (NANO, None, "evaluator", 0.875)


async def test_what_a_cache_answers_costs_nothing(bench: Bench) -> None:
    bench.upstream.say(say(SCORES))
    verdicts = [await LlmJudge(model="cached").evaluate(CASE, bench.models()) for _ in range(2)]
    assert [verdict.cost_nano for verdict in verdicts] == [NANO, 0]
    assert verdicts[0].detail == verdicts[1].detail
    assert len(bench.upstream.requests) == 1


async def test_an_unknown_price_is_unknown_and_not_nothing(bench: Bench) -> None:
    bench.upstream.say(say(SCORES))
    assert (await LlmJudge(model="unpriced").evaluate(CASE, bench.models())).cost_nano is None


@pytest.mark.parametrize(
    ("fault", "error"),
    [("server_error", "provider_unavailable"), ("rate_limit", "rate_limit_exceeded"), ("html", "provider_unavailable"),
     ("context_length", "context_length_exceeded"), ("content_filter", "content_filter"), ("auth", "provider_auth")],
)  # fmt: skip
async def test_a_provider_that_fails_makes_no_score(bench: Bench, fault: Any, error: str) -> None:
    bench.upstream.say(say(PROSE), say("", fault=fault))
    verdict = await LlmJudge().evaluate(CASE, bench.models())
    assert (verdict.status, verdict.score, verdict.detail["error"]) == ("failed", None, error)
    assert verdict.cost_nano == NANO, "the first answer was paid for"


async def test_a_judge_that_hangs_makes_no_score(bench: Bench) -> None:
    bench.upstream.say(say("", fault="hang"))
    verdict = await LlmJudge(timeout_s=0.2).evaluate(CASE, bench.models())
    assert (verdict.status, verdict.score) == ("failed", None)
    assert "did not answer within 0.2 seconds" in verdict.explanation


async def test_a_spent_budget_stops_the_run_and_a_policy_holds(bench: Bench) -> None:
    purse = Level("key:k", budgets=(Budget(period="day", usd=Decimal(0)),))
    with pytest.raises(BudgetExceeded):
        await LlmJudge().evaluate(CASE, bench.models(Principal("default", "k", "caller", levels=(purse,))))
    with pytest.raises(Forbidden):
        await LlmJudge().evaluate(
            CASE, bench.models(Principal("default", "k", "caller", policy=Policy(models=("other",))))
        )
    with pytest.raises(UnknownModel):
        await LlmJudge(model="nobody").evaluate(CASE, bench.models())
    assert bench.upstream.requests == []


async def test_a_jury_and_the_claims_of_an_answer_are_one_trace_each(bench: Bench) -> None:
    bench.upstream.say(say(SCORES), say(PROSE), say(SCORES))
    verdict = await Jury(models=("judge", "unpriced"), criteria=LlmJudge().criteria).evaluate(CASE, bench.models())
    assert (verdict.score, verdict.cost_nano) == (0.875, None)
    bench.upstream.say(
        say('{"claims": ["Ada wrote it."]}'), say('{"verdicts": [{"claim": 1, "verdict": "supported"}]}')
    )
    claims = await NliFaithfulness().evaluate(CASE, bench.models())
    assert (claims.score, claims.label, claims.cost_nano) == (1.0, "entailment", 2 * NANO)
    traces = [span.trace_id for span in bench.recorder.spans]
    assert (traces.count(verdict.trace_id or ""), traces.count(claims.trace_id or "")) == (6, 3)


async def test_a_corpus_is_asked_through_the_gateway(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "tea.md").write_text("# Tea\nTea is brewed at 80 degrees.")
    folder = corpus_folder(tmp_path, "default", "docs")
    ingest(folder, [tmp_path / "tea.md"], HashingEncoder(512), ChunkSettings(), lambda done, total, note="": None)
    store = open_store(Settings(home=tmp_path))

    async def fingerprint() -> str:
        return HashingEncoder(512).fingerprint

    config = RagConfig(answer_model="builtin/extractive")
    gateway = bench.gateway
    rag = Rag(Settings(home=tmp_path), gateway.chat, gateway.embed, lambda: config, Jobs(store.control), fingerprint)
    bench.providers["rag"] = RagProvider("rag", rag)
    bench.upstream.say(
        say('{"claims": ["Tea is brewed at 80 degrees."]}'), say('{"verdicts": [{"claim": 1, "verdict": "supported"}]}')
    )
    verdict = await KnowledgeBase(corpus="docs").evaluate(CASE, bench.models())
    rag.close()
    store.close()
    assert (verdict.score, verdict.detail["sources"]) == (1.0, ["tea.md, Tea"])
    assert "Tea is brewed at 80 degrees. [1]" in bench.upstream.last.body["messages"][1]["content"]
    assert verdict.cost_nano == 2 * NANO, "the corpus' own model is there for nothing"
