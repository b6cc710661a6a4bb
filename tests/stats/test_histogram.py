"""Histograms: what goes in comes out within a bucket, and sums do not depend on how they were made."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.stats.histogram import (
    ZERO,
    bucket,
    fraction_below,
    linear,
    merge,
    pack,
    percentile,
    percentiles,
    unpack,
    value_of,
)

values = st.floats(min_value=1e-6, max_value=1e15)


@given(values)
def test_a_value_lies_within_its_bucket(value: float) -> None:
    assert value_of(bucket(value)) == pytest.approx(value, rel=0.045)


def test_zero_has_a_bucket_of_its_own() -> None:
    assert bucket(0) == bucket(-3) == ZERO
    assert value_of(ZERO) == 0.0
    assert percentile({ZERO: 3}, 0.5) == 0.0


@given(st.dictionaries(st.integers(-32768, 32767), st.integers(-(2**62), 2**62)))
def test_packed_it_stays_the_same(counts: dict[int, int]) -> None:
    assert unpack(pack(counts)) == {place: count for place, count in counts.items() if count}


@given(st.lists(st.lists(values, max_size=20), max_size=6))
def test_the_sum_of_parts_is_the_whole(parts: list[list[float]]) -> None:
    counted = [Counter(map(bucket, part)) for part in parts]
    assert merge(map(pack, counted)) == Counter(bucket(value) for part in parts for value in part)


def test_what_is_taken_back_is_gone() -> None:
    assert merge([pack({5: 3, 7: 1}), pack({5: -3})]) == {7: 1}
    assert merge([]) == {}


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99])
def test_percentiles_are_right_within_a_bucket(share: float) -> None:
    counts = Counter(bucket(value) for value in range(1, 100_001))
    assert percentile(counts, share) == pytest.approx(share * 100_000, rel=0.045)


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentiles({}, (0.5, 0.9)) == [None, None]
    assert fraction_below({}, 10) is None


def test_scores_are_counted_in_hundredths() -> None:
    counts = Counter(map(linear, (0.0, 0.29, 0.3, 0.5, 1.0)))
    assert fraction_below(counts, linear(0.3)) == pytest.approx(0.4)
    assert linear(1e9) == 32767
    assert linear(-1e9) == -32768
