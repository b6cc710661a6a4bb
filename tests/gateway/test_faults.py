"""Upstreams that fail over real sockets: what the client gets, and what the span says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import AsyncMock

import pytest

from pilothouse.call import Call, Span
from pilothouse.config import Config, ProviderConfig
from pilothouse.errors import ProviderError, ProviderProtocolError, ProviderTimeout, ProviderUnavailable
from pilothouse.gateway.bridge import bridged
from pilothouse.gateway.reliability.attempts import Attempts, Hooks
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.gateway.routing.router import Router
from pilothouse.providers.anthropic import AnthropicProvider
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.snapshot import Snapshot
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.server import WireServer
from pilothouse.testing.wire import Answer, Fault
from pilothouse.types import ChatRequest

from .clock import Clock
from .scripted import Recording

MODELS = {
    "m": {
        "deployments": [{"provider": "first", "model": "x", "weight": 1e9}, {"provider": "second", "model": "y"}],
        "resilience": {"retries": 0},
    },
    "hedged": {
        "deployments": [{"provider": "first", "model": "x", "weight": 1e9}, {"provider": "second", "model": "y"}],
        "hedge": {"after": 0.01, "share": 1.0},
    },
    "alone": {"deployments": [{"provider": "first", "model": "x"}], "resilience": {"retries": 1}},
}


@dataclass
class Wired:
    """Two upstreams on sockets; `m` asks the first and then the second, `hedged` both when the
    first is late, `alone` the first alone, with a retry."""

    first: WireServer
    second: WireServer
    router: Router
    attempts: Attempts
    clock: Clock
    span: Span = field(init=False)

    async def ask(
        self, model: str = "m", stream: bool = True, hooks: Hooks | None = None
    ) -> tuple[str, ProviderError | None]:
        """The text that came, and the error that ended it."""
        request = ChatRequest.check(
            {"model": model, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
        )
        call = Call(Recording())
        self.span = call.start("chat", "llm")

        def provide(deployment: Deployment) -> Callable[..., Any]:
            return bridged(deployment.provider, request)

        text = ""
        try:
            plan = self.router.plan(request, call)
            async for chunk in self.attempts.run(plan, request, call, self.span, provide, hooks or Hooks()):
                text += chunk.text
        except ProviderError as error:
            return text, error
        return text, None


@pytest.fixture(params=["openai", "anthropic"])
async def wired(request: pytest.FixtureRequest) -> AsyncIterator[Wired]:
    server_of, provider_of = {
        "openai": (OpenAIServer, OpenAIProvider),
        "anthropic": (AnthropicServer, AnthropicProvider),
    }[request.param]
    async with AsyncExitStack() as stack:
        servers, providers, settings = [], {}, {}
        for name in ("first", "second"):
            server = await stack.enter_async_context(server_of())
            server.default = Answer(text=f"This is {name}.")
            base = f"{server.url}/v1" if request.param == "openai" else server.url
            settings[name] = {"kind": request.param, "base_url": base, "api_key": "k", "read_timeout": 0.5}
            providers[name] = provider_of(name, ProviderConfig.model_validate(settings[name]))
            stack.push_async_callback(providers[name].aclose)
            servers.append(server)
        clock = Clock()
        health = Health(clock)
        config = Config.model_validate({"providers": settings, "models": MODELS})
        router = Router(Snapshot(1, config), providers, health=health)
        yield Wired(*servers, router, Attempts(health, sleep=clock.sleep), clock)


BEFORE: list[tuple[Fault, str]] = [
    ("rate_limit", "rate_limit_exceeded"),
    ("auth", "provider_auth"),
    ("server_error", "provider_unavailable"),
    ("overloaded", "provider_unavailable"),
    ("html", "provider_unavailable"),
    ("garbage", "provider_protocol_error"),
    ("hang", "provider_timeout"),
    ("context_length", "context_length_exceeded"),
]


@pytest.mark.parametrize(("fault", "code"), BEFORE)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_answer_goes_to_the_next(
    wired: Wired, fault: Fault, code: str, stream: bool
) -> None:
    wired.first.default = Answer(fault=fault)
    assert await wired.ask(stream=stream) == ("This is second.", None)
    assert wired.span.deployment == "second/y"
    assert wired.span.attributes == {"attempt_1": f"first/x: {code}", "attempts": 2, "routing": "weighted"}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_port_that_refuses_goes_to_the_next(wired: Wired, stream: bool) -> None:
    await wired.first.__aexit__()
    assert await wired.ask(stream=stream) == ("This is second.", None)
    assert wired.span.attributes["attempt_1"] == "first/x: provider_unavailable"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("reset_midway", ProviderUnavailable),
        ("half_frame", (ProviderUnavailable, ProviderProtocolError)),  # half an event, or no event: both are told
        ("cut", ProviderUnavailable),
        ("error_event", ProviderUnavailable),
        ("hang_midway", ProviderTimeout),
    ],
)
async def test_what_breaks_in_the_middle_of_an_answer_stays_broken(
    wired: Wired, fault: Fault, kind: type[ProviderError] | tuple[type[ProviderError], ...]
) -> None:
    wired.first.default = Answer(text="one two three four five six", fault=fault)
    text, error = await wired.ask()
    assert text
    assert "one two three four five six".startswith(text)
    assert isinstance(error, kind)
    assert wired.second.requests == []
    assert wired.span.deployment == "first/x"
    assert wired.span.attributes == {"routing": "weighted"}
    assert wired.attempts.health.of("first/x").failures == 1


@pytest.mark.parametrize("fault", ["rate_limit", "server_error"])
async def test_a_retry_after_is_waited_for_where_there_is_nobody_else(wired: Wired, fault: Fault) -> None:
    wired.first.say(Answer(fault=fault, retry_after=2))
    assert await wired.ask("alone") == ("This is first.", None)
    assert len(wired.first.requests) == 2
    assert 2 <= wired.clock.naps[0] < 2.25
    assert wired.span.attributes["attempts"] == 2


async def test_no_usage_is_no_failure(wired: Wired) -> None:
    wired.first.default = Answer(text="This is first.", usage=None)
    assert await wired.ask() == ("This is first.", None)


async def test_a_dead_upstream_costs_its_callers_nothing_once_it_is_known(wired: Wired) -> None:
    wired.first.default = Answer(fault="overloaded")
    for _ in range(8):
        assert await wired.ask() == ("This is second.", None)
    assert len(wired.first.requests) == 5  # the breaker's `failures`
    assert wired.span.attributes == {"passed_over": ["first/x: breaker open"], "routing": "weighted"}
    wired.first.default = Answer(text="This is first.")
    wired.clock.now += 16
    assert await wired.ask() == ("This is first.", None)


async def test_a_hedge_hangs_up_on_the_late_one(wired: Wired) -> None:
    wired.first.default = Answer(fault="hang")
    hooks = Hooks(reserve_hedge=AsyncMock(return_value=True))
    assert await wired.ask("hedged", hooks=hooks) == ("This is second.", None)
    await asyncio.wait_for(asyncio.wrap_future(wired.first.requests[0].gone), 30)
    assert wired.span.attributes == {"hedged": "second/y", "routing": "weighted hedged"}
