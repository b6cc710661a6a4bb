"""A platform with two vendors and golden prompts, with a clock to turn."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pilothouse.alerts.book import Alert
from pilothouse.app import Platform, build
from pilothouse.lifecycle.sentinel.work import Ran, SentinelWork
from pilothouse.settings import Settings
from pilothouse.testing import Answer
from pilothouse.testing.hashing import HashingEncoder
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import Json, Usage

BASELINE = 9
"""Three runs of reference, six that calibrate."""
ASKS: Json = {
    "models": ["m"], "prompts": [{"name": "tower", "text": "How high is the tower?"}, "Who built it?"],
    "baseline": BASELINE, "false_alarms": 50, "params": {"max_tokens": 50},
}  # fmt: skip
HOUR_US = 3_600_000_000
GOLDEN_NANO = 20 * 1000 + 5 * 4000


def answer(text: str = "It is 97 metres high.", **how: Any) -> Answer:
    return Answer(text=text, usage=Usage(20, 5), **how)


class Words:
    """The encoder, over counted words."""

    async def __call__(self, texts: Sequence[str]) -> Any:
        return np.asarray(HashingEncoder(64).encode(list(texts)), np.float32)


@dataclass
class Post:
    """`runs` are some hours of the schedule."""

    platform: Platform
    one: OpenAIServer
    other: OpenAIServer
    path: Path
    document: Json
    now: int = 1_000 * HOUR_US

    @property
    def work(self) -> SentinelWork:
        return self.platform.sentinel.work

    async def runs(self, number: int = 1) -> list[Ran]:
        ran: list[Ran] = []
        for _ in range(number):
            self.now += HOUR_US
            ran = await self.work.tick()
        await asyncio.to_thread(self.platform.drainer.flush)
        return ran

    def state(self, deployment: str = "one/small") -> Json:
        deployments: list[Json] = self.platform.sentinel.standing.shown("default")["deployments"]
        return next(state for state in deployments if state["deployment"] == deployment)

    def alerts(self) -> Sequence[Alert]:
        return self.platform.alerts.book.list()

    def asks(self, **changes: Any) -> None:
        """Go on with another configuration of the sentinel."""
        self.document["evals"] = {"sentinel": {**ASKS, **changes}}
        self.reload()

    def reload(self) -> None:
        self.path.write_text(yaml.safe_dump(self.document))
        self.platform.live.load()


@pytest.fixture
def alone(post: Post) -> Post:
    """The same with one deployment and one prompt: as much as a change needs."""
    post.asks(models=["one/small"], prompts=[ASKS["prompts"][0]])
    return post


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with OpenAIServer(answer()) as one, OpenAIServer(answer()) as other:
        document: Json = {
            "providers": {
                "one": {"kind": "openai", "base_url": f"{one.url}/v1", "api_key": "k"},
                "two": {"kind": "openai", "base_url": f"{other.url}/v1", "api_key": "k"},
            },
            "models": {
                "m": {
                    "deployments": [
                        {"provider": "one", "model": "small"},
                        {"provider": "two", "model": "s", "name": "spare", "weight": 0},
                    ],
                    "exact_cache": {}, "fallbacks": ["n"],
                },
                "n": {"deployments": [{"provider": "one", "model": "other"}]},
            },
            "prices": [
                {"provider": "one", "model": "small", "input": 1, "output": 4},
                {"provider": "two", "model": "s", "input": 1, "output": 4},
            ],
            "evals": {"sentinel": ASKS},
        }  # fmt: skip
        path = tmp_path / "pilothouse.yaml"
        path.write_text(yaml.safe_dump(document))
        with build(Settings(home=tmp_path / "home", config=path)) as platform:
            made = Post(platform, one, other, path, document)
            work: Any = platform.sentinel.work
            work._clock, work._turn._clock = lambda: made.now, lambda: made.now
            yield made
            await platform.stop()
