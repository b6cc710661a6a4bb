"""Whatever mix of deployments fails, a call is answered if and only if one that works can be reached by the rules."""

import asyncio
import random
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.errors import (
    ContentFiltered,
    ContextTooLong,
    ProviderAuth,
    ProviderError,
    ProviderProtocolError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from pilothouse.gateway.routing.plan import FailureClass

from ..reliability.bench import OK, ROLE, STREAM, Bench, Step, Upstream

CLASSES = get_args(FailureClass)
FAILURES: dict[FailureClass, ProviderError] = {
    "context": ContextTooLong("x"),
    "content": ContentFiltered("x"),
    "rate_limit": RateLimited("x"),
    "server": ProviderUnavailable("x"),
    "timeout": ProviderTimeout("x"),
    "auth": ProviderAuth("x"),
    "any": ProviderProtocolError("x"),
}
NAMES = ["m", "b", "c", "d", "e"]
MODELS = ["w", "x", "y", "z"]

aliases = st.fixed_dictionaries(
    {
        name: st.fixed_dictionaries(
            {
                "deployments": st.lists(st.sampled_from(MODELS), min_size=1, max_size=2, unique=True),
                "fallbacks": st.dictionaries(
                    st.sampled_from(["any", "any", "server", *CLASSES]),
                    st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
                    max_size=3,
                ),
            }
        )
        for name in NAMES
    }
)
states = st.fixed_dictionaries({model: st.sampled_from(["server", *CLASSES, "server", None, None]) for model in MODELS})
"""What each model fails with, None for one that works."""


def answers(aliases: dict[str, Any], states: dict[str, FailureClass | None]) -> bool:
    """The rules, said once more: an alias leads to those that it lists for what its deployments failed with."""
    queue, seen = ["m"], {"m"}
    for name in queue:
        alias = aliases[name]
        for model in alias["deployments"]:
            kind = states[model]
            if kind is None:
                return True
            more = alias["fallbacks"].get(kind) or alias["fallbacks"].get("any") or []
            queue += [other for other in more if other not in seen]
            seen.update(more)
    return False


def built(aliases: dict[str, Any], up: Upstream, **resilience: Any) -> Bench:
    models = {
        name: {
            "deployments": [{"provider": "up", "model": model} for model in alias["deployments"]],
            "fallbacks": alias["fallbacks"],
            "resilience": {"retries": 1, **resilience},
        }
        for name, alias in aliases.items()
    }
    return Bench(models, up)


def scripts(states: dict[str, FailureClass | None], stream: bool) -> dict[str, list[list[Step]]]:
    failing: dict[str, list[list[Step]]] = {
        model: [[ROLE, FAILURES[kind]] if stream else [FAILURES[kind]]] for model, kind in states.items() if kind
    }
    return dict.fromkeys(states, STREAM if stream else OK) | failing


async def answered(bench: Bench, stream: bool) -> bool:
    bench.new_call()
    try:
        return await bench.text(stream) == "fine"
    except ProviderError:
        return False


@settings(max_examples=200, deadline=None)
@given(aliases, states, st.booleans())
def test_the_first_call_is_answered_iff_a_working_deployment_can_be_reached(
    aliases: dict[str, Any], states: dict[str, FailureClass | None], stream: bool
) -> None:
    async def check() -> None:
        bench = built(aliases, Upstream(**scripts(states, stream)))
        assert await answered(bench, stream) is answers(aliases, states)
        assert len(bench.up.asked) <= 2 * len(MODELS)
        assert bench.up.open == []

    asyncio.run(check())


@settings(max_examples=60, deadline=None)
@given(aliases, st.lists(states, min_size=2, max_size=4), st.integers(1, 3), st.integers(0, 99))
def test_breakers_never_keep_a_call_from_a_deployment_that_always_worked(
    aliases: dict[str, Any], history: list[dict[str, FailureClass | None]], failures: int, seed: int
) -> None:
    """Also after failures of others: and once all work, they serve again, by themselves, after their cool down."""
    steady = random.Random(seed).choice(aliases["m"]["deployments"])

    async def check() -> None:
        bench = built(aliases, Upstream(), failures=failures, cool_down=15)
        for each in history:
            bench.up.scripts = scripts({**each, steady: None}, stream=False)
            for _ in range(3):
                assert await answered(bench, stream=False)
            bench.clock.now += 5
        bench.up.scripts = scripts(dict.fromkeys(MODELS), stream=False)
        bench.clock.now += 16
        bench.up.asked.clear()
        for _ in range(60):
            assert await answered(bench, stream=False)
        assert set(bench.up.asked) == set(aliases["m"]["deployments"])
        assert all(bench.of(model).breaker(bench.clock.now) == "closed" for model in bench.up.asked)

    asyncio.run(check())
