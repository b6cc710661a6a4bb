"""Medians, spreads and bounds of shares."""

import random

import pytest

from pilothouse.stats.robust import median, spread, wilson


def test_the_median_is_the_middle() -> None:
    assert (median([3.0]), median([5.0, 1.0, 3.0]), median([4.0, 1.0, 3.0, 2.0])) == (3.0, 3.0, 2.5)
    with pytest.raises(ValueError, match="no values"):
        median([])


def test_the_spread_is_that_of_a_normal_distribution_whatever_a_few_values_are() -> None:
    source = random.Random(3)
    values = [source.gauss(5.0, 2.0) for _ in range(4000)]
    assert spread(values) == pytest.approx(2.0, rel=0.05)
    assert spread([*values, *[1e9] * 100]) == pytest.approx(2.0, rel=0.1)
    assert spread([1.0, 3.0], centre=0.0) == pytest.approx(1.4826 * 2.0)


def test_a_share_of_few_is_uncertain() -> None:
    low, high = wilson(5, 10, 1.96)
    assert (round(low, 3), round(high, 3)) == (0.237, 0.763)  # Wilson (1927), as tables have it
    assert wilson(0, 0, 3.0) == (0.0, 1.0)
    assert wilson(0, 100, 3.0)[0] == 0.0
    assert wilson(5000, 10_000, 3.0)[0] > 0.48
