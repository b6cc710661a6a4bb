"""Exports: votes in long form, labels, preferences; as JSON Lines and CSV without formulas."""

import csv
import io
import json

from pilothouse.evals.review.exporting import Form, What, as_lines, rows_of
from pilothouse.storage import Store
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, Queue, QueueSettings
from pilothouse.storage.evaluating.review_seats import Mark
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.types import Json

P = "default"


def exported(reviews: Reviews, queue: Queue, what: What, form: Form = "jsonl", *, history: bool = False) -> list[Json]:
    text = b"".join(as_lines(rows_of(reviews, P, queue, what, history=history), form)).decode()
    if form == "csv":
        return [*csv.DictReader(io.StringIO(text))]
    return [json.loads(line) for line in text.splitlines()]


def voted_on(store: Store) -> tuple[Reviews, Queue]:
    reviews = Reviews(store)
    queue = reviews.queues.create(P, "pairs", "pairwise", QueueSettings(criteria=(Criterion("better"),)))
    pairs = [
        NewReviewItem(
            source=Source(run_id="r1", other_run_id="r2", case_id=case, trial=0), input=case,
            outputs=("=SUM(A1)", "two"), systems=("old", "new"),
        )
        for case in ("c1", "c2", "c3")
    ]  # fmt: skip
    reviews.items.add(P, queue, pairs)
    for item, chosen in zip(reviews.items.each(P, queue), ("old", "new", "tie"), strict=True):
        seat = reviews.seats.next(P, queue, "ada")
        assert seat is not None
        wanted = {"old": "b" if seat.swapped else "a", "new": "a" if seat.swapped else "b"}.get(chosen, "tie")
        reviews.seats.vote(P, queue, item.id, "ada", {"better": Mark(wanted, "see, below")})
    return reviews, queue


def test_votes_labels_and_preferences_name_the_systems(sqlite_store: Store) -> None:
    reviews, queue = voted_on(sqlite_store)
    votes = exported(reviews, queue, "votes")
    assert [(vote["case_id"], vote["value"], vote["chosen"]) for vote in votes] == [
        ("c1", "a", "old"), ("c2", "b", "new"), ("c3", "tie", None),
    ]  # fmt: skip
    assert (votes[0]["annotator"], votes[0]["criterion"], votes[0]["comment"]) == ("ada", "better", "see, below")
    labels = exported(reviews, queue, "labels")
    assert [(label["label"], label["votes"]) for label in labels] == [
        ("a", {"ada": "a"}), ("b", {"ada": "b"}), ("tie", {"ada": "tie"}),
    ]  # fmt: skip
    told = exported(reviews, queue, "preferences")
    assert [(one["prompt"], one["chosen"], one["rejected"], one["chosen_system"]) for one in told] == [
        ("c1", "=SUM(A1)", "two", "old"), ("c2", "two", "=SUM(A1)", "new"),
    ]  # fmt: skip
    assert (told[0]["votes"], told[0]["votes_for_chosen"], told[0]["run_id"], told[0]["other_run_id"]) == (
        1,
        1,
        "r1",
        "r2",
    )


def test_csv_has_no_formulas_and_history_has_what_was_replaced(sqlite_store: Store) -> None:
    reviews, queue = voted_on(sqlite_store)
    rows = exported(reviews, queue, "preferences", "csv")
    assert [row["chosen"] for row in rows] == ["'=SUM(A1)", "two"]
    first = next(iter(reviews.items.each(P, queue)))
    reviews.seats.vote(P, queue, first.id, "ada", {"better": Mark("tie")})
    assert len(exported(reviews, queue, "votes", "csv")) == 3
    whole = exported(reviews, queue, "votes", "csv", history=True)
    assert [bool(row["replaced"]) for row in whole if row["item"] == first.id] == [True, False]


def test_points_have_no_preferences(sqlite_store: Store) -> None:
    reviews = Reviews(sqlite_store)
    queue = reviews.queues.create(P, "points", "likert", QueueSettings(criteria=(Criterion("clear"),)))
    reviews.items.add(P, queue, [NewReviewItem(input="q", outputs=("x",))])
    item = next(iter(reviews.items.each(P, queue)))
    assert exported(reviews, queue, "votes", "csv") == []
    reviews.seats.vote(P, queue, item.id, "ada", {"clear": Mark(4)})
    assert exported(reviews, queue, "preferences") == []
    (label,) = exported(reviews, queue, "labels", "csv")
    assert (label["label"], label["output"], label["votes"]) == ("4", "x", '{"ada": 4}')
