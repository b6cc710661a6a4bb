"""Two servers and the command line on one database: what one changes, the others see."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pilothouse.settings import Settings

MASTER = "ph-of-the-servers"
PATIENCE = 2000  # asks; under Postgres a notice takes about a millisecond


class Installation:
    """Processes on one home, and what they say."""

    def __init__(self, settings: Settings, models: Path) -> None:
        self._home = settings.home
        self._env = {**os.environ, "PILOTHOUSE_MASTER_KEY": MASTER, "PILOTHOUSE_MODELS": str(models)}
        self._env |= {"PILOTHOUSE_DATABASE_URL": settings.database_url} if settings.database_url else {}
        self._env["PYTHONUNBUFFERED"] = "1"

    @contextmanager
    def server(self) -> Iterator[str]:
        """The address of a server while it runs."""
        with subprocess.Popen(self._command("up", "--port", "0"), stdout=subprocess.PIPE, **self._given()) as process:
            assert process.stdout is not None
            yield process.stdout.readline().rsplit(" ", 1)[-1].strip()
            process.terminate()
            process.communicate(timeout=60)
        assert process.returncode == 0

    def cli(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        done = subprocess.run(self._command(*arguments, "--json"), check=True, capture_output=True, **self._given())
        return json.loads(done.stdout)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pilothouse", "--home", str(self._home), *arguments]

    def _given(self) -> dict[str, object]:
        return {"env": self._env, "cwd": self._home.parent, "text": True}


@pytest.fixture
def installation(settings: Settings, models_dir: Path) -> Installation:
    return Installation(settings, models_dir)


def ask(address: str, path: str, secret: str, body: dict[str, object] | None = None) -> int:
    """The status of an answer."""
    request = urllib.request.Request(
        address + path, None if body is None else json.dumps(body).encode(), {"authorization": f"Bearer {secret}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def until(wanted: int, address: str, path: str, secret: str, asks: int) -> bool:
    return any(ask(address, path, secret) == wanted for _ in range(asks))


def test_a_key_made_by_a_command_and_revoked_at_one_server(installation: Installation, settings: Settings) -> None:
    asks = PATIENCE if settings.database_url else 1  # under SQLite the very next request
    with ExitStack() as stack:
        first, second = (stack.enter_context(installation.server()) for _ in range(2))
        made = installation.cli("keys", "create", "app", "--model", "builtin/echo")
        secret, identifier = made["secret"], made["key"]["id"]
        for address in (first, second):
            assert until(200, address, "/v1/models", secret, asks)
        chat = {"messages": [{"role": "user", "content": "hello"}]}
        assert ask(first, "/v1/chat/completions", secret, {"model": "builtin/echo", **chat}) == 200
        assert ask(first, "/v1/chat/completions", secret, {"model": "builtin/extractive", **chat}) == 403
        assert ask(first, f"/api/keys/{identifier}/revoke", secret, {}) == 403
        assert ask(first, f"/api/keys/{identifier}/revoke", MASTER, {}) == 200
        assert ask(first, "/v1/models", secret) == 401
        assert until(401, second, "/v1/models", secret, asks)
