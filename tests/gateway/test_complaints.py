"""What people complain about in other gateways, each as a test of this one through its front door."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access.shapes import TenantSettings
from pilothouse.call import Call
from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.testing import Answer
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import ChatRequest, Usage

from ..faults.raw import RawUpstream
from .conftest import gateway_of
from .front import BODIES, CACHED, COST, INPUT, OUTPUT, Front, configuration, front
from .scripted import Recording, Scripted, whole

ENDPOINTS = [(path, stream) for path in BODIES for stream in (False, True) if not (stream and path == "/v1/embeddings")]
TOTAL = [{"period": "total", "usd": 1}]
READ = 6 * INPUT
"""What "hello" costs, once a provider has been asked."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[RawUpstream, str]]:
    made = RawUpstream()
    with made.serving() as url:
        yield made, url


@pytest.fixture
async def door(tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str]) -> AsyncIterator[Front]:
    names = (
        "good",
        "cached",
        "silent",
        "hang",
        "mute",
        "half",
        "stall",
        "status-500",
        "status-429",
        "odd-tools",
        "odd-usage",
    )
    models: dict[str, Any] = {name: {} for name in names}
    models["odd-usage"] = {"exact_cache": {"ttl": 60}}
    models |= {f"{name}-safe": {"fallbacks": ["good"]} for name in names}
    config = configuration(upstream[1], models)
    for name in names:  # the aliases with a fallback ask the same upstream models
        config["models"][f"{name}-safe"]["deployments"] = config["models"][name]["deployments"]
    async with front(tmp_path / "home", models_dir, upstream, config) as door:
        yield door


# ---- budgets are bypassed by some endpoints


@pytest.mark.parametrize(("path", "stream"), ENDPOINTS)
async def test_every_endpoint_is_charged_and_refused(door: Front, path: str, stream: bool) -> None:
    secret, key_id = door.key(budgets=[{"period": "total", "usd": "0.0071"}])
    body = {"model": "good", "stream": True} if stream else {"model": "good"}
    assert (await door.ask(path, body, secret)).status == 200
    (entry,) = door.entries(key_id)
    assert (entry.endpoint, entry.nano) == (path, 1000 * INPUT if path == "/v1/embeddings" else COST)

    spent, spent_id = door.key(budgets=[{"period": "total", "usd": "0.000000001"}])
    asked = door.upstream.asked["good"]
    refused = await door.ask(path, body, spent)
    assert refused.status == 429
    assert "budget" in refused.json["error"]["message"]
    assert door.upstream.asked["good"] == asked
    assert sum(entry.nano or 0 for entry in door.entries(spent_id)) == 0


async def test_a_response_made_in_the_background_is_charged(door: Front) -> None:
    secret, key_id = door.key(budgets=TOTAL)
    begun = (await door.ask("/v1/responses", {"model": "good", "background": True}, secret)).json
    status = begun["status"]
    async with asyncio.timeout(30):
        while status not in ("completed", "failed"):
            given = {"authorization": f"Bearer {secret}"}
            async with door.http.get(f"/v1/responses/{begun['id']}", headers=given) as answer:
                status = (await answer.json())["status"]
    assert status == "completed"
    assert [entry.nano for entry in door.entries(key_id)] == [COST]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/v1/chat/completions", {"max_tokens": -(10**9)}),
        ("/v1/chat/completions", {"n": -(10**9)}),
        ("/v1/chat/completions", {"max_completion_tokens": 1, "max_tokens": 10**9}),
        ("/v1/completions", {"max_tokens": -(10**9)}),
        ("/v1/completions", {"best_of": -(10**9)}),
        ("/v1/messages", {"max_tokens": -(10**9)}),
    ],
)
async def test_no_number_makes_room_in_a_budget(door: Front, path: str, more: dict[str, Any]) -> None:
    """The bound of a call is made of what the caller asks for: never less than nothing, nor the lesser of two."""
    secret, _ = door.key(budgets=[{"period": "total", "usd": "0.000001"}])
    told = await door.ask(path, {"model": "good", **more}, secret)
    assert told.status == 429, told.raw


async def test_a_deployments_own_limits_hold_for_who_names_it(
    tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str]
) -> None:
    deployment = {"provider": "raw", "model": "good", "limits": {"requests_per_minute": 2}}
    config = configuration(upstream[1], {"alias": {"deployments": [deployment]}})
    async with front(tmp_path / "home", models_dir, upstream, config) as door:
        statuses = [(await door.chat(model)).status for model in ("alias", "raw/good", "raw/good", "alias")]
    assert statuses == [200, 200, 429, 429]


# ---- phantom 429s


async def test_refused_calls_take_nothing_from_limits(door: Front) -> None:
    policy = {"models": ["good", "no-such-model"]}
    secret, _ = door.key(limits={"requests_per_minute": 2}, policy=policy)
    for _ in range(3):
        assert (await door.chat("no-such-model", secret)).status == 404
        assert (await door.chat("hang", secret)).status == 403
        assert (await door.ask("/v1/chat/completions", {"model": "good", "messages": []}, secret)).status == 400
    assert [(await door.chat("good", secret)).status for _ in range(3)] == [200, 200, 429]


async def test_calls_without_budget_take_nothing_from_limits(door: Front) -> None:
    secret, _ = door.key(limits={"requests_per_minute": 2}, budgets=[{"period": "total", "usd": "0.01"}])
    dear = {"max_tokens": 100_000}
    for _ in range(3):
        told = await door.chat("good", secret, **dear)
        assert (told.status, told.json["error"]["code"]) == (429, "insufficient_quota")
    assert (await door.chat("good", secret)).status == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_calls_that_the_provider_failed_take_nothing(door: Front, stream: bool) -> None:
    limits = {"requests_per_minute": 2, "tokens_per_minute": 2000, "parallel": 1}
    secret, key_id = door.key(limits=limits, budgets=[{"period": "total", "usd": "0.0071"}])
    for _ in range(3):
        assert (await door.chat("status-500", secret, stream=stream)).status == 503
        assert (await door.chat("status-429", secret, stream=stream)).json["error"]["message"].startswith("Provider")
    assert {entry.nano for entry in door.entries(key_id)} == {0}
    assert await door.held(key_id) == 0
    assert (await door.chat("good", secret, stream=stream)).status == 200


async def test_a_client_that_leaves_frees_its_place_and_its_budget(door: Front) -> None:
    secret, key_id = door.key(limits={"parallel": 1, "tokens_per_minute": 2000}, budgets=TOTAL)
    for _ in range(3):
        asking = asyncio.create_task(door.chat("hang", secret))
        assert await asyncio.to_thread(door.upstream.arrived, "hang")
        asking.cancel()
        assert await asyncio.to_thread(door.upstream.gone, "hang")
    assert (await door.chat("good", secret)).status == 200
    assert sorted(entry.nano or 0 for entry in door.entries(key_id)) == [READ, READ, READ, COST]
    assert await door.held(key_id) == 0


async def test_a_restart_leaves_nothing_held(
    tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str]
) -> None:
    config = configuration(upstream[1], {"good": {}, "hang": {}})
    async with front(tmp_path / "home", models_dir, upstream, config, shutdown_grace=0.0) as door:
        secret, key_id = door.key(limits={"parallel": 1}, budgets=[{"period": "total", "usd": "0.0071"}])
        asking = asyncio.create_task(door.chat("hang", secret))
        assert await asyncio.to_thread(door.upstream.arrived, "hang")
    await asyncio.gather(asking, return_exceptions=True)
    async with front(tmp_path / "home", models_dir, upstream, config) as door:
        assert (await door.chat("good", secret)).status == 200
        assert sorted(entry.nano or 0 for entry in door.entries(key_id)) == [READ, COST]
        assert await door.held(key_id) == 0


# ---- fallbacks that never fire on streams


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("what", ["status-500", "status-429", "mute"])
async def test_a_stream_falls_back_before_its_first_content(door: Front, what: str, path: str) -> None:
    """`mute` fails after the chunk that only says who speaks."""
    secret, key_id = door.key(budgets=TOTAL)
    told = await door.ask(path, {"model": f"{what}-safe", "stream": True}, secret)
    assert told.status == 200
    assert told.headers["x-pilothouse-deployment"] == "raw/good"
    assert b"eight" in told.raw
    assert b"error" not in told.raw.replace(b'"error":null', b"")
    assert [entry.nano for entry in door.entries(key_id)] == [COST]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_degraded_answer_is_free(
    tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str], stream: bool
) -> None:
    config = configuration(upstream[1], {"status-500": {"fallbacks": {"answer": "Come back later."}}})
    async with front(tmp_path / "home", models_dir, upstream, config) as door:
        secret, key_id = door.key(budgets=TOTAL)
        told = await door.chat("status-500", secret, stream=stream)
        assert told.status == 200
        assert b"later." in told.raw
        assert [entry.nano for entry in door.entries(key_id)] == [0]
        assert await door.held(key_id) == 0


# ---- limits that differ per instance


async def test_two_instances_share_one_limit(
    tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str], redis_url: str
) -> None:
    config = configuration(upstream[1], {"good": {"limits": {"requests_per_minute": 5}}})
    async with (
        front(tmp_path / "one", models_dir, upstream, config, redis_url=redis_url) as one,
        front(tmp_path / "two", models_dir, upstream, config, redis_url=redis_url) as two,
    ):
        statuses = [await _status_unless_redis_is_slow(door) for _ in range(4) for door in (one, two)]
    assert statuses == [200] * 5 + [429] * 3


async def _status_unless_redis_is_slow(door: Front) -> int:
    """On a machine as busy as that of tests can be, Redis may not answer in time: then a call is refused."""
    while (status := (await door.chat("good")).status) == 503:
        pass
    return status


# ---- cached tokens and broken answers priced wrongly


@pytest.mark.parametrize(("path", "stream"), [e for e in ENDPOINTS if e[0] not in ("/v1/embeddings",)])
async def test_cached_tokens_cost_what_cached_tokens_cost(door: Front, path: str, stream: bool) -> None:
    secret, key_id = door.key(budgets=TOTAL)
    body = {"model": "cached", "stream": True} if stream else {"model": "cached"}
    assert (await door.ask(path, body, secret)).status == 200
    assert [entry.nano for entry in door.entries(key_id)] == [200 * INPUT + 800 * CACHED + 500 * OUTPUT]


@pytest.mark.parametrize(("server_class", "path"), [(AnthropicServer, "/v1/messages"), (OpenAIServer, "/v1/responses")])
@pytest.mark.parametrize("stream", [False, True])
async def test_cached_tokens_in_the_vendors_own_dialect(
    tmp_path: Path, models_dir: Path, server_class: Any, path: str, stream: bool
) -> None:
    """Anthropic counts cached tokens beside its input tokens, OpenAI within them."""
    usage = Usage(1000, 500, cached_tokens=700, cache_write_tokens=100 if server_class is AnthropicServer else 0)
    async with server_class(Answer(usage=usage)) as server:
        prices = {"input": 2, "output": 10, "cache_read": "0.2", "cache_write": 4}
        kind = "anthropic" if server_class is AnthropicServer else "openai"
        base = server.url if kind == "anthropic" else f"{server.url}/v1"
        config = {
            "providers": {"raw": {"kind": kind, "base_url": base, "api_key": "k"}},
            "models": {"m": {"deployments": [{"provider": "raw", "model": "w"}]}},
            "prices": [{"provider": "raw", "model": "w", **prices}],
        }
        async with front(tmp_path / "home", models_dir, (RawUpstream(), ""), config) as door:
            secret, key_id = door.key(budgets=TOTAL)
            assert (await door.ask(path, {"model": "m", "stream": stream}, secret)).status == 200
            (entry,) = door.entries(key_id)
    fresh = 1000 - 700 - usage.cache_write_tokens
    assert entry.nano == fresh * INPUT + 700 * CACHED + usage.cache_write_tokens * 4_000 + 500 * OUTPUT
    assert (entry.input_tokens, entry.output_tokens) == (1000, 500)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
async def test_a_stream_that_breaks_costs_what_came(door: Front, path: str) -> None:
    secret, key_id = door.key(budgets=TOTAL)
    told = await door.ask(path, {"model": "half", "stream": True}, secret)
    assert b"four" in told.raw
    (entry,) = door.entries(key_id)
    assert entry.estimated
    assert entry.output_tokens >= 4
    assert entry.nano == entry.input_tokens * INPUT + entry.output_tokens * OUTPUT > 0
    assert await door.held(key_id) == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("what", ["odd-tools", "odd-usage"])
async def test_an_answer_out_of_shape_is_the_providers_fault(door: Front, what: str, path: str, stream: bool) -> None:
    """Never ours (500), and no usage that a provider makes up turns a budget or a limit around."""
    secret, key_id = door.key(budgets=TOTAL, limits={"tokens_per_minute": 10_000})
    told = await door.ask(path, {"model": what, "stream": stream}, secret)
    assert b"Something went wrong" not in told.raw
    assert told.status in (200, 502)
    (entry,) = door.entries(key_id)
    assert min(entry.nano or 0, entry.input_tokens, entry.output_tokens) >= 0


# ---- a cooldown that keeps a dead deployment in rotation


@pytest.mark.parametrize("stream", [False, True])
async def test_a_dead_deployment_is_left_alone(
    tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str], stream: bool
) -> None:
    deployments = [{"provider": "raw", "model": "status-500", "weight": 1e9}, {"provider": "raw", "model": "good"}]
    resilience = {"retries": 0, "failures": 3, "cool_down": 3600}
    models = {"m": {"deployments": deployments, "resilience": resilience}}
    async with front(tmp_path / "home", models_dir, upstream, configuration(upstream[1], models)) as door:
        before = door.upstream.asked["status-500"]
        for _ in range(12):
            told = await door.chat("m", stream=stream)
            assert (told.status, told.headers["x-pilothouse-deployment"]) == (200, "raw/good")
        assert door.upstream.asked["status-500"] - before == 3


# ---- a semantic cache that answers across prompts, or never hits


async def test_a_semantic_cache_hits_and_keeps_apart_what_differs(
    tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str]
) -> None:
    config = configuration(upstream[1], {"good": {"semantic_cache": {"threshold": 0.85}}, "cached": {}})

    def said(question: str, system: str = "You answer for the shop.", *earlier: Any) -> dict[str, Any]:
        system_message = {"role": "system", "content": system}
        return {"messages": [system_message, *earlier, {"role": "user", "content": question}]}

    async with front(tmp_path / "home", models_dir, upstream, config) as door:
        door.platform.tenants.create("project", "other", TenantSettings(name="Other"))
        ours, _ = door.key()
        theirs, _ = door.key(project_id="other")

        async def hit(key: str, body: dict[str, Any], **more: Any) -> str | None:
            return (await door.chat("good", key, **body, **more)).headers.get("x-pilothouse-cache")

        question = "How can I reset my password?"
        assert await hit(ours, said(question)) is None
        assert await hit(ours, said("How do I reset my password?")) == "semantic"
        assert await hit(ours, said("How do I reset my password?"), stream=True) == "semantic"
        assert await hit(ours, said(question, "You are a pirate.")) is None
        assert await hit(theirs, said(question)) is None
        earlier = {"role": "user", "content": "I am an administrator."}, {"role": "assistant", "content": "Welcome."}
        assert await hit(ours, said(question, "You answer for the shop.", *earlier)) is None
        assert await hit(ours, said("How can I not reset my password?")) is None
        assert await hit(ours, said("How can I reset my password 2 times?")) is None
        assert await hit(ours, said(question), temperature=0.1) is None


# ---- no hot reload


async def test_files_keys_and_api_change_what_serves_without_a_restart(
    tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str]
) -> None:
    config = configuration(upstream[1], {"good": {}})
    async with front(tmp_path / "home", models_dir, upstream, config) as door:
        assert (await door.chat("added")).status == 404
        config["models"]["added"] = config["models"]["good"]
        (tmp_path / "home.yaml").write_text(json.dumps(config))
        async with asyncio.timeout(30):
            while (await door.chat("added")).status != 200:
                pass

        config["models"]["again"] = config["models"]["good"]
        given = {"authorization": f"Bearer {door.admin}"}
        async with door.http.put("/api/config", json=config, headers=given) as answer:
            assert answer.status == 200
        assert (await door.chat("again")).status == 200

        secret, key_id = door.key()
        assert (await door.chat("good", secret)).status == 200
        async with door.http.patch(
            f"/api/keys/{key_id}", json={"policy": {"models": ["added"]}}, headers=given
        ) as answer:
            assert answer.status == 200
        assert (await door.chat("good", secret)).status == 403
        async with door.http.post(f"/api/keys/{key_id}/revoke", headers=given) as answer:
            assert answer.status == 200
        assert (await door.chat("added", secret)).status == 401


# ---- memory that grows


CALLS = 22_000  # with a new user, a new session and in every third a new model: 51,000 names


async def test_the_names_that_callers_make_up_do_not_pile_up(recording: Recording) -> None:
    """Each name is seen once, a second after the one before: what is kept of the first is given up for the last."""
    now = now_us()
    config = Config.model_validate({
        "providers": {"p": {"kind": "openai"}},
        "models": {
            "m": {"deployments": [{"provider": "p", "model": "x"}], "strategy": "sticky"},
            "cached": {"deployments": [{"provider": "p", "model": "x"}], "exact_cache": {"ttl": 60}},
        },
        "users": {"limits": {"requests_per_minute": 1000, "parallel": 5}},
    })  # fmt: skip
    provider = Scripted(whole("fine", Usage(2, 1)))
    gateway = gateway_of(config, {"p": provider}, lambda: now)

    async def ask(numbers: range) -> int:
        nonlocal now
        for n in numbers:
            now += 1_000_000
            call = Call(recording, session_id=f"session-{n}", user_id=f"user-{n}")
            model = ("m", "cached", f"p/model-{n}")[n % 3]
            request = ChatRequest.check({"model": model, "messages": [{"role": "user", "content": f"question {n}"}]})
            async for _ in gateway.chat(request, call):
                pass
            for kept in (recording.spans, recording.reserved, provider.requests):
                kept.clear()
        gc.collect()
        return len(gc.get_objects())

    before = await ask(range(CALLS // 2))
    models = CALLS // 2 // 3  # prices keep the last 10,000 that were asked for
    assert await ask(range(CALLS // 2, CALLS)) - before < models + 1000


async def test_thousands_of_calls_leave_no_objects_behind(
    tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str]
) -> None:
    config = configuration(upstream[1], {"good": {"exact_cache": {"ttl": 60}}, "silent": {}})
    async with front(tmp_path / "home", models_dir, upstream, config, capture_payloads=False) as door:
        secret, _ = door.key(limits={"requests_per_minute": 10**6, "parallel": 100}, budgets=TOTAL)

        async def objects_after(calls: int) -> int:
            for n in range(calls):
                model = ("good", "silent")[n // 2 % 2]
                assert (await door.chat(model, secret, stream=n % 2 == 0)).status == 200
            door.platform.drainer.flush()
            gc.collect()
            return len(gc.get_objects())

        await objects_after(100)
        before = await objects_after(100)
        after = await objects_after(2000)
    assert after - before < 1000, "2,000 calls left objects behind"  # one per call would be 2,000; caches come and go
