"""The commands of `pilothouse prompts`, one after the other in one home."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pilothouse.cli.context import Context
from pilothouse.cli.prompts import SUBCOMMANDS, prompts
from pilothouse.errors import ConfigError, Conflict, InvalidRequest, NotFound, PromotionRefused
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from tests.cli.prompts.serving import serve

Call = Callable[..., Result]
FILE = """---
model: gpt-5-mini
variables:
  question:
    untrusted: true
---
=== system ===
Be brief.

=== user ===
{{ question }}
"""


class Guarded:
    """What commands need of the platform; `guard` says what protects labels."""

    def __init__(self, home: Path) -> None:
        self.store = open_store(Settings(home=home))
        self.registry = Prompts(self.store.control)
        self.opened = 0

    @property
    def prompts(self) -> Any:
        return type("Rooms", (), {"prompts": self.registry})

    def __enter__(self) -> "Guarded":
        self.opened += 1
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def platform(tmp_path: Path) -> Any:
    made = Guarded(tmp_path / "home")
    yield made
    made.store.close()


@pytest.fixture
def call(tmp_path: Path, platform: Guarded) -> Call:
    """Runs a command; an error comes as it is."""

    def called(*words: str, given: str | bytes = "") -> Result:
        context = Context(Settings(home=tmp_path / "home"), lambda settings, serving=True: platform)
        done = CliRunner().invoke(prompts, [*words], obj=context, input=given, catch_exceptions=False)
        assert done.exit_code in (0, 2), done.output
        return done

    return called


@pytest.fixture(params=["home", "server"])
def either(
    request: pytest.FixtureRequest, call: Call, platform: Guarded, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Call]:  # fmt: skip
    """The same, in the home and at a server: what is printed is the same."""
    if request.param == "server":
        serve(monkeypatch, platform.store, platform.registry)
        monkeypatch.setenv("PILOTHOUSE_URL", "http://ann:secret@here")
    yield call
    if request.param == "server":
        assert platform.opened == 0
        assert "Registry: http://here\n" in call("list").stderr
        for words in (
            ("list", "--search", "\udcff"),
            ("approve", "\udcff"),
            ("rollback", "faq/answer", "-m", "\udcff"),
        ):
            with pytest.raises(InvalidRequest, match="is not UTF-8 text"):
                call(*words)


def test_a_prompt_on_the_command_line(either: Call, tmp_path: Path, platform: Guarded) -> None:
    assert "No prompts. Make one" in either("list").stdout
    made = either("create", "faq/answer", "-m", "first", given="Answer {{ question }}\n").stdout
    assert made.startswith("Created faq/answer@1 (latest).")
    file = tmp_path / "answer.md"
    file.write_text(FILE)
    assert "faq/answer@2 (staging, latest)" in either("create", "faq/answer", str(file), "--label", "staging").stdout
    assert "Nothing is new: faq/answer@2" in either("create", "faq/answer", str(file), "--parent", "2").stdout
    assert "Which version?" in either("promote", "faq/answer").stderr
    assert either("promote", "faq/answer@1").stdout == "production of faq/answer points to 1.\n"
    told = either("promote", "faq/answer#latest", "-m", "shorter", "--expected", "1").stdout
    assert told == "production of faq/answer points to 2, before to 1.\n"
    assert (
        either("rollback", "faq/answer", "-m", "worse").stdout == "production of faq/answer points to 1, before to 2.\n"
    )
    with pytest.raises(Conflict, match="pointed to nothing before"):
        either("rollback", "faq/answer")
    history = either("history", "faq/answer", "--label", "production").stdout.splitlines()
    assert [line.split()[3] for line in history[1:]] == ["1", "2", "1"]
    assert "staging 2" in either("list", "--folder", "faq/").stdout
    shown = either("show", "faq/answer").stdout
    assert "labels       staging, latest" in shown
    assert shown.rstrip().endswith(FILE.split("---\n")[2].rstrip())
    assert "Answer {{ question }}" in either("show", "faq/answer#production").stdout
    assert either("label", "faq/answer@1", "staging").stdout.endswith("points to 1, before to 2.\n")
    assert "it pointed to 1" in either("label", "faq/answer", "staging", "--remove").stdout
    assert [line.split()[0] for line in either("label", "faq/answer").stdout.splitlines()] == [
        "label",
        "production",
        "latest",
    ]
    assert "tags: faq" in either("describe", "faq/answer", "--tag", "faq").stdout
    with pytest.raises(Conflict, match="in use"):
        either("archive", "faq/answer")
    assert len(either("versions", "faq/answer").stdout.splitlines()) == 3


def test_json_has_all_of_it(either: Call) -> None:
    def told(*words: str, given: str = "") -> Any:
        return json.loads(either(*words, "--json", given=given).stdout)

    made = told("create", "a", given="x")
    assert (made["version"], made["new"], made["labels"]) == (1, True, ["latest"])
    assert told("create", "a", given="x")["new"] is False
    assert told("promote", "a@1")["kind"] == "promote"
    assert told("label", "a")[0]["label"] == "production"
    assert told("show", "a")["content"]["template"] == "x"
    assert told("versions", "a")[0]["version"] == 1
    assert told("history", "a")[0]["reason"] == ""
    assert told("list")[0]["labels"] == {"production": 1, "latest": 1}
    assert told("requests") == []
    told("label", "a", "production", "--remove")
    assert told("archive", "a")["archived_us"] > 0
    assert told("archive", "a", "--restore")["archived_us"] is None
    assert told("describe", "a", "--description", "d")["description"] == "d"


def test_protected_labels_are_asked_about(call: Call, platform: Guarded) -> None:
    class Guard:
        def check(self, *asked: Any) -> list[str]:
            return ["Evaluate it."] if asked[2] == 1 else []

        def approvals(self, *asked: Any) -> int:
            return 1

    call("create", "a", given="one")
    call("create", "a", given="two")
    assert platform.opened == 0
    platform.registry.guard = Guard()
    with pytest.raises(PromotionRefused, match="Evaluate it"):
        call("promote", "a@1")
    waits = call("promote", "a@2").output
    assert "waits for a second person: pilothouse prompts approve " in waits
    assert call("requests").output.splitlines()[1].split()[1:5] == ["a", "production", "2", "pending"]
    request = waits.split()[-1]
    with pytest.raises(Exception, match="another person"):
        call("approve", request)
    assert "Rejected: a@2" in call("reject", request, "-m", "no").output
    assert "Nothing waits." in call("requests").output
    assert platform.opened == 3  # the reading commands, and a rollback, need no configuration


def test_what_is_odd_is_told(call: Call, tmp_path: Path) -> None:
    assert "does not exist" in call("create", "a", str(tmp_path / "no.md")).output
    for given, why in ((b"\xff\xfe", "the input: is not UTF-8"), (b"a\0b", "NUL")):
        with pytest.raises(InvalidRequest, match=why):
            call("create", "a", given=given)
    with pytest.raises(InvalidRequest, match="names the prompt 'b', and the command 'a'"):
        call("create", "a", given="---\nname: b\n---\nx\n")
    with pytest.raises(ConfigError, match="the input:2"):
        call("create", "a", given="---\nodd: b\n---\nx\n")
    content = tmp_path / "a.json"
    content.write_text('{"template": "{{x}}", "config": {"a": "\\u001b[31m"}}')
    call("create", "a", str(content), "--syntax", "mustache")
    assert "\x1b" not in call("show", "a").output
    content.write_text("[")
    with pytest.raises(InvalidRequest, match="not valid JSON"):
        call("create", "a", str(content))
    for words in (("show", "b"), ("versions", "b"), ("history", "b"), ("label", "b"), ("approve", "x")):
        with pytest.raises(NotFound):
            call(*words)


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_each_command_has_its_help(name: str) -> None:
    command = prompts.get_command(click.Context(prompts), name)
    assert command is not None
    assert command.get_short_help_str()
