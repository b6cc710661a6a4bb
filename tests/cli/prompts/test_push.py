"""`prompts pull`, `push` and `diff`: over the registry of a home and over a server's, with git beside."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient

from pilothouse import client as clients
from pilothouse.access import Actor, Keys
from pilothouse.access.shapes import KeySettings
from pilothouse.api import prompts as api
from pilothouse.api.management import management
from pilothouse.cli.context import Context
from pilothouse.cli.prompts import prompts as commands
from pilothouse.prompts.content import Content
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store

Call = Callable[..., Result]
P, BY = "default", Actor("ann", "test")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path / "home"))
    yield store
    store.close()


@pytest.fixture
def registry(store: Store) -> Prompts:
    made = Prompts(store.control)
    made.create(P, "support/answer", Content(template="One\nTwo\n"), by=BY, labels=["production"])
    made.create(P, "Hello", Content(template=[{"role": "user", "content": "Hi {{ name }}"}]), by=BY)  # type: ignore[list-item]
    return made


@pytest.fixture(params=["home", "server"])
def call(
    request: pytest.FixtureRequest, store: Store, registry: Prompts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    settings = Settings(home=tmp_path / "home")

    class Platform:
        prompts = type("Rooms", (), {"prompts": registry})

        def __enter__(self) -> "Platform":
            return self

        def __exit__(self, *_: object) -> None: ...

    class Served(clients.Client):
        """The client of a server which is this one."""

        def __init__(self, url: str, key: str | None) -> None:
            super().__init__(url, key)
            keys = Keys(store.control)
            secret, _ = keys.create("ci", "editor", KeySettings(project_id=P))
            app = management([api.routes(registry)], keys, 1_000_000)
            self._test = TestClient(app, headers={"authorization": f"Bearer {secret}"})

        def request(self, method: str, path: str, body: Any = None, *, timeout: float | None = None) -> Any:
            answer = self._test.request(method, path, json=body)
            if answer.status_code >= 400:
                raise clients._error(answer.status_code, answer.json())
            return answer.json()

    monkeypatch.setattr(clients, "Client", Served)
    context = Context(settings, lambda *_, **__: Platform())  # type: ignore[arg-type, return-value]
    where = [] if request.param == "home" else ["--url", "http://here"]

    def run(command: str, *arguments: str) -> Result:
        given = [command, str(tmp_path / "prompts"), *arguments, *where]
        result = CliRunner().invoke(commands, given, obj=context, standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        return result

    return run


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def test_prompts_go_to_git_and_come_back(call: Call, registry: Prompts, tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    assert call("pull").output.splitlines() == [
        "new        Hello version 1 is written.", "new        support/answer version 1 is written.",
    ]  # fmt: skip
    assert call("pull").output == "2 unchanged.\n"
    answer = folder / "support" / "answer.prompt.md"
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")

    edit(answer, "Two\n", "Two, edited\n")
    shown = call("diff")
    assert (shown.return_value, "-Two\n+Two, edited\n" in shown.output) == (0, True)
    assert "edited     support/answer was edited since version 1." in call("push", "--dry-run").output
    git(folder, "commit", "-qam", "two")

    # As a job on the main branch does it: what it notes in the files is thrown away.
    pushed = call("push", "--label", "staging", "-m", "second", "--json")
    steps = {step["name"]: step for step in json.loads(pushed.output)}
    assert (steps["support/answer"]["kind"], steps["support/answer"]["version"]) == ("updated", 2)
    assert registry.get(P, "support/answer", label="staging").message == "second"
    assert registry.get(P, "Hello", label="staging").number == 1
    git(folder, "checkout", "-q", ".")

    edit(answer, "Two, edited\n", "Two, again\n")
    assert call("push", "support/answer").output == "updated    support/answer is now version 3.\n"
    assert registry.newest(P, "support/answer").content.template == "One\nTwo, again\n"

    git(folder, "checkout", "-q", ".")
    registry.create(P, "support/answer", Content(template="One\nTheirs\n"), by=BY)
    edit(answer, "Two, edited\n", "Mine\n")
    before = answer.read_bytes()
    for command in ("push", "pull", "diff"):
        conflict = call(command, "support/answer")
        assert conflict.return_value == 1
        assert "conflict   support/answer was edited since version 1, and the registry has version 4" in conflict.output
        assert all(line in conflict.output for line in ("-Two\n+Theirs\n", "-Two\n+Mine\n"))
    assert answer.read_bytes() == before
    assert registry.newest(P, "support/answer").number == 4
    assert call("push", "support/answer", "--force").output == "updated    support/answer is now version 5.\n"

    (folder / "bad.prompt.md").write_text("---\nname: bad\ntyp: text\n---\n")
    (folder / "refused.prompt.md").write_text("---\nname: refused\n---\n{% include 'none' %}\n")
    (folder / "Hello.prompt.md").unlink()
    failed = call("push")
    assert failed.return_value == 1
    assert "bad.prompt.md:3: typ: there is no such key" in failed.output
    assert "refused    refused" in failed.output
    assert "absent     Hello is in the registry and has no file here; it stays there." in failed.output
    assert call("pull", "nowhere").return_value == 1
