"""`pilothouse evals benchmark`, over a platform of its own and a model that says what it is asked."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.evals import evals
from pilothouse.cli.evals.benchmark import benchmark
from pilothouse.evals.benchmarks.formats import FORMATS
from pilothouse.settings import Settings


def run(home: Path, *arguments: str) -> Result:
    context = Context(Settings(home=home), build)
    return CliRunner(env={"COLUMNS": "250"}).invoke(
        evals, ["benchmark", *arguments], obj=context, standalone_mode=False
    )


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Two sums: the echo's last number is that of the question, which is right for one of them."""
    path = tmp_path / "sums.jsonl"
    rows: list[dict[str, Any]] = [
        {"question": "What is 0 + 7?", "answer": "#### 7"},
        {"question": "What is 1 + 7?", "answer": "#### 8"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def test_it_is_a_run_like_any_other(tmp_path: Path, file: str) -> None:
    arguments = (file, "--format", "gsm8k", "--model", "builtin/echo")
    result = run(tmp_path / "home", *arguments, "--json", "--fail-on", "numbers < 0.9", "--param", "max_tokens=200")
    assert result.return_value == 1, result.output
    told = json.loads(result.stdout)
    assert (told["name"], told["kind"], told["status"]) == ("gsm8k:sums builtin/echo", "benchmark", "done")
    assert told["subject"]["params"] == {"temperature": 0, "max_tokens": 200}
    metric = told["report"]["summary"]["metrics"]["numbers"]
    assert (metric["mean"], metric["n"], metric["method"]) == (0.5, 2, "wilson")
    assert told["report"]["gates"][0]["passed"] is False


def test_what_is_wrong_is_told(tmp_path: Path, file: str) -> None:
    wrong = run(tmp_path / "home", file, "--format", "gsm8k", "--model", "builtin/echo", "--param", "x").exception
    assert isinstance(wrong, click.BadParameter)
    assert "'x' is no pair" in wrong.message
    assert isinstance(run(tmp_path, file, "--format", "piqa", "--model", "m").exception, click.BadParameter)


def test_every_layout_can_be_chosen() -> None:
    (option,) = [one for one in benchmark.params if one.name == "layout"]
    assert list(option.type.choices) == list(FORMATS)  # type: ignore[attr-defined]
