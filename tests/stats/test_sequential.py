"""Tests of the tests: against the formulas they come from, and against chance."""

import math

import numpy as np
import pytest

from pilothouse.stats.intervals import quantile
from pilothouse.stats.sequential import (
    Contrast,
    Sample,
    best_chances,
    contrast,
    mismatch,
    one_sided_p,
    one_sided_radius,
    radius,
    tuned_scale,
    two_sided_p,
)


def test_the_radius_is_that_of_an_asymptotic_confidence_sequence() -> None:
    n, sigma, rho, alpha = 400.0, 2.0, 0.1, 0.05
    inside = n * rho**2 + 1
    told = sigma * math.sqrt(2 * inside / (n * rho) ** 2 * math.log(math.sqrt(inside) / alpha))
    assert radius(sigma / math.sqrt(n), sigma * rho, alpha) == pytest.approx(told)
    to_one_side = sigma * math.sqrt(2 * inside / (n * rho) ** 2 * math.log(1 + math.sqrt(inside) / (2 * alpha)))
    assert one_sided_radius(sigma / math.sqrt(n), sigma * rho, alpha) == pytest.approx(to_one_side)
    assert to_one_side < told
    assert radius(0.1, 0.3, 0.05) > quantile(0.95) * 0.1


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.2])
def test_a_p_value_is_the_alpha_at_which_the_interval_just_leaves_out_nothing(alpha: float) -> None:
    error, scale = np.array([0.01, 0.1, 1.0]), 0.2
    assert two_sided_p(radius(error, scale, alpha), error, scale) == pytest.approx(alpha)
    assert one_sided_p(one_sided_radius(error, scale, alpha), error, scale) == pytest.approx(alpha)
    assert one_sided_p(-1.0, 0.1, 0.2) == two_sided_p(0.0, 0.1, 0.2) == 1.0
    assert one_sided_p(1e9, 0.1, 0.2) < 1e-200


def test_a_scale_is_tuned_to_where_the_interval_is_narrowest() -> None:
    tuned = tuned_scale(0.1, 25.0, 0.05)
    at = 0.1 / 5
    for other in (0.8 * tuned, 1.25 * tuned):
        assert radius(at, tuned, 0.05) < radius(at, other, 0.05)


def test_one_epoch_is_the_difference_of_the_means_with_its_error() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(3, 2, 500), random.normal(4, 2, 500)
    found = contrast(Sample.of(a), Sample.of(b))
    assert (found.control, found.treatment) == (500, 500)
    assert found.value == pytest.approx(b.mean() - a.mean())
    assert found.error == pytest.approx(math.sqrt(a.var(ddof=1) / 500 + b.var(ddof=1) / 500), rel=0.05)
    scaled = contrast(Sample.of(a), Sample.of(b), factor=1.1)
    assert scaled.value == pytest.approx(b.mean() - 1.1 * a.mean())


def test_an_arm_without_its_outliers_yet_is_not_the_surer_for_it() -> None:
    control, few = Sample.of([0.0] * 95 + [100.0] * 5), Sample.of([0.0, 0.1] * 10)
    found = contrast(control, few)
    assert found.error is not None
    assert found.error > 20 / math.sqrt(20) * 0.9


def test_a_share_of_none_is_no_certainty() -> None:
    none, some = Sample.of([0.0] * 100), Sample.of([0.0] * 99 + [1.0])
    found = contrast(none, none, bounds=(0.0, 1.0))
    assert found.error is not None
    assert found.error > 0.005
    assert contrast(none, none) == Contrast(0.0, pytest.approx(math.sqrt(2) / 100), 100, 100)
    assert contrast(none, some, bounds=(0.0, 1.0)).value == pytest.approx(0.01)
    assert contrast(Sample.of([]), some).error is None
    with pytest.raises(ValueError, match="not finite"):
        Sample.of([1.0, float("nan")])


def test_values_that_are_all_the_same_differ_by_what_they_do_and_not_by_rounding() -> None:
    same = contrast(Sample.of([3e-5] * 317), Sample.of([3e-5] * 333))
    assert same.value == 0
    assert same.error is not None
    dearer = contrast(Sample.of([3e-5] * 100), Sample.of([6e-5] * 100))
    assert dearer.error is not None
    assert one_sided_p(dearer.value, dearer.error, tuned_scale(dearer.error, 10, 0.05)) < 1e-6


def test_epochs_are_compared_within_themselves() -> None:
    """In the second one everything is better, and most units are of the treatment: pooled, that would look like an
    effect (Simpson's paradox)."""
    random = np.random.default_rng(2)
    sizes = {"control": (900, 100), "treatment": (100, 900)}
    values, epochs = {}, {}
    for arm, (early, late) in sizes.items():
        values[arm] = np.concatenate([random.normal(0, 1, early), random.normal(5, 1, late)])
        epochs[arm] = [0] * early + [1] * late
    samples = [Sample.of(values[arm], epochs[arm], 2) for arm in sizes]
    found = contrast(*samples)
    assert found.error is not None
    assert abs(found.value) < 3 * found.error < 0.4
    assert samples[1].average - samples[0].average > 3


def test_a_split_that_is_meant_is_none_and_another_is_found() -> None:
    assert mismatch([[500, 500]], [[1, 1]]) == 1.0
    assert mismatch([[0, 0]], [[1, 1]]) == 1.0
    assert mismatch([[5300, 4700]], [[1, 1]]) < 0.001
    assert mismatch([[900, 100]], [[9, 1]]) == 1.0
    assert mismatch([[900, 100], [500, 500]], [[9, 1], [1, 1]]) == 1.0
    assert mismatch([[50_000, 0]], [[1, 1]]) == 0.0


def test_the_split_is_falsely_doubted_no_more_often_than_told() -> None:
    """Looked at after every ten units of 2,000, in 300 experiments."""
    random = np.random.default_rng(3)
    seen = np.cumsum(random.binomial(10, 0.3, (300, 200)), axis=1)
    doubted = 0
    for row in seen:
        doubted += any(mismatch([[k, 10 * (i + 1) - k]], [[3, 7]]) < 0.05 for i, k in enumerate(row.tolist()))
    assert doubted / 300 < 0.05


def test_peeking_at_no_effect_decides_no_more_often_than_told() -> None:
    """400 experiments of 2,000 units, looked at after every one; a test that forgets the looks before fails."""
    random = np.random.default_rng(4)
    values = random.normal(0, 1, (400, 2000)).cumsum(axis=1) / np.arange(1, 2001)
    error = 1 / np.sqrt(np.arange(1, 2001))
    scale = tuned_scale(float(error[99]), 10.0, 0.05)
    beyond = np.abs(values[:, 99:]) > radius(error[99:], scale, 0.05)
    naive = np.abs(values[:, 99:]) > 1.96 * error[99:]
    upward = values[:, 99:] > one_sided_radius(error[99:], scale, 0.05)
    assert beyond.any(axis=1).mean() < 0.05
    assert upward.any(axis=1).mean() < 0.05
    assert naive.any(axis=1).mean() > 0.3


@pytest.mark.parametrize("shares", [True, False], ids=["beta", "normal"])
def test_an_arm_is_as_likely_best_as_it_looks(shares: bool) -> None:
    random = np.random.default_rng(5)
    good, bad = Sample.of([1.0] * 60 + [0.0] * 40), Sample.of([1.0] * 40 + [0.0] * 60)
    chances = best_chances([bad, good], False, shares, random)
    assert chances.sum() == pytest.approx(1)
    assert chances[1] == pytest.approx(0.998, abs=0.004)
    assert best_chances([bad, good], True, shares, random)[0] > 0.99
    assert best_chances([good, good], False, shares, random)[0] == pytest.approx(0.5, abs=0.05)
    if not shares:
        assert list(best_chances([Sample.of([1.0]), good], False, False, random)) == [0.5, 0.5]
