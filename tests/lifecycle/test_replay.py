"""What a replay says about traffic whose answer is known."""

from typing import Any

import numpy as np
import pytest

from pilothouse.config import Config, Limits
from pilothouse.lifecycle.replay import Report, replay
from pilothouse.lifecycle.traffic import Traffic
from pilothouse.principal import Level, Principal
from pilothouse.storage import Store

from .conftest import START, Write, ask

POOL = {"kind": "openai", "base_url": "http://10.0.0.5/v1", "api_key": "${NOT_SET_ANYWHERE}"}
SMALL, LARGE = {"provider": "pool", "model": "small"}, {"provider": "pool", "model": "large"}
PRICES = [
    {"provider": "pool", "model": "small", "input": 1, "output": 0},  # 1,000 tokens: 1,000,000 nano-USD
    {"provider": "pool", "model": "large", "input": 5, "output": 10},
]
UNTIL = START + 3_600_000_000


def config(fast: dict[str, Any], **more: Any) -> Config:
    fast = {"deployments": [SMALL], **fast}
    models = {"fast": fast, **more.pop("models", {})}
    return Config.model_validate({"providers": {"pool": POOL}, "models": models, "prices": PRICES, **more})


async def run(store: Store, wanted: Config, **options: Any) -> Report:
    return await replay(Traffic(store), wanted, START, UNTIL, **options)


async def test_the_same_configuration_changes_nothing(store: Store, write: Write) -> None:
    write(ask(i) for i in range(20))
    report = await run(store, config({}))
    told = report.to_json()
    assert (told["calls"], told["priced"]) == (20, 20)
    assert told["before"] == told["after"]
    assert told["before"]["cost_nano"] == 20_000_000
    assert told["before"]["latency_ms"] == {"p50": 200.0, "p95": 200.0, "calls": 20}
    assert (told["moved"], told["refused"], told["not_judged"]) == ([], {}, {})


async def test_another_deployment_at_its_price_and_its_recorded_speed(store: Store, write: Write) -> None:
    write(ask(i) for i in range(10))
    write(
        ask(
            i, request_model="big", deployment="pool/large", end_us=START + i * 1_000_000 + 900_000, cost_nano=6_000_000
        )
        for i in range(30, 35)
    )
    report = await run(store, config({"deployments": [LARGE]}, models={"big": {"deployments": [LARGE]}}))
    told = report.to_json()
    assert told["moved"] == [{"from": "pool/small", "to": "pool/large", "calls": 10}]
    assert told["before"]["cost_nano"] == 10 * 1_000_000 + 5 * 6_000_000
    assert told["after"]["cost_nano"] == 15 * (1000 * 5_000 + 100 * 10_000)
    assert told["after"]["latency_ms"] == {"p50": 900.0, "p95": 900.0, "calls": 15}


async def test_what_nothing_is_known_about_is_counted(store: Store, write: Write) -> None:
    write(
        [
            ask(1),
            ask(2, usage=None, cost_nano=None),
            ask(3, cost_nano=None),
            ask(4, status="error", error_code="provider_timeout"),
            ask(5, status="error", error_code="rate_limit_exceeded"),
            ask(6, input=None, output=None),
        ]
    )
    report = await run(store, config({"deployments": [{"provider": "pool", "model": "unpriced"}]}))
    assert report.to_json()["not_judged"] == {
        "caches: no payload was recorded": 1,
        "cost: no usage was recorded": 1,
        "cost: unknown price as recorded": 1,
        "cost: unknown price of the new deployment": 2,
        "failed when recorded": 1,
        "latency: nothing recorded of the deployment": 4,
        "refused when recorded": 1,
    }
    assert report.priced == 0


async def test_exact_hits_within_their_ttl_and_scope(store: Store, write: Write) -> None:
    write([ask(0, "a"), ask(1, "b"), ask(2, "a"), ask(3, "a", user_id="eve"), ask(70, "a"), ask(71, "b")])
    report = await run(store, config({"exact_cache": {"ttl": 60}}))
    assert dict(report.after.hits) == {"exact": 2}
    assert (report.before.cost_nano, report.after.cost_nano) == (6_000_000, 4_000_000)
    per_user = await run(store, config({"exact_cache": {"ttl": 60, "scope": "user"}}))
    assert dict(per_user.after.hits) == {}, "calls of nobody in particular are not shared between users"
    small = await run(store, config({"exact_cache": {"ttl": 60}}, cache={"max_bytes": 1024}))
    assert dict(small.after.hits) == {"exact": 2}


async def test_hits_of_the_recording_count_before_and_cost_again_without_a_cache(store: Store, write: Write) -> None:
    write([ask(0), ask(1, cost_nano=0, deployment=None, attributes={"cache": "exact"})])
    report = await run(store, config({}))
    assert (dict(report.before.hits), dict(report.after.hits)) == ({"exact": 1}, {})
    assert (report.before.cost_nano, report.after.cost_nano) == (1_000_000, 2_000_000)


class Words:
    """Encodes a text as the words it holds."""

    async def __call__(self, texts: Any) -> Any:
        rows = np.zeros((len(texts), 64), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().strip("?").split():
                row[sum(word.encode()) % 64] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    async def count_tokens(self, texts: Any) -> list[int]:
        return [len(text.split()) for text in texts]


async def test_semantic_hits_when_asked_for(store: Store, write: Write) -> None:
    write([ask(0, "How high is the tower?"), ask(1, "how high is The Tower"), ask(2, "How high is the bridge?")])
    wanted = config({"semantic_cache": {"threshold": 0.99}})
    report = await run(store, wanted, encode=Words())
    assert dict(report.after.hits) == {"semantic": 1}
    assert not (await run(store, wanted)).after.hits
    shadow = await run(store, config({"semantic_cache": {"threshold": 0.99, "shadow": True}}), encode=Words())
    assert (shadow.shadow_hits, dict(shadow.after.hits), shadow.after.cost_nano) == (1, {}, 3_000_000)


async def test_limits_in_recorded_time(store: Store, write: Write) -> None:
    """Three at once and one per 20 s pass where three per minute may."""
    write(ask(at) for at in (0, 0.1, 0.2, 0.3, 1, 21, 42, 43))
    report = await run(store, config({"limits": {"requests_per_minute": 3}}))
    assert dict(report.refused) == {"limit": 3}
    assert report.refused_nano == 3_000_000
    assert report.priced == 5


async def test_parallel_limits_by_how_long_calls_took(store: Store, write: Write) -> None:
    write(ask(at) for at in (0, 0.1, 0.25, 0.3))
    report = await run(store, config({"limits": {"parallel": 1}}))
    assert dict(report.refused) == {"limit": 2}


async def test_limits_of_keys_are_those_of_today(store: Store, write: Write) -> None:
    write(ask(at, key_id="k1") for at in (0, 1, 2))
    level = Level("key:k1", Limits(requests_per_minute=1))
    known = Principal("default", "k1", "caller", levels=(level,))
    report = await run(store, config({}), principal_of={"k1": known}.get)
    assert dict(report.refused) == {"limit": 2}


async def test_budgets_by_simulated_cost(store: Store, write: Write) -> None:
    write(ask(i, user_id="ada" if i % 2 else "bo") for i in range(8))
    report = await run(store, config({}, users={"budgets": [{"period": "day", "usd": "0.002"}]}))
    assert dict(report.refused) == {"budget": 4}
    unknown = config({"deployments": [{"provider": "pool", "model": "free"}], "budgets": [{"usd": 1}]})
    assert dict((await run(store, unknown)).refused) == {"unknown price": 8}


async def test_a_call_that_a_budget_refuses_takes_no_place(store: Store, write: Write) -> None:
    write(ask(i / 100) for i in range(3))
    report = await run(store, config({"limits": {"parallel": 1}, "budgets": [{"usd": 0}]}))
    assert dict(report.refused) == {"budget": 3}


async def test_a_deployment_without_room_leaves_the_call_to_the_next(store: Store, write: Write) -> None:
    write(ask(i / 10) for i in range(4))
    wanted = config({"deployments": [{**SMALL, "limits": {"requests_per_minute": 1}}], "fallbacks": ["big"]},
        models={"big": {"deployments": [LARGE]}})  # fmt: skip
    report = await run(store, wanted)
    assert dict(report.moved) == {("pool/small", "pool/large"): 3}
    alone = await run(store, config({"deployments": [{**SMALL, "limits": {"requests_per_minute": 1}}]}))
    assert dict(alone.refused) == {"deployment limit": 3}


async def test_shorter_answers_cost_less(store: Store, write: Write) -> None:
    write([ask(0, deployment="pool/large", cost_nano=6_000_000)])
    report = await run(store, config({"deployments": [LARGE], "output": {"cap": 40}}))
    assert report.cut == 1
    assert report.after.cost_nano == 1000 * 5_000 + 40 * 10_000


async def test_weights_are_drawn_with_a_seed(store: Store, write: Write) -> None:
    write(ask(i) for i in range(200))
    wanted = config({"deployments": [{**SMALL, "weight": 3}, LARGE]})
    first, again, other = [(await run(store, wanted, seed=seed)).to_json() for seed in (1, 1, 2)]
    assert first == again
    assert first != other
    (move,) = first["moved"]
    assert 25 < move["calls"] < 80, "a quarter of 200"


async def test_the_fastest_by_recorded_times(store: Store, write: Write) -> None:
    """Large is the faster one in this recording, so that `latency` sends nearly everything there."""
    write(ask(i, ttft_us=None) for i in range(100))
    write(
        ask(i + 0.5, request_model="big", deployment="pool/large", end_us=START + int((i + 0.55) * 1_000_000))
        for i in range(100)
    )
    wanted = config({"deployments": [SMALL, LARGE], "strategy": "latency"}, models={"big": {"deployments": [LARGE]}})
    report = await run(store, wanted)
    assert report.moved["pool/small", "pool/large"] > 85


async def test_a_model_that_is_gone_and_rules_without_a_way_refuse(store: Store, write: Write) -> None:
    write([ask(0, request_model="gone"), ask(1)])
    report = await run(store, config({"deployments": [{**SMALL, "when": {"teams": ["ml"]}}]}))
    assert dict(report.refused) == {"unknown model": 1, "no deployment": 1}


async def test_rules_read_the_metadata_of_the_body(store: Store, write: Write) -> None:
    gold = {"messages": [{"role": "user", "content": "Hi"}], "metadata": {"tier": "gold"}}
    write([ask(0), ask(1, input=gold)])
    rule = {"when": {"metadata": {"tier": "gold"}}, "use": "big"}
    report = await run(store, config({"rules": [rule]}, models={"big": {"deployments": [LARGE]}}))
    assert dict(report.moved) == {("pool/small", "pool/large"): 1}
    assert any("in a header" in line for line in report.not_simulated)


async def test_complexity_is_taken_for_complex_or_judged(store: Store, write: Write) -> None:
    write(ask(i) for i in range(3))
    models = {"a": {"deployments": [SMALL]}, "b": {"deployments": [LARGE]}}
    wanted = config({"strategy": "complexity", "simple": "a", "complex": "b", "deployments": []}, models=models)
    report = await run(store, wanted)
    assert report.not_judged["difficulty: taken for complex"] == 3
    assert dict(report.moved) == {("pool/small", "pool/large"): 3}


async def test_only_the_newest(store: Store, write: Write) -> None:
    write(ask(i) for i in range(10))
    assert (await run(store, config({}), limit=4)).calls == 4


@pytest.mark.parametrize("given", [["hello"], {"messages": ["hi"]}, {"messages": 5}, {"input": [1]}])
async def test_odd_payloads_are_no_failure(store: Store, write: Write, given: Any) -> None:
    write([ask(0, input=given if isinstance(given, dict) else {"messages": given}), ask(1, operation="responses")])
    assert (await run(store, config({"exact_cache": {}}))).priced == 2


async def test_what_plays_no_part_is_said(store: Store, write: Write) -> None:
    report = await run(store, config({"hedge": {}, "semantic_cache": {}}))
    assert "hedge: fast" in report.not_simulated
    assert "semantic_cache (ask for it): fast" in report.not_simulated
