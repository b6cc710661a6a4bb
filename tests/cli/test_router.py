"""Train on a file of scores, report on another, and bad lines are named."""

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.router import router
from pilothouse.settings import Settings

EASY = ("What is {}?", "Spell {}.", "Translate {} to Greek")
HARD = ("Prove the main theorem about {} and explain each step", "Design a system for {} and weigh the trade-offs")
THINGS = [f"{thing} of {place}" for thing in ("tides", "jazz", "maps", "salt", "ink", "silk") for place in
          ("Peru", "Crete", "Oslo", "Java", "Kyoto")]  # fmt: skip


def write_pairs(path: Path) -> Path:
    source, lines = random.Random(5), []
    for i, thing in enumerate(THINGS):
        for template in (*EASY, *HARD):
            bad = template in HARD and source.random() < 0.9
            line = {"query": template.format(thing), "simple_score": 0.1 if bad else 0.9, "complex_score": 0.9,
                    "simple_cost": 0.001, "complex_cost": 0.01, "group": f"{i}{template}"}  # fmt: skip
            lines.append(json.dumps(line))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def context(tmp_path: Path, models_dir: Path) -> Context:
    return Context(Settings(home=tmp_path / "home", config=Path("pilothouse.yaml"), models=models_dir), build)


def test_train_then_report(tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pairs, out = write_pairs(tmp_path / "pairs.jsonl"), tmp_path / "head.json"
    run = CliRunner()
    trained = run.invoke(router, ["train", str(pairs), "--target", "0.9", "--out", str(out)], obj=context)
    assert trained.exit_code == 0, trained.output
    assert "quality kept" in trained.output
    told = run.invoke(router, ["report", str(pairs), "--head", str(out), "--json"], obj=context)
    said = json.loads(told.output)
    assert said["requests"] == 150
    assert said["quality_kept"] > 0.85
    assert said["to_simple"] > 0.2


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("not json", ":2:"),
        ('{"query": "a"}', "simple_score"),
        ('{"query":"a","simple_score":3,"complex_score":1}', "0 and 1"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, context: Context, line: str, what: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"query": "a", "simple_score": 1, "complex_score": 1}\n' + line)
    result = CliRunner().invoke(router, ["report", str(path)], obj=context)
    assert what in str(result.exception)
