import asyncio
from collections.abc import AsyncIterator

import pytest

from pilothouse.config import Config, ProviderConfig
from pilothouse.errors import (
    ProviderAuth,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from pilothouse.gateway.reliability.checks import HealthChecks
from pilothouse.gateway.reliability.health import Health
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer

from ..clock import Clock
from ..scripted import Scripted


class Listed(Scripted):
    """Tells its models, unless `failure` says otherwise."""

    failure: Exception | asyncio.Event | None = None

    async def models(self) -> list[str]:
        if isinstance(self.failure, asyncio.Event):
            await self.failure.wait()
        elif self.failure is not None:
            raise self.failure
        return ["m"]


class Turns:
    """A sleep that lasts until the test says so."""

    def __init__(self) -> None:
        self.slept: asyncio.Queue[float] = asyncio.Queue()
        self._go = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.put_nowait(seconds)
        await self._go.wait()
        self._go.clear()

    async def checked(self) -> float:
        """Wait for the end of a check; gives the time slept after it."""
        return await asyncio.wait_for(self.slept.get(), 30)

    def next(self) -> None:
        self._go.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


@pytest.fixture
async def turns() -> Turns:
    return Turns()


@pytest.fixture
async def checks(health: Health, turns: Turns) -> AsyncIterator[HealthChecks]:
    checks = HealthChecks(health, turns.sleep)
    yield checks
    await checks.stop()


def config(**providers: object) -> Config:
    models = {"m": {"deployments": [{"provider": "a", "model": "x"}, {"provider": "b", "model": "x"}]}}
    return Config.model_validate({"providers": {"a": {}, "b": {}, **providers}, "models": models})


def breakers(health: Health) -> dict[str, str]:
    return {state.id: state.breaker for state in health.states()}


async def test_a_provider_that_is_down_leaves_rotation_until_a_check_passes(
    health: Health, checks: HealthChecks, turns: Turns, clock: Clock
) -> None:
    a, b = Listed(), Listed()
    a.failure = ProviderUnavailable("down")
    await checks.watch(config(a={"health_check": 20}), {"a": a, "b": b})
    assert await turns.checked() == 20
    assert breakers(health) == {"a/x": "open"}  # nobody asked for checks of the other one
    clock.now += 40
    assert breakers(health) == {"a/x": "open"}  # the next check is on its way
    turns.next()
    await turns.checked()
    a.failure = None
    turns.next()
    await turns.checked()
    assert breakers(health) == {"a/x": "closed"}


@pytest.mark.parametrize("error", [ProviderRejected("no list here", upstream_status=404), RateLimited("busy")])
async def test_a_provider_that_refuses_the_question_is_there(
    health: Health, checks: HealthChecks, error: ProviderError
) -> None:
    a = Listed()
    a.failure = error
    assert await checks.check(a, ["a/x"], 20)
    assert breakers(health) == {"a/x": "closed"}


@pytest.mark.parametrize("error", [ProviderAuth("no"), ProviderProtocolError("no JSON"), KeyError("a plugin's own")])
async def test_a_provider_that_cannot_answer_is_down(health: Health, checks: HealthChecks, error: Exception) -> None:
    a = Listed()
    a.failure = error
    assert not await checks.check(a, ["a/x"], 20)
    assert breakers(health) == {"a/x": "open"}


async def test_one_that_says_nothing_is_down(health: Health, checks: HealthChecks) -> None:
    a = Listed()
    a.failure = asyncio.Event()
    assert not await checks.check(a, ["a/x"], 0.01)
    assert breakers(health) == {"a/x": "open"}


async def test_other_providers_take_the_place_of_those_before(
    health: Health, checks: HealthChecks, turns: Turns
) -> None:
    a, b = Listed(), Listed()
    a.failure = b.failure = ProviderAuth("no")
    await checks.watch(config(a={"health_check": 20}), {"a": a, "b": b})
    await turns.checked()
    before = asyncio.all_tasks()
    await checks.watch(config(b={"health_check": 30}), {"a": a, "b": b})
    assert await turns.checked() == 30
    assert breakers(health) == {"a/x": "open", "b/x": "open"}
    names = {task.get_name() for task in asyncio.all_tasks() if "health check" in task.get_name()}
    assert names == {"health check of b"}
    await checks.stop()
    assert not {task for task in asyncio.all_tasks() - before if "health check" in task.get_name()}


async def test_over_the_wire(health: Health, checks: HealthChecks) -> None:
    async with OpenAIServer() as server:
        provider = OpenAIProvider("a", ProviderConfig(base_url=f"{server.url}/v1", api_key="k"))
        assert await checks.check(provider, ["a/x"], 5)
        server.default = Answer(fault="hang")
        server.say(Answer(fault="server_error"))
        assert not await checks.check(provider, ["a/x"], 5)
        assert breakers(health) == {"a/x": "open"}
    assert not await checks.check(provider, ["a/x"], 5)  # refused
    await provider.aclose()
