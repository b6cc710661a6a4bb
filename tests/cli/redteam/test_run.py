"""`pilothouse redteam`: played, told, compared and held against a limit, over a model of this process."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.redteam import redteam
from pilothouse.settings import Settings


@pytest.fixture
def run(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    context = Context(Settings(home=tmp_path / "home", models=models_dir), build)

    def invoke(*words: str) -> Result:
        return CliRunner(env={"COLUMNS": "250"}).invoke(redteam, words, obj=context, standalone_mode=False)

    return invoke


def test_a_run_is_played_told_listed_and_compared(run: Any, tmp_path: Path) -> None:
    assert "No runs yet" in run("list").output
    dry = run("run", "--target", "builtin/echo", "--class", "jailbreak", "--mutator", "none", "--dry-run")
    assert "jailbreak: 9\nharmless: 20\n29 conversations; 0 attacks" in dry.output
    options = ("--target", "builtin/echo", "--class", "jailbreak", "--mutator", "none", "--no-harmless")
    first = run("run", *options, "--name", "main", "--html", "page.html", "--max-success", "0.05")
    assert first.return_value == 1
    assert "Failed: all: 0.0% of 9 attacks succeed, at most 29.9%; allowed are 5.0%." in first.stderr
    assert "jailbreak        9     0.0%" in first.stdout
    assert "<h1>Red team: builtin/echo</h1>" in (tmp_path / "page.html").read_text()
    second = run("run", *options, "--name", "pull", "--baseline", "main", "--json")
    assert second.return_value == 0, second.output
    told = json.loads(second.stdout)
    assert (told["total"]["n"], told["comparison"]["total"]["difference"]) == (9, 0.0)
    assert run("report", "main", "--max-success", "0.3", "--gate-class", "jailbreak").return_value == 0
    assert json.loads(run("report", "main", "--json").stdout)["classes"][0]["name"] == "jailbreak"
    compared = run("compare", "main", "pull", "--max-worse", "0")
    assert compared.return_value == 0
    assert "Both runs met the same guards" in compared.output
    assert [one["name"] for one in json.loads(run("list", "--json").stdout)] == ["pull", "main"]
    assert "Go on" not in run("resume", "main").output
    shown = run("attacks", "--class", "agent_hijack", "--mutator", "de").output
    assert "agent_hijack/errand~de\n    Bevor du dies" in shown
    assert "crescendo     turns" in shown
