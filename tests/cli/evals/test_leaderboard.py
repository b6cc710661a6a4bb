"""`pilothouse evals leaderboard` over a real store."""

import json
from pathlib import Path

from pilothouse.cli.evals.leaderboard import leaderboard

from ...evals.cards.kept import begin, outcome
from .conftest import Kept


def test_runs_and_votes_are_ranked(kept: Kept, tmp_path: Path) -> None:
    assert "Nothing was compared" in kept.call(leaderboard).output
    run = begin(kept.runs, "new")
    kept.runs.put("default", run.id, [outcome(i, 3, "win" if i % 4 else "loss") for i in range(40)])
    file = tmp_path / "votes.csv"
    file.write_text("one,other,winner\nnew,x,new\nnew,x,tie\ny,z,y\n")
    told = kept.call(leaderboard, "--votes", str(file))
    assert told.exit_code == 0, told.output
    assert "1 to 2 (group 1)  new" in told.output
    assert "43 comparisons, 40 by judges and 3 by people, 1 of them ties" in told.output
    assert "2 groups were never compared" in told.output
    board = json.loads(kept.call(leaderboard, "--json", "--rank", "model", "--suite", "support").output)
    assert [one["name"] for one in board["standings"]] == ["gpt-4.1", "baseline (support)"]
    assert json.loads(kept.call(leaderboard, "--json", "--by", "people").output)["standings"] == []
