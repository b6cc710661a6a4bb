"""Erasing what is reviewed of a trace or a user, with every vote and correction on it."""

from pathlib import Path

from sqlalchemy import func, select

from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.review_erasing import ReviewErasing
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.storage.tables import reviewing

from .review_samples import P, likert, marks, single


def left(store: Store) -> dict[str, int]:
    with store.control.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(getattr(reviewing, name))) or 0
            for name in reviewing.__all__
        }


def test_items_go_with_their_traces_and_users_and_so_does_what_was_said(store: Store) -> None:
    reviews, erasing = Reviews(store), ReviewErasing(store)
    queue, other = likert(reviews), likert(reviews, "other")
    reviews.items.add(P, queue, [single("t0", "ada"), single("t1", "bob"), single("t2", "bob")])
    reviews.items.add(P, other, [single("t0")])
    for item in reviews.items.each(P, queue):
        reviews.seats.vote(P, queue, item.id, "eve", marks(3))
        reviews.correct(P, queue, item.id, "eve", "Better.")
    assert erasing.forget_traces("far", ["t0"]) == erasing.forget_user("far", "bob") == 0
    assert erasing.forget_traces(P, ["t0", "none", "\0"]) == 2
    assert erasing.forget_traces(P, ["t0"]) == erasing.forget_traces(P, []) == 0
    assert erasing.forget_user(P, "bob") == 2
    assert left(store) == {**dict.fromkeys(reviewing.__all__, 0), "review_queues": 2}
    assert reviews.items.add(P, queue, [single("t9")]) == 1
    assert next(reviews.items.each(P, queue)).place == 4, "no place is given twice"


def test_sqlite_overwrites_what_was_erased(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    reviews = Reviews(store)
    queue = likert(reviews)
    reviews.items.add(P, queue, [single("of-the-kaiser")])
    assert ReviewErasing(store).forget_traces(P, ["of-the-kaiser"]) == 1
    files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
    store.close()
    assert not [data for data in files if b"of-the-kaiser" in data]
