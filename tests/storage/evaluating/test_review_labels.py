"""What votes come to: labels and disputes."""

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.storage.evaluating.review_labels import Kind, Value, apart, checked, disputed, label_of, mirrored


@pytest.mark.parametrize(
    ("values", "label", "steps"),
    [
        ([], None, 0), ([4], 4, 0), ([3, 4], 3.5, 1), ([1, 5, 5], 5, 4), (["a"], "a", 0), (["a", "tie"], None, 1),
        (["a", "b", "a"], "a", 2), (["tie", "tie", "b"], "tie", 1),
    ],
)  # fmt: skip
def test_points_have_a_median_and_choices_a_majority(values: list[Value], label: Value | None, steps: int) -> None:
    assert (label_of(values), apart(values)) == (label, steps)


def test_a_dispute_is_more_than_the_spread_or_no_majority() -> None:
    assert not disputed([2, 3], 1)
    assert disputed([2, 4], 1)
    assert not disputed([2, 4], 2)
    assert disputed(["a", "b", "a"], 1)
    assert disputed(["a", "tie"], 1)
    assert not disputed(["a", "tie", "a"], 1)
    assert not disputed([3], 0)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [("likert", 5, 5), ("likert", " 1", 1), ("pairwise", "A", "a"), ("pairwise", "tie", "tie")],
)
def test_votes_are_read(kind: Kind, given: object, kept: Value) -> None:
    assert checked(kind, given, "clear") == kept


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("likert", 0), ("likert", 6), ("likert", True), ("likert", 2.0), ("likert", "a"), ("likert", None),
        ("pairwise", 1), ("pairwise", "c"), ("pairwise", ""),
    ],
)  # fmt: skip
def test_what_is_no_vote_is_refused_by_the_name_of_its_criterion(kind: Kind, given: object) -> None:
    with pytest.raises(InvalidRequest, match="'clear' must be"):
        checked(kind, given, "clear")


def test_a_choice_is_mirrored_where_sides_are_swapped() -> None:
    assert [mirrored(value) for value in ("a", "b", "tie", 4)] == ["b", "a", "tie", 4]
