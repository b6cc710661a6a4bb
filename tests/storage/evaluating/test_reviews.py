"""What comes of reviews: labels by source, votes in long form, progress, corrections."""

import pytest

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.storage import Store
from pilothouse.storage.evaluating.review_items import Source
from pilothouse.storage.evaluating.reviews import Reviews, Tally

from ..conftest import Clock
from .review_samples import P, likert, marks, single


def test_labels_are_by_source_in_the_order_of_the_queue(store: Store) -> None:
    reviews = Reviews(store)
    queue = likert(reviews)
    reviews.items.add(P, queue, [single(f"t{i}") for i in range(3)])
    ids = [item.id for item in reviews.items.each(P, queue)]
    for item, name, mark in ((2, "ada", 5), (0, "ada", 2), (0, "bob", 3)):
        reviews.seats.vote(P, queue, ids[item], name, marks(mark))
    first, last = reviews.labels(P, "answers", "faithful")
    assert (first.source, first.label, first.votes) == (Source("t0"), 2.5, {"ada": 2, "bob": 3})
    assert (last.source, last.label, last.votes, last.decided) == (Source("t2"), None, {"ada": 5}, False)
    votes = reviews.votes_on(P, queue, reviews.items.get(P, queue, ids[2]))
    assert [(vote.item_id, vote.annotator, vote.value) for vote in votes] == [(ids[2], "ada", 3), (ids[2], "ada", 5)]
    with pytest.raises(NotFound, match="'odd' is no criterion of the queue 'answers': faithful, clear"):
        reviews.labels(P, queue, "odd")
    with pytest.raises(NotFound):
        reviews.labels("far", "answers", "clear")


def test_progress_counts_items_votes_and_people(store: Store, clock: Clock) -> None:
    reviews = Reviews(store, clock)
    queue = likert(reviews)
    assert reviews.tally(P, queue, "ada") == Tally({}, 0, 0, 0)
    assert (reviews.progress(P, queue).total, reviews.progress(P, queue).annotators) == (0, [])
    reviews.items.add(P, queue, [single(f"t{i}") for i in range(3)])
    ids = [item.id for item in reviews.items.each(P, queue)]
    for name, mark, seconds in (("ada", 1, 10), ("bob", 5, 20)):
        reviews.seats.vote(P, queue, ids[0], name, marks(mark), seconds=seconds)
    reviews.seats.vote(P, queue, ids[1], "ada", marks(3), seconds=20)
    reviews.seats.skip(P, queue, ids[1], "bob")
    reviews.seats.next(P, queue, "cyd")
    done = reviews.progress(P, queue)
    tally = reviews.tally(P, queue, "ada")
    assert (tally.items, tally.total, tally.asked, tally.given, tally.mine) == ({"open": 2, "disputed": 1}, 3, 6, 3, 2)
    assert (done.items, done.total, done.asked, done.given) == ({"open": 2, "disputed": 1}, 3, 6, 3)
    assert [(one.annotator, one.voted, one.skipped, one.seconds) for one in done.annotators] == [
        ("ada", 2, 0, 15.0), ("bob", 1, 1, 20.0),
    ]  # fmt: skip


def test_corrections_are_kept_with_where_they_went(store: Store) -> None:
    reviews = Reviews(store)
    queue = likert(reviews)
    reviews.items.add(P, queue, [single("t0"), single("t1")])
    first, second = reviews.items.each(P, queue)
    made = reviews.correct(P, queue, first.id, "ada", "It is 42.", dataset_id="d", item_key="k")
    other = reviews.correct(P, queue, second.id, "ada", "No.")
    assert reviews.corrections(P, queue) == [made, other]
    assert reviews.corrections(P, queue, first.id) == [made]
    assert (made.text, made.dataset_id, made.item_key, other.dataset_id) == ("It is 42.", "d", "k", None)
    with pytest.raises(InvalidRequest, match="A correction is a text"):
        reviews.correct(P, queue, first.id, "ada", "  ")
    with pytest.raises(NotFound):
        reviews.correct(P, queue, "none", "ada", "No.")
