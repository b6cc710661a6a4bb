"""`pilothouse prompts lint` and `usage` as commands: files, folders, names, exit codes, formats."""

import json
from pathlib import Path

from click import UsageError
from click.testing import CliRunner, Result

from pilothouse.access.audit import Actor
from pilothouse.cli.context import Context
from pilothouse.cli.prompts.lint import lint
from pilothouse.cli.prompts.usage import usage
from pilothouse.errors import ConfigError, NotFound
from pilothouse.ids import now_us
from pilothouse.prompts.content import content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import open_store, writing
from pilothouse.storage.tables import prompt_calls

FILE = """---
name: answer
type: chat
variables:
  question: {untrusted: true}
lint: {disable: [P105]}
---
=== system ===
Help the customers of our shop.

=== user ===
<question>{{ qestion }}</question>
"""


def run(home: Path, *arguments: str, given: str | None = None) -> Result:
    context = Context(Settings(home=home, config=home / "none.yaml"), lambda *_: None)  # type: ignore[arg-type, return-value]
    return CliRunner().invoke(lint, arguments, obj=context, standalone_mode=False, input=given)


def test_a_folder_its_places_and_exit_codes(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "a.md").write_text(FILE)
    (folder / "README.md").write_text("# No prompt")
    (folder / "b.mustache").write_text("{{! lint: disable }}\nSay hello.")
    done = run(tmp_path, str(folder), "--select", "p2,P105", "--output-format", "short")
    assert done.return_value == 1
    assert f"{folder}/a.md:12:11 (message 1): P201 [error] The variable 'qestion'" in done.output
    assert "P105" not in done.output
    assert done.output.endswith("Found 1 error, 1 warning in 2 prompts.\n")
    assert run(tmp_path, str(folder), "--ignore", "P2").return_value == 0
    assert run(tmp_path, str(folder), "--ignore", "P2", "--fail-on", "advice").return_value == 1
    (folder / "c.md").write_text("---\nname: c\nkind: no\n---\nx")
    (folder / "d.jinja").write_bytes(b"\xff\xfe")
    broken = run(tmp_path, str(folder), "--ignore", "P2", "--output-format", "short")
    assert broken.return_value == 1
    assert f"{folder}/d.jinja:1:1: P000 [error] is not UTF-8 text." in broken.output
    assert f"{folder}/c.md:3:1: P000 [error] kind: there is no such key" in broken.output
    counted = json.loads(run(tmp_path, str(folder), "--select", "P2", "--statistics", "--output-format", "json").output)
    assert [(one["code"], one["findings"]) for one in counted] == [("P000", 2), ("P201", 1), ("P202", 1)]


def test_annotations_are_one_line_each_and_escaped(tmp_path: Path) -> None:
    done = run(tmp_path, "-", "--select", "P304", "--output-format", "github",
               given="{{ question }}\nSay in one sentence what 100% of the customers in our shop want.")  # fmt: skip
    (line,) = done.output.splitlines()
    assert line.startswith("::warning file=-,line=1,col=1,title=P304 user-input-before-instructions::")
    assert "<question>%0A{{ question }}" in line


def test_names_of_the_registry_and_what_is_not_there(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    Prompts(store.control).create("default", "a/b", content_of({"template": "Say {name}."}), by=Actor("ana", "cli"))
    store.close()
    told = json.loads(run(tmp_path, "a/b", "--output-format", "json").output)
    assert told[0]["name"] == "a/b@1"
    for arguments, error, said in (
        (["a/c"], NotFound, "There is no file or folder 'a/c' either"),
        (["no.md"], ConfigError, "no such file"),
        (["a/b", "--max-cost", "nan"], UsageError, "no cost of a call"),
        (["a/b", "--select", "X"], UsageError, "'X' is the code of no rule"),
    ):
        failed = run(tmp_path, *arguments).exception
        assert isinstance(failed, error)
        assert said in str(failed)


def test_usage_is_a_table_by_version(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    prompts = Prompts(store.control)
    prompts.create("default", "a", content_of({"template": "x"}), by=Actor("ana", "cli"))
    row = {
        "project_id": "default", "span_id": "s", "trace_id": "t", "at_us": now_us(), "prompt": "a", "version": 1,
        "latency_us": 1500, "cached": 0, "error": 1, "refused": 0, "guarded": 0,
    }  # fmt: skip
    with writing(store.observe) as connection:
        connection.execute(prompt_calls.insert(), [row])

    class Platform:
        """What the command asks of one."""

        drainer = type("Drainer", (), {"flush": staticmethod(lambda: None)})
        prompts = type("Rooms", (), {"prompts": Prompts(store.control)})

        def __init__(self) -> None:
            self.store = store

        def __enter__(self) -> "Platform":
            return self

        def __exit__(self, *_: object) -> None: ...

    context = Context(Settings(home=tmp_path), lambda *_, **__: Platform())  # type: ignore[arg-type, return-value]
    done = CliRunner().invoke(usage, ["a"], obj=context, standalone_mode=False, catch_exceptions=False)
    store.close()
    header, line = done.output.splitlines()
    assert header.split() == ["version", "calls", "cost", "a", "call", "unpriced", "p50", "p95", "failed"]
    assert line.split() == ["1", "1", "unknown", "1", "1.5", "ms", "1.5", "ms", "100.0%"]
