"""What people said together, and labels as numbers."""

import pytest

from pilothouse.evals.cards.ratings import Rating, Scale, number, settled
from pilothouse.stats.agreement import Label


@pytest.mark.parametrize(
    ("votes", "scale", "together"),
    [
        ((4, 5, 5), "levels", 5),
        ((2, 5), "levels", 3.5),
        ((), "levels", None),
        (("pass", "pass", "fail"), "labels", "pass"),
        (("win", "loss"), "pairs", None),
        ((), "labels", None),
    ],
    ids=str,
)
def test_votes_become_one_label(votes: tuple[Label, ...], scale: Scale, together: Label | None) -> None:
    assert settled(votes, scale) == together


def test_labels_as_numbers() -> None:
    assert [number(label) for label in ("pass", "fail", "tie", 4, True, "odd", None)] == [1, 0, 0.5, 4, 1, None, None]


def test_a_flip_is_the_same_place_twice() -> None:
    places = [("first", "first"), ("second", "second"), ("first", "second"), ("tie", "tie"), ()]
    assert [Rating(item="1", places=one).flipped for one in places] == [True, True, False, False, False]
