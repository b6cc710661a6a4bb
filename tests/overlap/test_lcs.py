"""Longest common subsequences against the usual table, and against rouge-score for which of them is read out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import lcs_ind

from pilothouse.overlap import lcs

items = st.lists(st.integers(0, 4), max_size=40)


def by_table(one: list[int], other: list[int]) -> int:
    before = [0] * (len(other) + 1)
    for item in one:
        now = [0]
        for at, candidate in enumerate(other):
            now.append(before[at] + 1 if item == candidate else max(before[at + 1], now[at]))
        before = now
    return before[-1]


@settings(deadline=None)
@given(items, items)
def test_the_length_is_that_of_the_table(one: list[int], other: list[int]) -> None:
    assert lcs.length(one, other) == lcs.length(other, one) == by_table(one, other)
    assert lcs.length(one, one) == len(one)


@settings(deadline=None)
@given(items, items, st.integers(1, 9))
def test_block_by_block_it_is_the_same(one: list[int], other: list[int], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lcs, "_BLOCK", block)
        patch.setattr(lcs, "_FEW", 0)
        assert lcs.length(one, other) == by_table(one, other)


@settings(deadline=None)
@given(items, items)
def test_the_places_are_those_that_rouge_score_reads_out(one: list[int], other: list[int]) -> None:
    places = lcs.positions(one, other)
    assert places[::-1] == lcs_ind(one, other)
    assert len(places) == by_table(one, other)


def test_what_would_take_minutes_is_refused_at_once() -> None:
    one, other = [1, 2] * 150_000, [2, 2, 1] * 100_000
    with pytest.raises(ValueError, match="300,000 and 300,000 tokens are too long"):
        lcs.length([3, *one, 4], [5, *other, 6])
    with pytest.raises(ValueError, match="the product may be 1,000,000,000"):
        lcs.positions(one, other)


def test_long_texts_that_are_mostly_equal_or_mostly_foreign_are_no_work() -> None:
    one = list(range(400_000))
    assert lcs.length(one, [*one[:200_000], -1, *one[200_001:]]) == 399_999
    assert lcs.length(one, [-1, *[-2] * 400_000, 7, -1]) == 1
