import random
from collections import Counter

import pytest

from pilothouse.call import Call
from pilothouse.config import Strategy
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.routing.conditions import Facts
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.gateway.routing.strategies import Strategies
from pilothouse.observe import Prices
from pilothouse.types import ChatRequest

from ..scripted import Recording, Scripted


def made(name: str, weight: float = 1.0) -> Deployment:
    return Deployment(name, Scripted(), "openai", "openai", name, weight=weight)


A, B, C = made("a"), made("b"), made("c")


@pytest.fixture
def health() -> Health:
    return Health()


def facts(stream: bool = True, **who: str) -> Facts:
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * 400}], "stream": stream}
    return Facts(ChatRequest.check(body), Call(Recording(), **who))  # type: ignore[arg-type]


def firsts(
    strategies: Strategies, strategy: Strategy, deployments: list[Deployment], times: int = 1000
) -> Counter[str]:
    return Counter(strategies.order(strategy, deployments, facts())[0][0].id for _ in range(times))


def seeded(health: Health, **more: object) -> Strategies:
    return Strategies(health, Prices(), random_source=random.Random(3), **more)  # type: ignore[arg-type]


def test_one_deployment_needs_no_strategy(health: Health) -> None:
    assert seeded(health).order("latency", [A], facts()) == ([A], "single")


@pytest.mark.parametrize("others", [[], [made("none", 0.0)]])
def test_weighted(health: Health, others: list[Deployment]) -> None:
    counted = firsts(seeded(health), "weighted", [made("a", 3.0), made("b", 1.0), *others], 4000)
    assert 0.71 < counted["a"] / 4000 < 0.79
    assert counted.keys() == {"a", "b"}


def test_least_busy_is_by_calls_in_flight_and_weight(health: Health) -> None:
    strategies = seeded(health)
    for name, calls in (("a", 5), ("b", 2), ("c", 3)):
        health.of(name).in_flight = calls
    ordered, reason = strategies.order("least-busy", [A, B, C], facts())
    assert ([d.id for d in ordered], reason) == (["b", "c", "a"], "least-busy 2 in flight")
    strong = made("a", 4.0)
    assert firsts(strategies, "least-busy", [strong, B], 50) == {"a": 50}  # 6/4 against 3/1
    assert len(firsts(strategies, "least-busy", [made("x"), made("y")])) == 2  # equals share


def test_latency_prefers_the_fastest_and_goes_on_looking_at_the_others(health: Health) -> None:
    strategies = seeded(health)
    for name, seconds in (("a", 0.5), ("b", 0.12), ("c", 0.9)):
        health.of(name).streamed.add(seconds)
    counted = firsts(strategies, "latency", [A, B, C], 4000)
    assert counted["b"] > 0.94 * 4000
    assert counted["a"] > 20
    assert counted["c"] > 20
    reasons = {strategies.order("latency", [A, B, C], facts())[1] for _ in range(200)}
    assert reasons == {"latency 120 ms", "latency exploration"}


def test_latency_of_json_answers_is_told_apart_and_the_unknown_gets_its_turn(health: Health) -> None:
    strategies = seeded(health)
    health.of("a").streamed.add(0.1)
    health.of("b").streamed.add(0.2)
    health.of("a").whole.add(9.0)
    health.of("b").whole.add(3.0)
    first = Counter(strategies.order("latency", [A, B], facts(stream=False))[0][0].id for _ in range(100))
    assert first["b"] > 85
    counted = firsts(strategies, "latency", [A, B, C])
    assert counted["c"] > 300  # as good as the best known, until it is known itself
    assert counted["a"] > 300


def test_cheapest_is_by_price_and_an_unknown_price_comes_last(health: Health) -> None:
    models = [made("nobody-prices-this"), made("gpt-4o"), made("gpt-4o-mini")]
    ordered, reason = seeded(health).order("cheapest", models, facts())
    assert ([d.id for d in ordered], reason) == (["gpt-4o-mini", "gpt-4o", "nobody-prices-this"], "cheapest")


def test_usage_prefers_the_most_room(health: Health) -> None:
    room = {"a": 0.2, "b": 0.75, "c": 0.5}
    ordered, reason = seeded(health, room=lambda d: room[d.id]).order("usage", [A, B, C], facts())
    assert ([d.id for d in ordered], reason) == (["b", "c", "a"], "usage 75% left")


def test_sticky_keeps_a_session_where_it_is(health: Health) -> None:
    strategies, deployments = seeded(health), [A, B, C]
    where = {f"s{n}": strategies.order("sticky", deployments, facts(session_id=f"s{n}"))[0] for n in range(300)}
    counted = Counter(ordered[0].id for ordered in where.values())
    assert all(70 < count < 130 for count in counted.values())
    for session, before in where.items():  # without its first, a session goes to its second, all others stay
        for gone in deployments:
            left = [d for d in deployments if d is not gone]
            now = strategies.order("sticky", left, facts(session_id=session))[0][0]
            assert now is (before[1] if before[0] is gone else before[0])


def test_sticky_goes_by_session_then_user_then_key_and_by_weight(health: Health) -> None:
    strategies = seeded(health)

    def first(**who: str) -> str:
        return strategies.order("sticky", [A, B, C], facts(**who))[0][0].id

    names = [str(n) for n in range(30)]
    assert len({first(key_id="k", user_id=name) for name in names}) == 3
    assert len({first(key_id="k", user_id="u") for _ in names}) == 1
    assert len({first(key_id="k", user_id="u", session_id=name) for name in names}) == 3
    assert [first(key_id=name) for name in names] == [first(user_id=name) for name in names]
    assert strategies.order("sticky", [A, B], facts())[1] == "weighted"
    heavy = Counter(
        strategies.order("sticky", [made("a", 3.0), B], facts(user_id=str(n)))[0][0].id for n in range(2000)
    )
    assert 0.71 < heavy["a"] / 2000 < 0.79


@pytest.mark.parametrize("strategy", ["weighted", "least-busy", "latency", "cheapest", "usage", "sticky"])
def test_what_has_no_weight_comes_last(health: Health, strategy: Strategy) -> None:
    spare, others = made("gpt-4o-mini", 0.0), [made("gpt-4o"), made("gpt-4.1")]
    strategies = seeded(health, room=lambda d: 1.0 if d is spare else 0.5)
    for _ in range(20):
        assert strategies.order(strategy, [spare, *others], facts())[0][-1] is spare
