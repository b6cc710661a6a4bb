"""Items of review queues: of each source one, in the order in which they came."""

import pytest

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.storage import Store
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.reviews import Reviews

from .review_samples import P, likert, pairwise, single, twins


def test_the_same_source_is_never_twice_in_a_queue(store: Store) -> None:
    reviews = Reviews(store)
    queue, other, pairs = likert(reviews), likert(reviews, "other"), pairwise(reviews)
    many = [single(f"t{i:03}") for i in range(450)]
    assert reviews.items.add(P, queue, [*many, single("t001")]) == 450
    assert reviews.items.add(P, queue, [single("t449"), single("t450")]) == 1
    assert reviews.items.add(P, other, [single("t001")]) == 1
    span = NewReviewItem(source=Source(trace_id="t001", span_id="s1"), input=1, outputs=("x",))
    given = NewReviewItem(input={"q": 1}, outputs=("x",), reason="odd")
    assert reviews.items.add(P, queue, [span, given, given]) == 2
    assert reviews.items.add(P, pairs, [twins("c1"), twins("c1", "run-b", "run-a"), twins("c1", "run-a", "run-c")]) == 2
    items = [*reviews.items.each(P, queue)]
    assert [item.place for item in items] == [*range(1, 454)]
    assert [item.input for item in items[-3:]] == ["question of t450", 1, {"q": 1}]
    assert (items[-1].reason, items[-1].status, items[-2].source) == ("odd", "open", Source("t001", "s1"))
    assert reviews.items.new(P, queue, [Source("t001"), Source("x"), Source("t001", "s2")]) == [
        Source("x"), Source("t001", "s2"),
    ]  # fmt: skip
    page = reviews.items.page(P, queue, limit=2, status="open")
    assert (len(page.items), page.next) == (2, 2)
    assert reviews.items.get(P, queue, items[0].id) == items[0]
    for project, of, item_id in ((P, other, items[0].id), ("far", queue, items[0].id), (P, queue, "\0")):
        with pytest.raises(NotFound, match="There is no item"):
            reviews.items.get(project, of, item_id)


def test_items_have_as_many_outputs_as_their_queue_shows(sqlite_store: Store) -> None:
    reviews = Reviews(sqlite_store)
    queue, pairs = likert(reviews), pairwise(reviews)
    with pytest.raises(InvalidRequest, match="have two outputs, side by side; this one has 1"):
        reviews.items.add(P, pairs, [single("t1")])
    with pytest.raises(InvalidRequest, match="have one output; this one has 2"):
        reviews.items.add(P, queue, [twins("c")])
    with pytest.raises(InvalidRequest, match="must be JSON"):
        reviews.items.add(P, queue, [NewReviewItem(input=object(), outputs=("x",))])
    assert reviews.items.page(P, queue).items == []
