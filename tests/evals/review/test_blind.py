"""What annotators see: no name of a system, no reason, nobody else's vote."""

import msgspec
import pytest

from pilothouse.evals.review.blind import shown
from pilothouse.storage import Store
from pilothouse.storage.evaluating import review_seats
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings
from pilothouse.storage.evaluating.review_seats import Mark
from pilothouse.storage.evaluating.reviews import Reviews

P = "default"


def test_a_pair_has_no_names_and_each_side_is_where_the_ids_put_it(sqlite_store: Store) -> None:
    reviews = Reviews(sqlite_store)
    settings = QueueSettings(criteria=(Criterion("better", "Which helps more."),), instructions="Read both.", spread=0)
    queue = reviews.queues.create(P, "pairs", "pairwise", settings)
    items = [
        NewReviewItem(
            source=Source(run_id="secret-run-1", other_run_id="secret-run-2", case_id=f"c{i}", trial=0), input="Why?",
            outputs=("of the first", "of the second"), systems=("secret-old", "secret-new"), expected="Because.",
            context=("It is so.",), metadata={"model": "secret-model"}, reason="secret reason",
        )
        for i in range(3)
    ]  # fmt: skip
    reviews.items.add(P, queue, items)
    for _ in items:
        seat = reviews.seats.next(P, queue, "ada")
        assert seat is not None
        told = shown(queue, seat)
        assert b"secret" not in msgspec.json.encode(told)
        sides = ("of the first", "of the second")
        assert (told["a"], told["b"]) == (sides[::-1] if seat.swapped else sides)
        assert (told["input"], told["expected"], told["context"]) == ("Why?", "Because.", ("It is so.",))
        assert told["criteria"] == [{"name": "better", "description": "Which helps more."}]
        reviews.seats.vote(P, queue, seat.item.id, "ada", {"better": Mark("tie")})


@pytest.mark.parametrize("flipped", [("zoe",), ("eve",), ("zoe", "bob", "eve")], ids="-".join)
def test_who_decides_sees_the_votes_in_dispute_as_if_on_their_own_sides(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, flipped: tuple[str, ...]
) -> None:
    monkeypatch.setattr(review_seats, "swapped_for", lambda queue, item, annotator: annotator in flipped)
    reviews = Reviews(sqlite_store)
    criteria = (Criterion("better"), Criterion("shorter"))
    queue = reviews.queues.create(P, "pairs", "pairwise", QueueSettings(criteria=criteria, annotators=2))
    reviews.items.add(P, queue, [NewReviewItem(input="Why?", outputs=("one", "two"))])
    for name, text in (("zoe", "one"), ("bob", "two")):
        seat = reviews.seats.next(P, queue, name)
        assert seat is not None
        told = shown(queue, seat)
        marks = {"better": Mark("a" if told["a"] == text else "b", f"I like {text}"), "shorter": Mark("tie")}
        reviews.seats.vote(P, queue, seat.item.id, name, marks)
    seat = reviews.seats.next(P, queue, "eve", "decide")
    assert seat is not None
    told = shown(queue, seat, reviews.votes_on(P, queue, seat.item))
    assert [one["name"] for one in told["criteria"]] == ["better"]
    said = {vote["comment"]: vote["value"] for vote in told["said"]["better"]}
    assert {told[side] for side in "ab" if said[f"I like {told[side]}"] == side} == {"one", "two"}
    assert "zoe" not in str(told)
