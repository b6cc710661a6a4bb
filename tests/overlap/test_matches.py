"""Shared items and n-grams, counted."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.overlap.matches import Match, grams, matched, shared

items = st.lists(st.integers(0, 6), max_size=20)


@settings(deadline=None)
@given(items, items)
def test_items_are_shared_as_often_as_both_have_them(one: list[int], other: list[int]) -> None:
    assert shared(one, other) == shared(other, one) == (Counter(one) & Counter(other)).total()


@settings(deadline=None)
@given(items, st.lists(items, min_size=1, max_size=3))
def test_of_several_the_one_counts_that_has_an_item_most_often(one: list[int], others: list[list[int]]) -> None:
    most: Counter[int] = Counter()
    for other in others:
        most |= Counter(other)
    assert shared(one, *others) == (Counter(one) & most).total()


def test_grams_are_the_runs_in_order() -> None:
    assert list(grams(["a", "b", "c"], 1)) == ["a", "b", "c"]
    assert grams(["a", "b", "c"], 2) == [("a", "b"), ("b", "c")]
    assert grams(["a", "b"], 3) == []


def test_nothing_in_common_is_zero_and_no_number_that_is_none() -> None:
    assert matched(0, 0, 0) == matched(0, 3, 0) == matched(0, 3, 2) == Match(0.0, 0.0, 0.0)
    assert matched(2, 4, 2) == Match(0.5, 1.0, 2 / 3)
