"""Policies are listed, and a text is tried by those that are named or hold by default."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.guards import guards
from pilothouse.sdk import Embedded
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


def test_a_server_is_asked_where_one_is_named(context: Context) -> None:
    rule = json.dumps({"use": "words", "words": ["rival"], "action": "flag"})
    words = ["check", "a rival of acme", "--policy", "usual", "--guard", rule, "--json"]
    here = json.loads(CliRunner().invoke(guards, words, obj=context).stdout)
    with closing(Embedded(context.settings)) as served:
        env = {"PILOTHOUSE_URL": served.address, "PILOTHOUSE_API_KEY": served.key}
        there = json.loads(CliRunner().invoke(guards, words, obj=context, env=env).stdout)
    for told in (here, there):
        for one in told["results"]:
            one.pop("took_us")
    assert there == here
    assert (here["action"], len(here["results"])) == ("redact", 2)
    assert "no JSON" in str(CliRunner().invoke(guards, ["check", "x", "--guard", "{"], obj=context).exception)


def test_policies_are_listed_with_their_guards(context: Context) -> None:
    rows = json.loads(CliRunner().invoke(guards, ["list", "--json"], obj=context).output)
    assert [(row["policy"].split("@")[0], row["guard"], row["action"], row["looked"]) for row in rows] == [
        ("usual", "words", "redact", 0), ("strict", "rivals", "block", 0),
    ]  # fmt: skip
