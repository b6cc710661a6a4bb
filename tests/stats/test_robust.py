"""Medians and spreads."""

import random

import pytest

from pilothouse.stats.robust import median, spread


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
