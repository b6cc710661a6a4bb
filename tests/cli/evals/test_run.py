"""`pilothouse evals run` and what goes with it, over a model of this process: in one process, without a subprocess."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.evals import evals
from pilothouse.settings import Settings

SUITE: dict[str, Any] = {
    "suite": "echoes", "data": "cases.jsonl", "task": {"model": "builtin/echo"}, "evaluators": ["exact"],
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"c{i}", "input": f"q{i}", "expected": f"q{i % 2}"} for i in range(4)]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "s.yaml").write_text(json.dumps(SUITE))
    context = Context(Settings(home=tmp_path / "home", models=models_dir), build)

    def invoke(*words: str) -> Result:
        return CliRunner(env={"COLUMNS": "250"}).invoke(evals, words, obj=context, standalone_mode=False)

    return invoke


def test_a_suite_is_run_shown_listed_and_deleted(run: Any, tmp_path: Path) -> None:
    dry = json.loads(run("run", "s.yaml", "--dry-run", "--json").output)
    assert (dry["outcomes"], dry["usd"], dry["parts"][0]["calls"]) == (4, 0, 4)
    assert "No runs yet" in run("list").output
    options = ("--name", "main", "--metadata", "team=x", "--markdown", "r.md", "--junit", "r.xml")
    first = run("run", "s.yaml", *options, "--fail-on", "exact < 0.4")
    assert first.return_value == 0, first.output
    assert "exact" in first.output
    assert "Paid: $0.0000." in first.output
    assert "0.500" in (tmp_path / "r.md").read_text()
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")
    second = run("run", "s.yaml", "--baseline", "main", "--fail-on", "exact < 0.9", "--limit", "3", "--json")
    assert second.return_value == 1
    told = json.loads(second.stdout)
    assert (told["status"], told["cases"], told["baseline_id"] is not None) == ("done", 3, True)
    assert told["report"]["summary"]["cached"] == 3
    listed = json.loads(run("list", "--json").output)
    assert [(one["name"], one["metadata"].get("team")) for one in listed] == [("echoes", None), ("main", "x")]
    assert "exact 0.500" in run("list", "--name", "main").output
    assert run("show", "main").output.startswith("main (")
    failing = run("show", "main", "--failing")
    assert ("c2" in failing.output, "c0" in failing.output) == (True, False)
    assert [line.split()[:2] for line in failing.output.splitlines()[1:2]] == [["c2", "1"]]
    page = json.loads(run("show", "main", "--cases", "--limit", "1", "--json").output)
    assert (page["outcomes"][0]["case"]["id"], page["outcomes"][0]["trial"], page["next"]) == ("c0", 0, "0:c0")
    assert "--after 0:c0" in run("show", "main", "--cases", "--limit", "1").stderr
    assert "Deleted" in run("delete", "main", "--yes").output
    assert len(json.loads(run("list", "--json").output)) == 1


def test_what_is_wrong_is_said_with_its_place(run: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(json.dumps({**SUITE, "evaluators": ["exat"]}))
    assert "s.yaml:1: evaluators.0: " in str(run("run", "s.yaml", "--yes").exception)
    assert "There is no run 'x'" in str(run("resume", "x").exception)
    assert run("run", "s.yaml", "--metadata", "x").exception is not None


def test_money_is_asked_about_where_nobody_says_yes(run: Any, tmp_path: Path) -> None:
    wire = 'providers: {wire: {kind: openai, base_url: "http://127.0.0.1:1/v1", api_key: k}}\n'
    (tmp_path / "pilothouse.yaml").write_text(wire)
    (tmp_path / "s.yaml").write_text(json.dumps({**SUITE, "task": {"model": "wire/gpt-4o"}}))
    refused = run("run", "s.yaml")
    assert "4 outcomes with at least 4 calls" in str(refused.exception)
    assert "say --yes" in str(refused.exception)
    shown = run("run", "s.yaml", "--dry-run")
    assert "4 outcomes. May cost" in shown.output
