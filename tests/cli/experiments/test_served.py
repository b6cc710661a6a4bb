"""Experiments at a server say the same as in its home, and what is wrong with the server or its key is said."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.experiments import experiments
from pilothouse.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    PilothouseError,
    ProviderUnavailable,
    Unauthenticated,
)
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings

from .test_experiments import FILE


def run(home: Path, *words: str, url: str = "", key: str = "") -> Result:
    """At the home, or at a server."""
    env = {"PILOTHOUSE_URL": url, "PILOTHOUSE_API_KEY": key} if url else {}
    context = Context(Settings(home=home), build)
    return CliRunner().invoke(experiments, words, obj=context, standalone_mode=False, env=env)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Embedded]:
    embedded = Embedded(Settings(home=tmp_path / "home"))
    yield embedded
    embedded.close()


def test_a_server_is_asked_as_the_home_is(server: Embedded, tmp_path: Path) -> None:
    ask, home, other = server.client.request, tmp_path / "home", tmp_path / "other"
    for number in (1, 2):
        ask("POST", "/api/prompts", {"name": "answer", "content": {"template": str(number)}})
    ask("PUT", "/api/prompts/answer/labels/production", {"version": 1})
    keys = {role: ask("POST", "/api/keys", {"name": role, "role": role})["secret"] for role in ("editor", "viewer")}
    file = tmp_path / "shorter.yaml"
    file.write_text(FILE)

    def call(*words: str, key: str = keys["editor"]) -> Result:
        return run(other, *words, url=server.address, key=key)

    def both(*words: str, key: str = keys["editor"]) -> str:
        there, here = call(*words, key=key), run(home, *words)
        assert there.stderr == f"Server: {server.address}\n"
        assert (there.stdout, there.exception) == (here.stdout, None)
        return there.stdout

    def refused(error: type[PilothouseError], *words: str, key: str = keys["editor"]) -> str:
        failed = call(*words, key=key).exception
        assert isinstance(failed, error), failed
        return failed.message

    assert call("create", str(file)).stdout.endswith(": draft.\n")
    refused(Forbidden, "start", "shorter", key=keys["viewer"])
    assert call("start", "shorter").stdout == (
        "shorter: splits prompt:answer#production by user: control 90, v2 10.\n"
    )  # fmt: skip
    assert "too few" in call("show", "shorter", "--now").stdout
    assert "too few" in both("show", "shorter", key=keys["viewer"])
    told = json.loads(both("show", "shorter", "--json"))
    assert (told["versions"], told["look"]["mismatch"]) == ({"control": 1, "v2": 2}, 1.0)
    assert "shorter" in both("list", "--status", "running")
    assert both("list", "--status", "draft", "--json") == "[]\n"

    refused(Conflict, "create", str(file))
    refused(InvalidRequest, "start", "shorter", "--force")
    assert "no arm 'v9'" in refused(NotFound, "decide", "shorter", "v9")
    for name in ("none", "..", "a/b", ""):
        message = refused(NotFound, "show", name)
        assert message == f"There is no experiment '{name}' in this project."
        failed = run(home, "show", name).exception
        assert isinstance(failed, NotFound)
        assert failed.message == message
    refused(Unauthenticated, "list", key="wrong")
    decided = call("decide", "shorter", "v2", "--reason", "it reads better")
    assert decided.stdout == "shorter: v2. The label 'production' was moved to version 2.\n"
    file.write_text(FILE.replace("name: shorter", "name: again"))
    assert json.loads(call("create", str(file), "--start", "--json").stdout)["status"] == "running"
    assert json.loads(call("stop", "again", "--json").stdout)["outcome"]["kind"] == "stopped"
    assert not other.exists()


@pytest.mark.parametrize(
    "words",
    [("list",), ("show", "a", "--now"), ("start", "a"), ("stop", "a"), ("decide", "a", "b")],
    ids=lambda w: w[0],
)
def test_a_server_that_is_away_is_named_without_its_password(tmp_path: Path, words: Any) -> None:
    told = run(tmp_path / "home", *words, url="http://ann:secret@127.0.0.1:1")
    assert isinstance(told.exception, ProviderUnavailable)
    assert told.exception.message.startswith("http://127.0.0.1:1/api/experiments")
    assert "secret" not in told.stderr + str(told.exception)
    assert not (tmp_path / "home").exists()
