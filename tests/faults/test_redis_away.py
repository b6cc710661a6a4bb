"""Redis is killed under a running server and comes back empty: closed refuses meanwhile, open serves unchecked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import INPUT, OUTPUT, configuration
from .raw import RawUpstream
from .running import Up, running, until
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
