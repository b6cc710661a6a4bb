"""Pairs of two runs, side by side in a queue."""

from pilothouse.cases import Case, Outcome
from pilothouse.evals.cards.judges import JudgeRoom
from pilothouse.evals.cards.labels import HumanLabel
from pilothouse.evals.cards.queues import biased_by, queue_labels
from pilothouse.storage import Store
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews

from .kept import begin, outcome, vote

P = "default"


def test_votes_on_a_pair_count_where_the_judge_compared_the_same(store: Store) -> None:
    room, reviews = JudgeRoom(store), Reviews(store)
    run, other = begin(room.runs), begin(room.runs, "old")
    room.runs.put(P, run.id, [outcome(i, 3, "win") for i in range(3)])
    texts = ["Another one.", "Something else."]
    room.runs.put(P, other.id, [Outcome(case=Case(id=f"c{i:03}", input="", output=one)) for i, one in enumerate(texts)])
    settings = QueueSettings(criteria=(Criterion("better"),), annotators=3)
    queue = reviews.queues.create(P, "pairs", "pairwise", settings)
    reviews.items.add(P, queue, [
        NewReviewItem(source=Source(run_id=run.id, other_run_id=other.id, case_id=f"c{i:03}", trial=0), input="q",
                      outputs=("a", "b"))
        for i in range(3)
    ])  # fmt: skip
    for annotator, choice in (("ann", "a"), ("bob", "b"), ("eve", "tie")):
        vote(reviews, queue, annotator, choice)
    vote(reviews, queue, "chief", "a", "decide")
    told = [one.label for one in queue_labels(reviews, P, queue) if one.label.case == "c000"]
    assert told[-1] == HumanLabel(case="c000", label="win", criterion="better", decided=True)
    assert sorted(str(one.label) for one in told[:-1]) == ["loss", "tie", "win"]
    given, _, biased = room.labels_of(P, "pairs")
    assert {(one.case, one.other) for one in given[run.id]} == {("c000", texts[0]), ("c001", texts[1])}
    (card,) = room.make(P, [run], "pairwise", given)
    assert (card.labelled, card.body["votes"]) == (1, 3)
    assert biased is biased_by(queue) is None
