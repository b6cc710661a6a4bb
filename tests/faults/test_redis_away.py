"""Redis is killed under a running server and comes back empty: closed refuses meanwhile, open serves unchecked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import INPUT, OUTPUT, configuration
from .raw import RawUpstream
from .running import MASTER, Up, running, until
from .stores import Redis, killable_redis

COST = 1000 * INPUT + 500 * OUTPUT
LIMITED = {"limits": {"requests_per_minute": 1000}, "budgets": [{"period": "total", "usd": 1}]}


@pytest.fixture
def redis() -> Iterator[Redis]:
    with killable_redis() as redis:
        yield redis


@pytest.mark.parametrize("down", ["closed", "open"])
def test_redis_that_goes_away_and_returns(
    down: str, redis: Redis, upstream: tuple[RawUpstream, str], tmp_path: Path, models_dir: Path
) -> None:
    config = configuration(upstream[1])
    with running(tmp_path / "home", models_dir, config, redis_url=redis.url, redis_down=down) as up:
        secret, key_id = up.new_key("app", **LIMITED)
        free, _ = up.new_key("without limits")
        assert up.chat("good", key=secret).status == 200
        up.entries(key_id, 1)
        assert up.metric("pilothouse_redis_down") == 0

        redis.kill()
        _while_away(up, down, secret, free)
        assert up.metric("pilothouse_redis_down") == 1

        redis.start()
        until(lambda: up.metric("pilothouse_redis_down") == 0)
        back = until(lambda: answer if (answer := up.chat("good", key=secret)).status == 200 else None)
        assert back.headers["x-ratelimit-limit-requests"] == "1000"
        up.entries(key_id, 2 if down == "closed" else 3)
        budget = until(lambda: b if not (b := up.budget(key_id))["held_nano"] else None)
        assert budget["nano"] == COST * (2 if down == "closed" else 3)  # it learnt anew what the ledger knows
        assert up.metric("pilothouse_unchecked_calls_total") == (0 if down == "closed" else 1)


def _while_away(up: Up, down: str, secret: str, free: str) -> None:
    answer = up.chat("good", key=secret)
    if down == "open":
        assert answer.status == 200
    else:
        assert answer.status == 503
        assert answer.json["error"]["code"] == "overloaded"
        assert "PILOTHOUSE_REDIS_DOWN" in answer.json["error"]["message"]
    assert up.chat("good", key=free).status == 200  # nothing to check: not touched by it
    assert up.ask("GET", "/readyz").status == 200
    assert up.ask("GET", "/healthz").status == 200


def outcomes(up: Up, keys: dict[str, str]) -> dict[str, object]:
    """Each room that uses Redis, or could: what becomes of its calls."""
    first, second = up.chat("kept", key=keys["free"]), up.chat("kept", key=keys["free"])
    fresh, key_id = up.new_key("fresh")
    changed = up.chat("good", key=fresh).status
    up.post(f"/api/keys/{key_id}/revoke", {})
    return {
        "limits": up.chat("good", key=keys["limited"]).status,
        "budgets": up.chat("good", key=keys["budgeted"]).status,
        "cache": (first.status, second.status, second.headers.get("x-pilothouse-cache")),
        "a key is made, and revoked": (changed, up.chat("good", key=fresh).status),
    }


def shown(up: Up) -> tuple[bool, bool, float]:
    """Whether the probe and the console say that Redis is away, and the metric."""
    form = {"content_type": "application/x-www-form-urlencoded"}
    login = up.ask("POST", "/console/login", b"key=" + MASTER.encode(), **form)
    page = up.ask("GET", "/console/traces", cookie=login.headers["set-cookie"].split(";")[0]).raw.decode()
    said = up.ask("GET", "/readyz").raw.decode()
    return "Redis is away" in said, "Redis is away" in page, up.metric("pilothouse_redis_down")


@pytest.mark.parametrize("down", ["closed", "open"])
def test_what_each_room_does_while_redis_is_away(
    down: str, redis: Redis, upstream: tuple[RawUpstream, str], tmp_path: Path, models_dir: Path
) -> None:
    config = configuration(upstream[1], cache={"store": "redis"})
    config["models"]["kept"] = {**config["models"]["good"], "exact_cache": {}}
    with running(tmp_path / "home", models_dir, config, redis_url=redis.url, redis_down=down) as up:
        keys = {
            "free": up.new_key("free")[0],
            "limited": up.new_key("limited", limits={"requests_per_minute": 1000})[0],
            "budgeted": up.new_key("budgeted", budgets=[{"period": "total", "usd": 1}])[0],
        }
        there = {
            "limits": 200, "budgets": 200, "cache": (200, 200, "exact"), "a key is made, and revoked": (200, 401),
        }  # fmt: skip
        assert outcomes(up, keys) == there
        assert shown(up) == (False, False, 0)

        redis.kill()
        counted = 503 if down == "closed" else 200
        away = {**there, "limits": counted, "budgets": counted, "cache": (200, 200, None)}
        assert outcomes(up, keys) == away
        assert shown(up) == (True, True, 1)

        redis.start()
        until(lambda: up.metric("pilothouse_redis_down") == 0)
        until(lambda: up.chat("kept", key=keys["free"]).headers.get("x-pilothouse-cache") == "exact")
        assert outcomes(up, keys) == there
        assert shown(up) == (False, False, 0)
