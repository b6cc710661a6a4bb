"""Train on a file of scores or on what was recorded, report on another; what is wrong is named."""

import dataclasses
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.router import router
from pilothouse.sdk import Embedded
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


# ---- from what was recorded

ECHO = {"provider": "builtin", "model": "echo"}
CONFIG = {
    "models": {
        "auto": {"strategy": "complexity", "simple": "fast", "complex": "smart"},
        "fast": {"deployments": [{**ECHO, "name": "small"}]},
        "smart": {"deployments": [{**ECHO, "name": "large"}]},
    }
}


@pytest.fixture
def here(settings: Settings, tmp_path: Path, models_dir: Path) -> Context:
    """The command line over either database, with a configuration."""
    config = tmp_path / "pilothouse.yaml"
    config.write_text(json.dumps(CONFIG))
    return Context(dataclasses.replace(settings, config=config, models=models_dir), build)


@contextmanager
def serving(context: Context) -> Iterator[Embedded]:
    """The gateway there; what it recorded is in the database afterwards."""
    embedded = Embedded(context.settings)
    yield embedded
    embedded.close()


def ask_both(server: Embedded, templates: tuple[str, ...], things: list[str], *, stars: bool = False) -> None:
    """Ask both models and score them: the simple one fails at what is hard."""
    scores: list[dict[str, Any]] = []
    for number, thing in enumerate(things):
        for template in templates:
            for model in ("fast", "smart"):
                answer = server.client.chat(model, template.format(thing), user=f"user {number}")
                good = model == "smart" or template in EASY
                value: float = (5 if good else 2) if stars else (0.9 if good else 0.1)
                scores.append({"trace_id": answer.trace_id, "name": "judge", "value": value})
    server.client.request("POST", "/api/scores", {"scores": scores})


def run(context: Context, *args: str) -> Result:
    return CliRunner().invoke(router, args, obj=context, standalone_mode=False)


def test_a_head_from_recorded_traffic(here: Context, tmp_path: Path) -> None:
    with serving(here) as server:
        ask_both(server, (*EASY, *HARD), THINGS)
    out = tmp_path / "head.json"
    trained = run(here, "train", "--score", "judge", "--since", "1h", "--target", "0.9", "--out", str(out))
    assert trained.exception is None, trained.exception
    assert "quality kept" in trained.output
    assert "same share by chance" in trained.output
    card = json.loads(out.read_text())["card"]
    assert card["pairs"] == sum(card["splits"]) == 150
    assert all(number % 5 == 0 for number in card["splits"]), "a user's requests are in one split"
    said = json.loads(run(here, "report", "--score", "judge", "--head", str(out), "--json").output)
    assert said["requests"] == 150
    assert said["quality_kept"] > 0.85
    assert 0.2 < said["to_simple"] < 0.8
    assert said["cost_saved"] is None, "echo costs nothing"


def test_too_few_are_told_with_what_there_is(here: Context) -> None:
    with serving(here) as server:
        ask_both(server, EASY, THINGS[:3])
        lost = server.client.chat("fast", "Only the small one")
        server.client.request("POST", "/api/scores", {"trace_id": lost.trace_id, "name": "judge", "value": True})
    said = str(run(here, "train", "--score", "judge").exception)
    assert said.startswith(
        "9 requests were answered by both models and have the score 'judge' for both: 60 are the least"
    )
    assert "10 of 'fast', 9 of 'smart'" in said
    assert "shadow" in said
    nothing = str(run(here, "train", "--score", "judge", "--project", "elsewhere").exception)
    assert "0 of 'fast', 0 of 'smart'" in nothing


def test_one_persons_requests_cannot_be_split(here: Context) -> None:
    with serving(here) as server:
        ask_both(server, tuple(f"What is {i} of {{}}?" for i in range(70)), THINGS[:1])
    said = str(run(here, "train", "--score", "judge").exception)
    assert "70 pairs of 1 groups" in said
    assert "a group stays whole" in said


def test_stars_need_a_pass_mark(here: Context) -> None:
    with serving(here) as server:
        ask_both(server, EASY, THINGS[:2], stars=True)
    assert "--passing" in str(run(here, "report", "--score", "judge").exception)
    told = run(here, "report", "--score", "judge", "--passing", "4", "--json")
    assert json.loads(told.output)["requests"] == 6
    named = ("--simple", "large", "--complex", "small")
    other = run(here, "report", "--score", "judge", "--passing", "4", *named, "--json")
    assert json.loads(other.output)["requests"] == 6


def test_which_models_must_be_clear(context: Context) -> None:
    assert "There are: none" in str(run(context, "train", "--score", "judge").exception)
    named = run(context, "train", "--score", "judge", "--alias", "nope")
    assert "'nope' is no alias" in str(named.exception)
    for args in ((), ("--score", "judge", __file__)):
        assert "Give a file of PAIRS, or --score" in str(run(context, "train", *args).exception)
