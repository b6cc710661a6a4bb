"""Two hosts on one Postgres and one Redis, and one of them is killed: the other goes on. In the end the counters are
what the ledger says, whether or not the killed one could still tell them."""

from pathlib import Path

from .conftest import INPUT, OUTPUT, configuration
from .raw import RawUpstream
from .running import Up, chat_body, running, until
from .stores import Redis, killable_redis

COST = 1000 * INPUT + 500 * OUTPUT
MAX_TOKENS = 1000


def test_a_host_that_is_killed_and_comes_back(
    upstream: tuple[RawUpstream, str], postgres_url: str, tmp_path: Path, models_dir: Path
) -> None:
    raw, config = upstream[0], configuration(upstream[1])
    with killable_redis() as redis:
        stores = {"database_url": postgres_url, "redis_url": redis.url}
        with running(tmp_path / "two" / "home", models_dir, config, **stores) as other:
            with running(tmp_path / "one" / "home", models_dir, **stores) as killed:
                secret, key_id = other.new_key("app", budgets=[{"period": "total", "usd": 1}], limits={"parallel": 9})
                until(lambda: killed.chat("good", key=secret).status == 200)
                assert other.chat("good", key=secret).status == 200
                entries = other.entries(key_id, 2)
                until(lambda: not other.budget(key_id)["held_nano"])
                waiting = killed.connect()
                body = chat_body("hang-patient", max_tokens=MAX_TOKENS)
                killed.begin(waiting, "POST", "/v1/chat/completions", body, key=secret)
                assert raw.arrived("hang-patient")
                killed.process.kill()
                waiting.close()
            assert other.chat("good", key=secret).status == 200
            other.entries(key_id, 3)
            assert other.budget(key_id)["held_nano"] > MAX_TOKENS * OUTPUT
            _hold_what_is_entered(redis, key_id, entries[0]["id"])
            with running(tmp_path / "one" / "home", models_dir, **stores) as back:
                assert back.chat("good", key=secret).status == 200
                _at_rest(back, other, key_id)


def _hold_what_is_entered(redis: Redis, key_id: str, charge: str) -> None:
    """As if the host had been killed in the instant between its entry into the ledger and its word to Redis."""
    import redis as client

    fund = f"ph:f:key:{key_id}|total"
    with client.Redis(unix_socket_path=redis.url.removeprefix("unix://")) as connection:
        connection.hset(fund, f"h:{charge}", f"{COST} 1500")
        connection.hincrby(fund, "hn", COST)
        connection.hincrby(fund, "ht", 1500)
        connection.zadd(f"{fund}:x", {charge: 2e12})


def _at_rest(back: Up, other: Up, key_id: str) -> None:
    entries = other.entries(key_id, 5)
    assert sorted(entry["kind"] for entry in entries) == ["call"] * 4 + ["orphan"]
    for up in (back, other):
        budget = until(lambda up=up: b if not (b := up.budget(key_id))["held_nano"] else None)
        assert budget["nano"] == sum(entry["nano"] for entry in entries) > 4 * COST
        assert budget["held_tokens"] == 0
    assert other.post("/api/ledger/rebuild", {})["corrected"] == 0
