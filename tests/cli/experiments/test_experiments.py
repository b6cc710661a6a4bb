"""`pilothouse experiments` from a file to its end, in one home."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pilothouse.access.audit import Actor
from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.experiments import experiments
from pilothouse.errors import ConfigError, Conflict, InvalidRequest
from pilothouse.prompts.content import content_of
from pilothouse.settings import Settings

FILE = """name: shorter
target: {prompt: answer}
arms:
  - {name: control, weight: 90}
  - {name: v2, version: 2, weight: 10}
primary: score:quality
minimum_effect: 0.05
guardrails:
  - {metric: cost, worse_by: 10%}
"""


def run(home: Path, *arguments: str) -> Result:
    context = Context(Settings(home=home, config=home / "none.yaml"), build)
    return CliRunner().invoke(experiments, arguments, obj=context, standalone_mode=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shorter.yaml").write_text(FILE)
    (tmp_path / "none.yaml").write_text("{}")
    return tmp_path


def test_from_a_file_to_the_end(home: Path) -> None:
    with build(Settings(home=home, config=home / "none.yaml"), serving=False) as platform:
        for number in (1, 2):
            content = content_of({"template": str(number)})
            labels = ["production"] if number == 1 else []
            platform.prompts.prompts.create("default", "answer", content, by=Actor("a", "cli"), labels=labels)
    created = run(home, "create", str(home / "shorter.yaml"))
    assert created.output.endswith(": draft.\n")
    assert (
        run(home, "start", "shorter").output == "shorter: splits prompt:answer#production by user: control 90, v2 10.\n"
    )
    shown = run(home, "show", "shorter", "--now").output
    assert "running, prompt:answer#production, by user, layer default" in shown
    assert "too few" in shown
    told = json.loads(run(home, "show", "shorter", "--json").output)
    assert [one["metric"] for one in told["look"]["compared"]] == ["score:quality", "cost"]
    assert isinstance(run(home, "create", str(home / "shorter.yaml")).exception, Conflict)
    decided = run(home, "decide", "shorter", "v2", "--reason", "it reads better")
    assert decided.output == "shorter: v2. The label 'production' was moved to version 2.\n"
    assert isinstance(run(home, "stop", "shorter").exception, Conflict)
    assert "chosen: v2" in run(home, "list").output
    assert json.loads(run(home, "list", "--status", "draft", "--json").output) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FILE.replace("weight: 90", "wieght: 90"), r":4: arms\.0\.wieght: unknown key\."),
        (FILE.replace("score:quality", "clicks"), r":6: primary: there is no metric 'clicks'"),
        (FILE.replace("{prompt: answer}", "{prompt: answer, label: latest}"), r":2: target\.label: 'latest' is the"),
        ("- a", "is no design"),
        ("name: [", "not valid YAML"),
        ("a: &a [*a]", "shorter.yaml"),
        ("", "is no design"),
        ("name: x", r":1: target: is missing\.\n"),
    ],
    ids=["key", "metric", "label", "list", "yaml", "endless", "empty", "missing"],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(home: Path, text: str, says: str) -> None:
    (home / "shorter.yaml").write_text(text)
    failed = run(home, "plan", str(home / "shorter.yaml"), "--base", "0.5").exception
    assert isinstance(failed, ConfigError)
    with pytest.raises(ConfigError, match=says):
        raise failed


def test_a_plan_needs_no_platform(home: Path) -> None:
    file = str(home / "shorter.yaml")
    told = json.loads(run(home, "plan", file, "--base", "0.6", "--json").output)
    assert told["fixed"] < told["needed"]
    assert "units in all, looked at once" in run(home, "plan", file, "--base", "3", "--sd", "1").output
    assert isinstance(run(home, "plan", file, "--base", "3").exception, click.UsageError)
    assert isinstance(run(home, "plan", file, "--base", "nan", "--sd", "1").exception, click.UsageError)
    (home / "none.yaml").write_text(FILE.replace("minimum_effect: 0.05\n", ""))
    assert isinstance(run(home, "plan", str(home / "none.yaml"), "--base", "0.6").exception, InvalidRequest)
    assert isinstance(run(home, "plan", str(home / "missing"), "--base", "0.6").exception, ConfigError)
