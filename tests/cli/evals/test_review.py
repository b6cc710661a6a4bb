"""`pilothouse evals review` over a real store."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.cli.context import Context
from pilothouse.cli.evals.review import review
from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.settings import Settings

from ..conftest import spooled
from ..spooled import Spooled

__all__ = ["spooled"]

Run = Callable[..., str]


@pytest.fixture
def run(spooled: Spooled, tmp_path: Path) -> Run:
    """Runs a command and gives what it printed; raises what it raised."""
    context = Context(Settings(home=tmp_path / "home"), lambda settings, **_: spooled)  # type: ignore[arg-type, return-value]

    def command(*arguments: object, code: int = 0) -> str:
        result = CliRunner(env={"COLUMNS": "200"}).invoke(review, [*map(str, arguments)], obj=context)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    return command


def test_points_from_a_file_to_labels(run: Run, tmp_path: Path) -> None:
    assert "No review queues" in run("queues")
    create = ("create", "support", "--criterion", "faithful=As the context says.", "--criterion", "clear")
    assert run(*create, "--annotators", 2, "--rule", "random share=0.5 feature=chat") == (
        "Created 'support'. Fill it: pilothouse evals review fill support ...\n"
    )
    with pytest.raises(Conflict):
        run(*create)
    path = tmp_path / "items.jsonl"
    path.write_text('{"input": "How high?", "output": "97 m."}\n\n{"input": {"q": 2}, "output": "Two."}\n')
    assert run("fill", "support", "--file", path) == "2 added; 2 found.\n"
    assert json.loads(run("fill", "support", "--file", path, "--json"))["added"] == 0
    assert run("fill", "support") == "0 added; 0 found.\n"
    shown = run("next", "support", "--as", "ada")
    assert "input: How high?\noutput: 97 m.\n  faithful: As the context says.\n  clear\n" in shown
    ids = []
    for _ in range(2):
        item = json.loads(run("next", "support", "--as", "ada", "--json"))["item"]["id"]
        ids.append(item)
        run("vote", "support", item, "faithful=2", "clear=5", "--comment", "clear=nice", "--as", "ada")
    assert "nothing for you" in run("next", "support", "--as", "ada")
    said = run("vote", "support", ids[0], "faithful=5", "clear=5", "--as", "bob")
    assert said == "Kept. The item is disputed.\n"
    assert "(others: 2, 5)" in run("next", "support", "--as", "eve", "--decide")
    assert run("vote", "support", ids[0], "faithful=3", "--as", "eve", "--decide") == "Kept. The item is done.\n"
    assert "you said 5" in run("undo", "support", "--as", "ada")
    assert run("skip", "support", ids[1], "--as", "ada") == "Skipped.\n"
    assert "2 items: 1 open, 0 disputed, 1 done. 2 of 4 votes." in run("progress", "support")
    assert json.loads(run("progress", "support", "--json"))["items"] == {"done": 1, "open": 1}
    table = run("agreement", "support").splitlines()
    assert table[1].split()[:3] == ["faithful", "1", "0%"]
    assert json.loads(run("agreement", "support", "--json"))[1]["alike"]["value"] == 1.0
    labels = [json.loads(line) for line in run("export", "support", "--what", "labels").splitlines()]
    assert [(one["criterion"], one["label"]) for one in labels] == [("faithful", 3), ("clear", 5)]
    assert "Written to" in run("export", "support", "--format", "csv", "--history", "--out", tmp_path / "v.csv")
    assert len((tmp_path / "v.csv").read_text().splitlines()) == 8
    assert "as the item review-" in run("correct", "support", ids[1], "Three.", "--as", "ada")
    (listed,) = json.loads(run("queues", "--json"))
    assert (listed["items"], listed["votes"]) == (2, {"given": 2, "asked": 4})
    settings = json.loads(run("set", "support", "--annotators", 1, "--archive"))
    assert (settings["annotators"], settings["rules"][0]["feature"], settings["archived"] > 0) == (1, "chat", True)
    assert "support" in run("queues", "--archived")


def test_a_pair_and_what_is_wrong(run: Run, tmp_path: Path) -> None:
    run("create", "pairs", "--kind", "pairwise", "--criterion", "better")
    path = tmp_path / "items.jsonl"
    path.write_text('{"input": "Why?", "outputs": ["one", "two"], "systems": ["old", "new"]}')
    run("fill", "pairs", "--file", path)
    shown = run("next", "pairs")
    assert {line for line in shown.splitlines() if line[:2] in ("A:", "B:")} in (
        {"A: one", "B: two"},
        {"A: two", "B: one"},
    )
    item = json.loads(run("next", "pairs", "--json"))["item"]["id"]
    assert "must be CRITERION=VALUE" in run("vote", "pairs", item, "a", code=2)
    assert "but no vote" in run("vote", "pairs", item, "better=a", "--comment", "odd=x", code=2)
    with pytest.raises(InvalidRequest, match="'a', 'b' or 'tie'"):
        run("vote", "pairs", item, "better=c")
    assert run("vote", "pairs", item, "better=tie") == "Kept. The item is done.\n"
    assert run("export", "pairs", "--what", "preferences") == ""
    path.write_text("{}\nx\n")
    assert "line 2: is no JSON" in run("fill", "pairs", "--file", path, code=1)
    assert "one of --trace, --run and --file" in run("fill", "pairs", "--run", "x", "--file", path, code=2)
    with pytest.raises(NotFound):
        run("fill", "pairs", "--run", "x", "--against", "y")
    assert "must be name=value" in run("create", "x", "--criterion", "y", "--rule", "random 0.5", code=2)
    with pytest.raises(InvalidRequest, match="Rule 1"):
        run("create", "x", "--criterion", "y", "--rule", "odd")
