"""What people's marks say of a guard's scores."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.guards import guards
from pilothouse.observe.scores import Score, Scores
from pilothouse.observe.triggers import SOURCE, mark_name
from pilothouse.settings import Settings


@pytest.fixture
def context(tmp_path: Path, models_dir: Path) -> Context:
    return Context(Settings(home=tmp_path / "home", config=Path("pilothouse.yaml"), models=models_dir), build)


def test_a_threshold_is_learnt_from_marks(context: Context) -> None:
    run = CliRunner()
    assert "0 of 0 marked triggers" in run.invoke(guards, ["marks", "injection"], obj=context).output
    marked = [(0.5, False), (0.6, True), (0.7, False), (0.8, True), (0.9, True), (None, True)]
    with context.looking() as platform:
        Scores(platform.store).put(
            "default",
            [
                Score(
                    id=f"guard-{n}", name=mark_name("injection"), trace_id="t", span_id=str(n), kind="boolean",
                    value=float(right), source=SOURCE, metadata={} if score is None else {"score": score}, at_us=n,
                )
                for n, (score, right) in enumerate(marked)
            ],
        )  # fmt: skip
    told = json.loads(run.invoke(guards, ["marks", "injection", "--json"], obj=context).output)
    assert (told["marked"], told["right"], told["scored"], told["threshold"]) == (6, 4, 5, 0.8)
    assert dict(zip(told["scores"], told["chances"], strict=True)) == {0.5: 0.0, 0.6: 0.5, 0.7: 0.5, 0.8: 1.0, 0.9: 1.0}
    shown = run.invoke(guards, ["marks", "injection", "--right", "0.5"], obj=context).output
    assert shown.splitlines()[-1] == "Right in 50% from this threshold on: 0.600."
