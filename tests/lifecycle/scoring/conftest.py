"""A platform with a vendor that answers and one that judges, and rules over its traffic."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pilothouse.app import Platform, build
from pilothouse.call import Call
from pilothouse.observe.scores import Score
from pilothouse.settings import Settings
from pilothouse.testing import Answer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import ChatRequest, Json, Usage

GRADED = '{"faithfulness": 5, "relevance": 5, "completeness": 3, "clarity": 4, "explanation": "Misses the price."}'
JUDGED_NANO = 100 * 2000 + 10 * 8000
"""What a question to the judge costs: 100 tokens in and 10 out, at 2 and 8 USD for a million."""
RULE = {"share": 1.0, "delay": 0, "judge": "judge", "evaluators": [{"use": "llm_judge", "name": "quality"}]}


def graded(text: str = GRADED, **how: Any) -> Answer:
    return Answer(text=text, usage=Usage(100, 10), **how)


@dataclass
class Site:
    """`ask` is a request of a user, `judge` everything that is due then."""

    platform: Platform
    vendor: OpenAIServer
    judge_: OpenAIServer
    path: Path
    document: Json

    async def ask(self, text: str = "What does it cost?", model: str = "m", **about: Any) -> str:
        """The trace of a request."""
        call = Call(self.platform.recorder, metadata=about)
        request = ChatRequest.check({"model": model, "messages": [{"role": "user", "content": text}]})
        async for _ in self.platform.gateway.chat(request, call):
            pass
        return call.trace_id

    async def judge(self) -> int:
        await asyncio.to_thread(self.platform.drainer.flush)
        done = await self.platform.scoring.scorer.tick()
        await asyncio.to_thread(self.platform.drainer.flush)
        return done

    def later(self, seconds: float) -> None:
        """What waits is due sooner."""
        queue = self.platform.scoring.queue
        before = queue._clock
        queue._clock = lambda: before() + int(seconds * 1e6)

    def scores(self, trace: str) -> list[Score]:
        return list(self.platform.traces.judgements(trace))

    def outcomes(self) -> dict[tuple[str, str], int]:
        tallies = self.platform.scoring.tallies.since(1)
        return {(tally.evaluator, tally.outcome): tally.count for tally in tallies}

    def rules(self, **rules: Any) -> None:
        """Go on with these rules."""
        self.document["evals"] = {"online": {name: {**RULE, **rule} for name, rule in rules.items()}}
        self.path.write_text(yaml.safe_dump(self.document))
        self.platform.live.load()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with OpenAIServer(Answer(text="It is cheap.", usage=Usage(20, 5))) as vendor, OpenAIServer(graded()) as judge:
        quick = {"resilience": {"retries": 0}}
        document: Json = {
            "providers": {
                "shop": {"kind": "openai", "base_url": f"{vendor.url}/v1", "api_key": "k"},
                "wise": {"kind": "openai", "base_url": f"{judge.url}/v1", "api_key": "k"},
            },
            "models": {
                "m": {"deployments": [{"provider": "shop", "model": "small"}], **quick},
                "judge": {"deployments": [{"provider": "wise", "model": "grader"}], **quick},
                "unpriced": {"deployments": [{"provider": "wise", "model": "other"}], **quick},
            },
            "prices": [
                {"provider": "shop", "model": "small", "input": 1, "output": 4},
                {"provider": "wise", "model": "grader", "input": 2, "output": 8},
            ],
            "evals": {"online": {"support": RULE}},
        }
        path = tmp_path / "pilothouse.yaml"
        path.write_text(yaml.safe_dump(document))
        with build(Settings(home=tmp_path / "home", config=path)) as platform:
            yield Site(platform, vendor, judge, path, document)
            await platform.stop()
