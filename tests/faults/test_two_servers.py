"""Two servers over one Postgres and one Redis are one gateway: one limit, one budget, one configuration."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pilothouse.ids import new_id

from .conftest import INPUT, OUTPUT, configuration
from .raw import RawUpstream
from .running import Answer, Up, running, until
from .stores import killable_redis

COST = 1000 * INPUT + 500 * OUTPUT


@pytest.fixture(scope="module")
def pair(
    postgres_server: Any, upstream: tuple[RawUpstream, str], tmp_path_factory: pytest.TempPathFactory, models_dir: Path
) -> Iterator[tuple[Up, Up]]:
    import psycopg

    folder, name = tmp_path_factory.mktemp("pair"), f"test_{new_id()}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = postgres_server.get_uri(database=name)
    with killable_redis() as redis, ExitStack() as stack:
        first, second = (
            stack.enter_context(
                running(folder / who / "home", models_dir, configuration(upstream[1]) if who == "one" else None,
                        database_url=url, redis_url=redis.url)
            )
            for who in ("one", "two")
        )  # fmt: skip
        yield first, second


def many(pair: tuple[Up, Up], count: int, model: str, secret: str, **more: Any) -> list[Answer]:
    """This many calls at once, half of them through each."""
    with ThreadPoolExecutor(24) as pool:
        calls = [pool.submit(pair[n % 2].chat, model, key=secret, stream=n % 4 > 1, **more) for n in range(count)]
        return [call.result() for call in calls]


def known_to_both(pair: tuple[Up, Up], secret: str) -> None:
    for up in pair:
        until(lambda up=up: up.ask("GET", "/v1/models", key=secret).status == 200)


def test_one_limit_of_requests(pair: tuple[Up, Up], raw: RawUpstream) -> None:
    secret, _ = pair[0].new_key("app", limits={"requests_per_minute": 20})
    known_to_both(pair, secret)
    before, began = raw.asked["good"], time.monotonic()
    answers = many(pair, 80, "good", secret)
    came_back = int((time.monotonic() - began) * 20 / 60) + 1  # a sliding minute lets one pass every three seconds
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) == {200, 429}
    assert 20 <= statuses[200] <= 20 + came_back
    assert raw.asked["good"] - before == statuses[200]
    for answer in answers:
        assert answer.headers["x-ratelimit-limit-requests"] == "20"
        if answer.status == 429:
            assert float(answer.headers["retry-after"]) > 0
            assert answer.json["error"]["code"] == "rate_limit_exceeded"


def test_one_limit_of_calls_at_once(pair: tuple[Up, Up], raw: RawUpstream) -> None:
    secret, _ = pair[0].new_key("app", limits={"parallel": 3})
    known_to_both(pair, secret)
    with ThreadPoolExecutor(12) as pool:
        calls = [pool.submit(pair[n % 2].chat, "slow", key=secret) for n in range(12)]
        assert all(raw.arrived("slow") for _ in range(3))
        until(lambda: sum(call.done() for call in calls) == 9)
        raw.release.set()
        assert Counter(call.result().status for call in calls) == {200: 3, 429: 9}
    assert raw.asked["slow"] == raw.most["slow"] == 3
    assert {answer.status for answer in many(pair, 2, "good", secret)} == {200}


def test_one_budget_never_overspent(pair: tuple[Up, Up]) -> None:
    usd = "0.05"
    secret, key_id = pair[0].new_key("app", budgets=[{"period": "total", "usd": usd}])
    known_to_both(pair, secret)
    asked = {"messages": [{"role": "user", "content": "x" * 1000}], "max_tokens": 500}
    passed = 0
    for _ in range(3):  # the more settle below their bound, the more have room
        answers = many(pair, 24, "good", secret, **asked)
        passed += sum(answer.status == 200 for answer in answers)
        assert {answer.status for answer in answers} <= {200, 429}
        assert {a.json["error"]["code"] for a in answers if a.status == 429} <= {"insufficient_quota"}
        pair[0].entries(key_id, passed)
        for up in pair:
            budget = until(lambda up=up: b if not (b := up.budget(key_id))["held_nano"] else None)
            assert budget["nano"] == passed * COST <= int(float(usd) * 1e9)
    assert passed == 7  # 7 x 0.007 USD; an eighth would not fit


def test_a_key_revoked_at_one_is_refused_by_the_other(pair: tuple[Up, Up]) -> None:
    secret, key_id = pair[1].new_key("app")
    known_to_both(pair, secret)
    pair[0].post(f"/api/keys/{key_id}/revoke", {})
    assert pair[0].chat("good", key=secret).status == 401
    until(lambda: pair[1].chat("good", key=secret).status == 401)


def test_a_configuration_put_at_one_serves_at_the_other(pair: tuple[Up, Up], upstream: tuple[RawUpstream, str]) -> None:
    changed = configuration(upstream[1])
    changed["models"]["brand-new"] = changed["models"]["good"]
    assert pair[1].chat("brand-new").status == 404
    assert pair[0].ask("PUT", "/api/config", changed).status == 200
    assert pair[0].chat("brand-new").status == 200
    until(lambda: pair[1].chat("brand-new").status == 200)
    assert pair[0].get("/api/config")["number"] == pair[1].get("/api/config")["number"]
