"""`pilothouse evals cards` over a real store."""

import json
from pathlib import Path

from pilothouse.cli.evals.cards import cards
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews

from ...evals.cards.kept import begin, outcome, vote
from .conftest import Kept

LEVELS = [1 + i * 3 % 5 for i in range(60)]


def judged(kept: Kept) -> str:
    run = begin(kept.runs)
    kept.runs.put("default", run.id, [outcome(i, level, "win") for i, level in enumerate(LEVELS)])
    return run.id


def labels(folder: Path, off: int = 0) -> str:
    """A file with labels of 40 cases, the first ten of them `off` by so much."""
    path = folder / "labels.csv"
    rows = [f"c{i:03},{min(5, LEVELS[i] + (off if i < 10 else 0))},clarity" for i in range(40)]
    path.write_text("\n".join(["case,label,criterion", *rows]) + "\n")
    return str(path)


def test_cards_are_made_listed_and_shown(kept: Kept, tmp_path: Path) -> None:
    assert "No cards" in kept.call(cards, "list").output
    judged(kept)
    made = kept.call(cards, "make", "nightly", "quality", "--labels", labels(tmp_path, 2))
    assert made.exit_code == 0, made.output
    text = made.output
    assert "gpt-4o by llm_judge on 'clarity'" in text
    assert "labelled by people, too: 40 (40 labels)" in text
    assert "kappa: 0." in text
    assert "the longer answer is scored higher by: judge" in text
    assert "cost of a verdict: $0.000002" in text
    listed = json.loads(kept.call(cards, "list", "--json").output)
    assert [one["labelled"] for one in listed] == [40, 0] or [one["labelled"] for one in listed] == [0, 40]
    one = next(one for one in listed if one["labelled"])
    assert f"'clarity'  ({one['id']}" in kept.call(cards, "show", one["id"]).output
    assert json.loads(kept.call(cards, "show", one["id"], "--json").output) == one
    table = kept.call(cards, "list", "--limit", "1").output
    assert "There are more: add --after" in table
    assert "is no criterion" not in table
    assert kept.call(cards, "delete", one["id"]).output == "Deleted.\n"
    assert len(json.loads(kept.call(cards, "list", "--json").output)) == 1
    assert "no judge card" in str(kept.call(cards, "show", "none").exception)


def test_labels_of_the_whole_by_another_name(kept: Kept, tmp_path: Path) -> None:
    judged(kept)
    file = labels(tmp_path)
    given = ["make", "nightly", "quality", "--labels", file, "--overall", "clarity", "--json"]
    made = {one["criterion"]: one for one in json.loads(kept.call(cards, *given).output)}
    assert (made[""]["scale"], made[""]["labelled"], made["clarity"]["labelled"]) == ("levels", 40, 0)


def test_an_estimate_from_a_queue_says_that_it_is_no_random_sample(kept: Kept, tmp_path: Path) -> None:
    run = judged(kept)
    reviews = Reviews(kept.platform.store)
    settings = QueueSettings(criteria=(Criterion("clarity"),), rules=({"why": "failed", "of": "runs"},))
    queue = reviews.queues.create("default", "q", "likert", settings)
    reviews.items.add("default", queue, [
        NewReviewItem(source=Source(run_id=run, case_id=f"c{i:03}", trial=0), input="q", outputs=("o",))
        for i in range(30)
    ])  # fmt: skip
    vote(reviews, queue, "ann", 4)
    given = ["estimate", "nightly", "--metric", "quality", "--criterion", "clarity"]
    told = kept.call(cards, *given, "--queue", "q")
    assert told.exit_code == 0, told.output
    assert "from 30 cases with labels, 30 with a verdict alone" in told.output
    assert "filled by failed" in told.output
    of_file = json.loads(kept.call(cards, *given, "--labels", labels(tmp_path), "--json").output)
    assert (of_file["labelled"], of_file["biased"]) == (40, None)
    for wrong, why in (
        (given, "Name --queue or --labels"), ([*given, "--queue", "q", "--labels", labels(tmp_path)], "not both"),
    ):  # fmt: skip
        answer = kept.call(cards, *wrong)
        assert (answer.exit_code, why in answer.output) == (2, True)
