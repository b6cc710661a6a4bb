"""Two servers over one Postgres and one Redis are one gateway: one limit, one budget, one configuration."""

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
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


def test_tokens_used_through_one_are_gone_at_the_other(pair: tuple[Up, Up]) -> None:
    """Each call is counted in advance as far less than the 1500 tokens that the provider then reports."""
    secret, _ = pair[0].new_key("app", limits={"tokens_per_minute": 6000})
    known_to_both(pair, secret)
    for number in range(4):
        assert pair[number % 2].chat("good", key=secret).status == 200
        other = pair[(number + 1) % 2]
        until(lambda other=other, left=4500 - number * 1500: _tokens_left(other, secret) <= left + 300)
    refused = pair[0].chat("good", key=secret)
    assert refused.status == 429
    assert float(refused.headers["retry-after"]) > 0


def _tokens_left(up: Up, secret: str) -> int:
    """What is left there as a call says that fails and gives back what it took."""
    return int(up.chat("refuse", key=secret).headers["x-ratelimit-remaining-tokens"])


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


def test_what_one_changes_of_a_key_holds_at_the_other(pair: tuple[Up, Up]) -> None:
    secret, key_id = pair[1].new_key("app")
    known_to_both(pair, secret)
    changes: list[tuple[dict[str, Any], Callable[[], bool]]] = [
        ({"limits": {"requests_per_minute": 77}}, lambda: _limit_at(pair[1], secret) == "77"),
        ({"policy": {"models": ["cached"]}}, lambda: pair[1].chat("good", key=secret).status == 403),
        ({"policy": {}, "role": "viewer"}, lambda: pair[1].chat("cached", key=secret).status == 403),
        ({"role": "caller"}, lambda: pair[1].chat("good", key=secret).status == 200),
    ]
    for change, holds in changes:
        assert pair[0].ask("PATCH", f"/api/keys/{key_id}", change).status == 200
        until(holds)
    logs = [up.get(f"/api/audit?subject=key:{key_id}") for up in pair]
    assert logs[0] == logs[1]
    assert [entry["action"] for entry in logs[0]] == ["key.update"] * 4 + ["key.create"]


def _limit_at(up: Up, secret: str) -> str | None:
    return up.chat("good", key=secret).headers.get("x-ratelimit-limit-requests")


def test_configurations_change_under_load_and_no_call_fails(
    pair: tuple[Up, Up], upstream: tuple[RawUpstream, str]
) -> None:
    """By the file of one with SIGHUP, by the API of the other, and back. It comes before the tests that put one by the
    API alone, which a file would not win over."""
    first, second = pair
    statuses, over = Counter[int](), threading.Event()

    def ask(up: Up, stream: bool) -> None:
        while not over.is_set():
            statuses[up.chat("good", stream=stream).status] += 1

    def version(number: int) -> dict[str, Any]:
        made = configuration(upstream[1])
        made["models"]["good"] |= {"output": {"cap": 1000 + number}}
        made["providers"]["raw"] |= {"read_timeout": 100 + number}  # so that its connections are new ones
        return made

    def agreed(after: int) -> int:
        """The number of the Snapshot that serves at both, once it is a later one."""
        until(lambda: (n := numbers())[0] == n[1] > after)
        return numbers()[0]

    def numbers() -> list[int]:
        return [up.get("/api/config")["number"] for up in pair]

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, up, stream) for up in pair for stream in (False, True)]
        try:
            began = numbers()[0]
            (first.folder / "pilothouse.yaml").write_text(json.dumps(version(1)))
            first.process.send_signal(signal.SIGHUP)
            written = agreed(began)
            assert second.ask("PUT", "/api/config", version(2)).status == 200
            put = agreed(written)
            assert second.ask("POST", "/api/config/rollback", {"number": written}).status == 200
            agreed(put)
        finally:
            over.set()
        for clients in asking:
            clients.result()
    assert set(statuses) == {200}


def test_a_configuration_put_at_one_serves_at_the_other(pair: tuple[Up, Up], upstream: tuple[RawUpstream, str]) -> None:
    changed = configuration(upstream[1])
    changed["models"]["brand-new"] = changed["models"]["good"]
    assert pair[1].chat("brand-new").status == 404
    assert pair[0].ask("PUT", "/api/config", changed).status == 200
    assert pair[0].chat("brand-new").status == 200
    until(lambda: pair[1].chat("brand-new").status == 200)
    assert pair[0].get("/api/config")["number"] == pair[1].get("/api/config")["number"]
