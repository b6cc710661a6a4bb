"""Intervals hold the truth as often as they say, and say where they cannot."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.stats.intervals import (
    bootstrap_mean,
    difference,
    finite,
    mean_interval,
    newcombe,
    quantile,
    resampled_means,
    student,
    wilson,
    wilson_bounds,
    within,
)


def test_wilson_is_as_tables_have_it() -> None:
    found = wilson(5, 10)
    assert (found.value, found.n, found.method) == (0.5, 10, "wilson")
    # proportion_confint(5, 10, 0.05, "wilson") of statsmodels 0.15.0
    assert (found.low, found.high) == pytest.approx((0.23659309051256394, 0.7634069094874361), abs=1e-12)
    assert wilson(0, 20).low == 0.0
    assert wilson(0, 20).high == pytest.approx(0.1611, abs=1e-4)
    assert wilson_bounds(0, 0, 3.0) == (0.0, 1.0)
    assert wilson_bounds(5000, 10_000, 3.0)[0] > 0.48


@pytest.mark.parametrize(("count", "total"), [(1, 0), (-1, 4), (5, 4), (math.nan, 4)])
def test_a_share_of_nothing_is_refused(count: float, total: float) -> None:
    with pytest.raises(ValueError, match="is no share"):
        wilson(count, total)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, math.nan])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(level)


@settings(deadline=None, max_examples=50)
@given(count=st.integers(0, 300), more=st.integers(0, 300), level=st.floats(0.5, 0.999))
def test_wilson_holds_its_share_and_turns_with_it(count: int, more: int, level: float) -> None:
    total = count + more
    if not total:
        return
    found, turned = wilson(count, total, level), wilson(more, total, level)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert turned.low == pytest.approx(1 - found.high, abs=1e-12)


def test_newcombe_is_his_own_example() -> None:
    # Newcombe 1998, table II, (a): 56/70 and 48/80, method 10
    found = newcombe((48, 80), (56, 70))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 50), st.integers(1, 50))
def test_newcombe_turns_with_its_sides(a: int, more: int, b: int, others: int) -> None:
    found, turned = newcombe((a, a + more), (b, b + others)), newcombe((b, b + others), (a, a + more))
    assert turned.value == pytest.approx(-found.value)
    assert (turned.low, turned.high) == pytest.approx((-(found.high or 0.0), -(found.low or 0.0)))


def test_a_difference_needs_bounds_of_one_level() -> None:
    random = np.random.default_rng(1)
    means = [bootstrap_mean(random.normal(place, 1, 50), random) for place in (0, 1)]
    found = difference(*means)
    half = 2 * (2 / 50) ** 0.5
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.12)
    with pytest.raises(ValueError, match="1 value tells no interval"):
        difference(bootstrap_mean([1.0], random), means[0])
    with pytest.raises(ValueError, match=r"0\.9 and of 0\.95"):
        difference(wilson(1, 2, 0.9), wilson(1, 2))


def test_student_is_exact() -> None:
    told = [student(0.95, freedom) for freedom in (1, 2, 9, 200)]
    assert told == pytest.approx([12.706204736, 4.302652730, 2.262157163, 1.971896224], rel=1e-8)  # scipy 1.17.1
    assert student(0.99, 1000) == pytest.approx(2.580754698, rel=1e-7)
    assert student(0.95, 200) > student(0.95, 201) > quantile(0.95)


def test_a_bootstrap_is_that_of_scipy() -> None:
    values = np.array([0.2, 0.9, 1.0, 0.4, 0.75, 0.8, 0.95, 1.0, 0.6, 0.85, 0.3, 1.0])
    found = bootstrap_mean(values, np.random.default_rng(1), resamples=50_000)
    # stats.bootstrap(values, numpy.mean, method="BCa", n_resamples=400_000) of scipy 1.17.1, at the level of
    # Hesterberg, which is 0.978486770 for 12 values; and method="percentile"
    assert (found.low, found.high) == pytest.approx((0.5125, 0.88333), abs=5e-3)
    plain = bootstrap_mean(values, np.random.default_rng(1), method="percentile", resamples=50_000)
    assert (plain.low, plain.high) == pytest.approx((0.5375, 0.89583), abs=5e-3)


def test_the_same_source_gives_the_same_interval_and_blocks_change_nothing() -> None:
    values = np.random.default_rng(3).random(50)
    assert bootstrap_mean(values, np.random.default_rng(1)) == bootstrap_mean(values, np.random.default_rng(1))
    assert len(resampled_means(np.arange(3000.0), np.random.default_rng(1), 1000)) == 1000


@pytest.mark.parametrize(("size", "least"), [(5, 0.86), (20, 0.92), (100, 0.93)])
def test_a_bootstrap_holds_the_mean_nearly_as_often_as_it_says(size: int, least: float) -> None:
    random, held = np.random.default_rng(7), 0
    for _ in range(400):
        found = bootstrap_mean(random.beta(5, 1, size), random, resamples=400)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 5 / 6 <= found.high
    assert least <= held / 400 <= 0.98


def test_what_cannot_be_told_is_said() -> None:
    random = np.random.default_rng(1)
    one = bootstrap_mean([0.7], random)
    assert (one.value, one.low, one.high, one.note) == (0.7, None, None, "1 value tells no interval")
    alike = bootstrap_mean([0.7] * 5, random)
    assert (alike.low, alike.method) == (None, "none")
    assert "all 5 values are equal" in alike.note
    assert "too narrow" in bootstrap_mean([0.1, 0.4, 0.9], random).note
    ranged = bootstrap_mean([1.0] * 5, random, bounds=(0.0, 1.0))
    assert (ranged.low, ranged.high) == wilson_bounds(5, 5, quantile(0.95))
    scaled = bootstrap_mean([5.0] * 5, random, bounds=(1.0, 5.0))
    assert (scaled.low, scaled.high) == pytest.approx((1 + 4 * (ranged.low or 0.0), 5.0))


def test_bad_values_are_told_by_their_place() -> None:
    random = np.random.default_rng(1)
    with pytest.raises(ValueError, match="value 1 is nan: 2 of 3 are not finite"):
        bootstrap_mean([1.0, math.nan, math.inf], random)
    with pytest.raises(ValueError, match="no values"):
        bootstrap_mean([], random)
    with pytest.raises(ValueError, match="from 0 to 3, out of the bounds"):
        bootstrap_mean([0.0, 3.0], random, bounds=(0.0, 1.0))
    with pytest.raises(ValueError, match="no method 'guess'"):
        bootstrap_mean([1.0, 2.0], random, method="guess")
    with pytest.raises(ValueError, match="2 dimensions"):
        finite([[1.0]])


def test_the_interval_that_fits() -> None:
    random = np.random.default_rng(1)
    assert mean_interval([1.0, 0.0, 1.0], random) == wilson(2, 3)
    assert mean_interval([1.0, 0.0, 0.5], random).method == "bca"
    assert mean_interval([1.0, 0.0, 1.0], random, bounds=(-1.0, 1.0)).method == "bca"


def test_bounds_of_a_mean_stay_within() -> None:
    error = math.sqrt(0.5 * 0.5 / 40)
    assert within(0.5, error, 1.96) == pytest.approx(wilson_bounds(20, 40, 1.96))
    low, high = within(4.9, 0.2, 1.96, (1.0, 5.0))
    assert 1 < low < 4.9 < high < 5
    assert within(0.0, 0.1, 2.0) == (0.0, 0.2)
