"""`prompts pull`, `push` and `diff`: over the registry of a home and over a server's, with git beside."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pilothouse.access import Actor
from pilothouse.cli.context import Context
from pilothouse.cli.prompts import prompts as commands
from pilothouse.prompts.content import Content
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from tests.cli.prompts.serving import serve

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

    serve(monkeypatch, store, registry)
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
    assert call("pull").stdout.splitlines() == [
        "new        Hello version 1 is written.", "new        support/answer version 1 is written.",
    ]  # fmt: skip
    assert call("pull").stdout == "2 unchanged.\n"
    answer = folder / "support" / "answer.prompt.md"
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")

    edit(answer, "Two\n", "Two, edited\n")
    shown = call("diff")
    assert (shown.return_value, "-Two\n+Two, edited\n" in shown.stdout) == (0, True)
    assert "edited     support/answer was edited since version 1." in call("push", "--dry-run").stdout
    git(folder, "commit", "-qam", "two")

    # As a job on the main branch does it: what it notes in the files is thrown away.
    pushed = call("push", "--label", "staging", "-m", "second", "--json")
    steps = {step["name"]: step for step in json.loads(pushed.stdout)}
    assert (steps["support/answer"]["kind"], steps["support/answer"]["version"]) == ("updated", 2)
    assert registry.get(P, "support/answer", label="staging").message == "second"
    assert registry.get(P, "Hello", label="staging").number == 1
    git(folder, "checkout", "-q", ".")

    edit(answer, "Two, edited\n", "Two, again\n")
    assert call("push", "support/answer").stdout == "updated    support/answer is now version 3.\n"
    assert registry.newest(P, "support/answer").content.template == "One\nTwo, again\n"

    git(folder, "checkout", "-q", ".")
    registry.create(P, "support/answer", Content(template="One\nTheirs\n"), by=BY)
    edit(answer, "Two, edited\n", "Mine\n")
    before = answer.read_bytes()
    for command in ("push", "pull", "diff"):
        conflict = call(command, "support/answer")
        assert conflict.return_value == 1
        assert "conflict   support/answer was edited since version 1, and the registry has version 4" in conflict.stdout
        assert all(line in conflict.stdout for line in ("-Two\n+Theirs\n", "-Two\n+Mine\n"))
    assert answer.read_bytes() == before
    assert registry.newest(P, "support/answer").number == 4
    assert call("push", "support/answer", "--force").stdout == "updated    support/answer is now version 5.\n"

    (folder / "bad.prompt.md").write_text("---\nname: bad\ntyp: text\n---\n")
    (folder / "refused.prompt.md").write_text("---\nname: refused\n---\n{% include 'none' %}\n")
    (folder / "Hello.prompt.md").unlink()
    failed = call("push")
    assert failed.return_value == 1
    assert "bad.prompt.md:3: typ: there is no such key" in failed.stdout
    assert "refused    refused" in failed.stdout
    assert "absent     Hello is in the registry and has no file here; it stays there." in failed.stdout
    assert call("pull", "nowhere").return_value == 1
