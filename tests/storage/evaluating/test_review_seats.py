"""Who gets which item: one each, never more votes than asked, whatever is cut off, undone or done at once."""

import threading
from collections import Counter

import msgspec
import pytest

from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.storage import Store
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.review_seats import Mark, Seat, swapped_for
from pilothouse.storage.evaluating.reviews import Reviews

from ..conftest import Clock
from .review_samples import P, likert, marks, pairwise, single, twins


def given(seat: Seat | None) -> Seat:
    assert seat is not None
    return seat


def filled(reviews: Reviews, count: int = 3, *, annotators: int = 2) -> tuple[Queue, list[str]]:
    queue = likert(reviews, annotators=annotators)
    reviews.items.add(P, queue, [single(f"t{i}") for i in range(count)])
    return queue, [item.id for item in reviews.items.each(P, queue)]


def test_each_gets_the_next_item_that_needs_them_and_keeps_it(store: Store, clock: Clock) -> None:
    reviews = Reviews(store, clock)
    queue, ids = filled(reviews, annotators=1)
    seats = reviews.seats
    ada, bob = given(seats.next(P, queue, "ada")), given(seats.next(P, queue, "bob"))
    assert (ada.item.id, bob.item.id) == (ids[0], ids[1])
    clock.forward(600)
    again = given(Reviews(store, clock).seats.next(P, queue, "ada"))
    assert (again.item.id, again.started_us) == (ids[0], ada.started_us)
    assert again.until_us == clock.now + 900_000_000
    assert seats.vote(P, queue, ids[0], "ada", marks(4)) == "done"
    assert given(seats.next(P, queue, "ada")).item.id == ids[2]
    assert seats.next(P, queue, "cyd") is None
    clock.forward(400)
    assert given(seats.next(P, queue, "cyd")).item.id == ids[1], "bob's lease is over"
    with pytest.raises(Conflict, match="Others have this item"):
        seats.vote(P, queue, ids[1], "bob", marks(4))
    assert seats.vote(P, queue, ids[1], "cyd", marks(4)) == "done"
    reviews.queues.archive(P, queue)
    with pytest.raises(Conflict, match="is archived"):
        seats.next(P, queue, "ada")


def test_of_many_at_once_no_more_get_an_item_than_were_asked(store: Store) -> None:
    reviews = Reviews(store)
    queue, ids = filled(reviews, 2)
    begin, got = threading.Barrier(8), list[str]()

    def annotate(name: str) -> None:
        begin.wait()
        while (seat := reviews.seats.next(P, queue, name)) is not None:
            got.append(seat.item.id)
            reviews.seats.vote(P, queue, seat.item.id, name, marks(3))

    threads = [threading.Thread(target=annotate, args=(f"a{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(got) == {ids[0]: 2, ids[1]: 2}
    assert [len(label.votes) for label in reviews.labels(P, queue, "clear")] == [2, 2]


def test_a_vote_is_on_every_criterion_and_can_be_changed(store: Store, clock: Clock) -> None:
    reviews = Reviews(store, clock)
    queue, (first, *_) = filled(reviews)
    seats = reviews.seats
    wrong: list[tuple[dict[str, Mark], str]] = [
        ({}, "missing on: faithful, clear"), ({"clear": Mark(3)}, "missing on: faithful"),
        (marks(6), "'faithful' must be a whole number from 1 to 5"),
        ({**marks(3), "odd": Mark(1)}, "'odd' is no criterion"),
        ({**marks(3), "clear": Mark(1, "x" * 10_001)}, "10000 characters"),
    ]  # fmt: skip
    for given_marks, said in wrong:
        with pytest.raises(InvalidRequest, match=said):
            seats.vote(P, queue, first, "ada", given_marks)
    with pytest.raises(NotFound):
        seats.vote(P, queue, "none", "ada", marks(3))
    with pytest.raises(InvalidRequest, match="An annotator has a name"):
        seats.next(P, queue, "")
    seats.next(P, queue, "ada")
    clock.forward(42)
    assert seats.vote(P, queue, first, "ada", {"faithful": Mark(2, "made up"), "clear": Mark("5")}) == "open"
    clock.forward(1)
    assert seats.vote(P, queue, first, "ada", marks(3, 5), seconds=7.5) == "open"
    told = [(v.criterion, v.value, v.comment, v.seconds, v.replaced_us) for v in reviews.votes(P, queue, history=True)]
    assert sorted(told) == [
        ("clear", 5, "", 7.5, None), ("clear", 5, "", 42.0, clock.now), ("faithful", 2, "made up", 42.0, clock.now),
        ("faithful", 3, "", 7.5, None),
    ]  # fmt: skip
    assert seats.vote(P, queue, first, "bob", marks(3, 4)) == "done"
    assert [label.label for label in reviews.labels(P, queue, "clear")] == [4.5]


def test_what_was_skipped_goes_to_others_and_comes_back_by_undo(store: Store, clock: Clock) -> None:
    reviews = Reviews(store, clock)
    queue, ids = filled(reviews, 2, annotators=1)
    seats = reviews.seats
    with pytest.raises(NotFound, match="nothing to undo"):
        seats.undo(P, queue, "ada")
    seats.next(P, queue, "ada")
    seats.skip(P, queue, ids[0], "ada")
    clock.forward(1)
    assert given(seats.next(P, queue, "ada")).item.id == ids[1]
    assert given(seats.undo(P, queue, "ada")).item.id == ids[0]
    assert given(seats.next(P, queue, "ada")).item.id == ids[0], "and the other went back"
    assert given(seats.next(P, queue, "bob")).item.id == ids[1]
    seats.skip(P, queue, ids[0], "ada")
    clock.forward(1)
    seats.vote(P, queue, ids[0], "cyd", marks(1))
    with pytest.raises(Conflict, match="Others took the item"):
        seats.undo(P, queue, "ada")
    with pytest.raises(Conflict, match="undo that to skip"):
        seats.skip(P, queue, ids[0], "cyd")


def test_undo_gives_the_last_vote_back_with_what_was_said(store: Store, clock: Clock) -> None:
    reviews = Reviews(store, clock)
    queue, ids = filled(reviews, 2, annotators=1)
    for item, mark in zip(ids, (4, 2), strict=True):
        reviews.seats.vote(P, queue, item, "ada", {"faithful": Mark(mark), "clear": Mark(5, "so clear")})
        clock.forward(1)
    back = reviews.seats.undo(P, queue, "ada")
    assert (back.item.id, back.item.status) == (ids[1], "open")
    assert back.marks == {"faithful": Mark(2), "clear": Mark(5, "so clear")}
    assert given(reviews.seats.next(P, queue, "ada")).marks == back.marks
    assert reviews.seats.next(P, queue, "bob") is None
    assert reviews.progress(P, queue).given == 1
    clock.forward(1000)
    assert given(reviews.seats.next(P, queue, "bob")).item.id == ids[1]
    assert given(reviews.seats.undo(P, queue, "ada")).item.id == ids[0], "the vote before it"


def test_another_person_decides_what_is_in_dispute(store: Store, clock: Clock) -> None:
    reviews = Reviews(store, clock)
    queue, ids = filled(reviews, 2)
    seats = reviews.seats
    assert seats.next(P, queue, "eve", "decide") is None
    seats.vote(P, queue, ids[0], "ada", marks(1, 3))
    assert seats.vote(P, queue, ids[0], "bob", marks(4, 4)) == "disputed"
    assert seats.next(P, queue, "ada", "decide") is None
    with pytest.raises(Conflict, match="another person decides"):
        seats.vote(P, queue, ids[0], "bob", {"faithful": Mark(2)}, role="decide")
    with pytest.raises(Conflict, match="nothing to decide"):
        seats.vote(P, queue, ids[1], "eve", {"faithful": Mark(2)}, role="decide")
    assert given(seats.next(P, queue, "eve", "decide")).item.id == ids[0]
    assert seats.next(P, queue, "fay", "decide") is None
    with pytest.raises(InvalidRequest, match="missing on: faithful"):
        seats.vote(P, queue, ids[0], "eve", {"clear": Mark(2)}, role="decide")
    assert seats.vote(P, queue, ids[0], "eve", {"faithful": Mark(2, "half of it")}, role="decide") == "done"
    with pytest.raises(Conflict, match="votes on it stay"):
        seats.vote(P, queue, ids[0], "ada", marks(4))
    with pytest.raises(Conflict, match="your vote stays"):
        seats.undo(P, queue, "bob")
    (label,) = reviews.labels(P, queue, "faithful")
    assert (label.label, label.votes, label.decided) == (2, {"ada": 1, "bob": 4}, True)
    assert [label.label for label in reviews.labels(P, queue, "clear")] == [3.5]
    clock.forward(1)
    assert seats.undo(P, queue, "eve").item.status == "disputed"
    assert [label.label for label in reviews.labels(P, queue, "faithful")] == [None]


def test_sides_are_tossed_for_each_and_kept(store: Store, clock: Clock) -> None:
    reviews = Reviews(store, clock)
    queue = pairwise(reviews, annotators=2)
    reviews.items.add(P, queue, [twins(f"c{i}") for i in range(3)])
    for name in ("ada", "bob"):
        for item in reviews.items.each(P, queue):
            seat = given(reviews.seats.next(P, queue, name))
            assert (seat.item.id, seat.swapped) == (item.id, swapped_for(queue, item.id, name))
            assert given(reviews.seats.next(P, queue, name)).swapped == seat.swapped
            reviews.seats.vote(P, queue, item.id, name, {"better": Mark("a")})
    for label in reviews.labels(P, queue, "better"):
        sides = {name: swapped_for(queue, label.item_id, name) for name in ("ada", "bob")}
        assert label.votes == {name: "b" if swapped else "a" for name, swapped in sides.items()}
    clock.forward(1)
    assert reviews.seats.undo(P, queue, "bob").marks == {"better": Mark("a")}, "as it was seen"
    tossed = [tuple(swapped_for(queue, f"item {i}", name) for name in ("ada", "bob")) for i in range(400)]
    assert all(80 < tossed.count((one, other)) < 120 for one in (False, True) for other in (False, True))
    points = likert(reviews)
    assert not any(swapped_for(points, f"item {i}", "ada") for i in range(40))


def test_settings_that_change_leave_what_is_done_and_settle_the_rest(sqlite_store: Store) -> None:
    reviews = Reviews(sqlite_store)
    queue, ids = filled(reviews, 4, annotators=1)
    reviews.seats.vote(P, queue, ids[0], "ada", marks(3))
    queue = reviews.change(P, queue, msgspec.structs.replace(queue.settings, annotators=3))
    assert given(reviews.seats.next(P, queue, "bob")).item.id == ids[1]
    for item, points in ((ids[1], 1), (ids[2], 4)):
        reviews.seats.vote(P, queue, item, "ada", marks(4))
        reviews.seats.vote(P, queue, item, "bob", marks(points))
    queue = reviews.change(P, queue, msgspec.structs.replace(queue.settings, annotators=2))
    statuses = [item.status for item in reviews.items.each(P, queue)]
    assert statuses == ["done", "disputed", "done", "open"]
    reviews.change(P, queue, msgspec.structs.replace(queue.settings, spread=4))
    assert reviews.items.get(P, queue, ids[1]).status == "done"
