"""Policies are listed, and a text is tried by those that are named or hold by default."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.guards import guards
from pilothouse.settings import Settings

CONFIG = """
guards:
  default: [usual]
  policies:
    usual: {input: [{use: words, words: [acme], action: redact}]}
    strict: {input: [{use: words, words: [acme], name: rivals, action: block}]}
"""


@pytest.fixture
def context(tmp_path: Path, models_dir: Path) -> Context:
    config = tmp_path / "pilothouse.yaml"
    config.write_text(CONFIG)
    return Context(Settings(home=tmp_path / "home", config=config, models=models_dir), build)


def test_a_text_is_tried_and_the_code_tells_whether_it_is_stopped(context: Context) -> None:
    run = CliRunner()
    told = run.invoke(guards, ["check", "Ask acme"], obj=context)
    assert (told.exit_code, told.output.splitlines()[-1]) == (0, "To do: redact. It goes on as: Ask [blocked]")
    stopped = run.invoke(guards, ["check", "-", "--policy", "strict", "--json"], obj=context, input="Ask acme")
    found = json.loads(stopped.output)
    assert (stopped.exit_code, found["action"], found["results"][0]["guard"]) == (1, "block", "rivals")
    assert run.invoke(guards, ["check", "Ask", "--as", "output"], obj=context).exit_code == 0
    wrong = run.invoke(guards, ["check", "Ask", "--policy", "none"], obj=context)
    assert "There is no guard policy 'none'" in f"{wrong.output}{wrong.exception}"


def test_policies_are_listed_with_their_guards(context: Context) -> None:
    rows = json.loads(CliRunner().invoke(guards, ["list", "--json"], obj=context).output)
    assert [(row["policy"].split("@")[0], row["guard"], row["action"], row["looked"]) for row in rows] == [
        ("usual", "words", "redact", 0), ("strict", "rivals", "block", 0),
    ]  # fmt: skip
