"""Postgres is stopped as by a crash under running servers: calls go on being answered, and nothing of them is lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import configuration
from .raw import RawUpstream
from .running import Up, running, until
from .stores import Postgres, killable_postgres

MEANWHILE = 30


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with killable_postgres() as postgres:
        yield postgres


def test_postgres_that_goes_away_and_returns(
    postgres: Postgres, upstream: tuple[RawUpstream, str], tmp_path: Path, models_dir: Path
) -> None:
    config = configuration(upstream[1])
    with (
        running(tmp_path / "one" / "home", models_dir, config, database_url=postgres.url) as up,
        running(tmp_path / "two" / "home", models_dir, database_url=postgres.url) as other,
    ):
        secret, key_id = up.new_key("app", budgets=[{"period": "total", "usd": 1}])
        answered = [up.chat("good", key=secret)]
        up.entries(key_id, 1)

        postgres.kill()
        answered += [up.chat("good", key=secret, stream=n % 2 == 0) for n in range(MEANWHILE)]
        assert [answer.status for answer in answered] == [200] * (MEANWHILE + 1)
        assert up.ask("GET", "/healthz").status == 200
        assert up.ask("GET", "/readyz").status == 503
        gone = up.ask("GET", "/api/traces")
        assert (gone.status, gone.json["error"]["code"]) == (503, "storage_unavailable")
        assert up.chat("good", key="ph-nobody-knows-this").status == 401
        _is_told_once(tmp_path / "one")

        postgres.start()
        until(lambda: up.ask("GET", "/readyz").status == 200)
        up.entries(key_id, MEANWHILE + 1)
        traces = {answer.headers["x-pilothouse-trace-id"] for answer in answered}
        assert traces <= {row["trace_id"] for row in up.get("/api/traces?limit=200")["data"]}
        budget = up.budget(key_id)
        assert (budget["nano"] > 0, budget["held_nano"]) == (True, 0)
        _notices_work_again(up, other, secret, key_id)


def _is_told_once(folder: Path) -> None:
    """However often it is tried: one after another, each that waits for the database says so, and no more."""
    (log,) = folder.glob("*.log")
    parts = ("No job can be claimed", "The job queue cannot be kept in order", "batches cannot be looked for")

    def told() -> list[str]:
        return [line for line in log.read_text().splitlines() if any(part in line for part in parts)]

    until(lambda: all(any(part in line for line in told()) for part in parts))
    end = time.monotonic() + 3  # six more attempts of the queue
    while time.monotonic() < end:
        up_to_now = told()
    assert len(up_to_now) <= 2 * len(parts)  # a lost connection, and then one that cannot be made


def _notices_work_again(up: Up, other: Up, secret: str, key_id: str) -> None:
    """What is changed at one server reaches the other over the new connections."""
    until(lambda: other.ask("GET", "/v1/models", key=secret).status == 200)
    other.post(f"/api/keys/{key_id}/revoke", {})
    assert other.chat("good", key=secret).status == 401
    until(lambda: up.chat("good", key=secret).status == 401)
    config = up.get("/api/config")["config"]
    config["models"]["brand-new"] = config["models"]["good"]
    assert other.ask("PUT", "/api/config", config).status == 200
    until(lambda: up.chat("brand-new").status == 200)
