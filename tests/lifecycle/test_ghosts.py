"""What caches of a configuration would hold, by recorded time and size."""

from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.config import ModelConfig
from pilothouse.lifecycle.ghosts import GhostCaches
from pilothouse.types import ChatRequest

MODEL = ModelConfig.model_validate({"deployments": [{"provider": "p", "model": "m"}], "exact_cache": {"ttl": 10}})
ANSWER = {"text": "x" * 500}


class Time:
    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


async def hit(caches: GhostCaches, text: str, model: ModelConfig = MODEL, **body: Any) -> str | None:
    request = ChatRequest({"model": "fast", "messages": [{"role": "user", "content": text}], **body})
    found = await caches.look_up(request, Call(recorder=None), "fast", model)  # type: ignore[arg-type]
    if found.hit is None:
        await found.keep(ANSWER)
    return found.hit


async def test_an_answer_serves_until_its_time_is_over(time: Time) -> None:
    caches = GhostCaches(10_000, time)
    hits = []
    for now in (0, 9, 10, 11):
        time.now = now * 1_000_000
        hits.append(await hit(caches, "a"))
    assert hits == [None, "exact", None, "exact"]


async def test_the_answer_used_longest_ago_goes_first(time: Time) -> None:
    caches = GhostCaches(1200, time)
    assert [await hit(caches, text) for text in ("a", "b", "a", "c", "a", "b")] == [
        None, None, "exact", None, "exact", None
    ]  # fmt: skip
    assert [await hit(GhostCaches(100, time), "a") for _ in range(2)] == [None, None], "too large for the whole"


async def test_what_shapes_the_answer_tells_requests_apart(time: Time) -> None:
    caches = GhostCaches(10_000, time)
    hits = [await hit(caches, "a", **body) for body in ({}, {"stream": True}, {"temperature": 1}, {"n": 2}, {"n": 2})]
    assert hits == [None, "exact", None, None, None]
    plain = ModelConfig.model_validate({"deployments": [{"provider": "p", "model": "m"}]})
    assert [await hit(caches, "a", plain) for _ in range(2)] == [None, None]
