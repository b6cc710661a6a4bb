"""`pilothouse up --workers`: processes that share a port, a limit and their end."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .conftest import configuration
from .raw import RawUpstream
from .running import Up, running, until
from .stores import killable_redis


def processes(up: Up) -> set[int]:
    """Who answers, each asked over a connection of its own."""
    return {int(up.get("/api/health")["process"].rsplit("/", 1)[1]) for _ in range(24)}


def is_gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not spread connections among processes")
def test_workers_share_a_port_and_a_limit_and_end_with_their_parent(
    tmp_path: Path, models_dir: Path, upstream: tuple[RawUpstream, str]
) -> None:
    with killable_redis() as redis:
        config = configuration(upstream[1])
        with running(
            tmp_path / "home", models_dir, config, ["--workers", "2"], redis_url=redis.url, shutdown_grace="5"
        ) as up:
            secret, _ = up.new_key("app", limits={"requests_per_minute": 10})
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: up.chat("good", key=secret).status, range(24)))
            assert sorted(answers) == [200] * 10 + [429] * 14
            workers = until(lambda: found if len(found := processes(up)) == 2 else None)
            up.process.kill()
            until(lambda: all(map(is_gone, workers)))
