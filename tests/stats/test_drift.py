"""Drift of vectors and of counts: told where there is some, not told where there is none, the same every time."""

import numpy as np
import pytest

from pilothouse.stats.drift import PERMUTATIONS, Drift, binned, drift_of_counts, drift_of_vectors, psi
from pilothouse.stats.intervals import wilson_bounds


def _vectors(source: np.random.Generator, count: int, shift: float = 0.0, dimensions: int = 16) -> np.ndarray:
    made = source.normal(size=(count, dimensions)).astype(np.float32)
    made[:, 0] += shift
    return made


def _weeks(source: np.random.Generator, count: int = 100, days: int = 10) -> list[np.ndarray]:
    return [_vectors(source, count) for _ in range(days)]


def test_vectors_that_moved_are_told_with_how_far() -> None:
    source = np.random.default_rng(1)
    found = drift_of_vectors(_vectors(source, 200, shift=2.0), _weeks(source))
    assert found.p == 1 / (1 + PERMUTATIONS)
    assert found.effect == pytest.approx(2.0 / np.sqrt(16), abs=0.06)  # the distance over the root of the variance
    assert found.effect > 4 * found.furthest


def test_no_drift_is_a_false_alarm_as_often_as_the_p_value_says() -> None:
    found = []
    for seed in range(120):
        source = np.random.default_rng(seed)
        found.append(drift_of_vectors(_vectors(source, 60), _weeks(source, 30, 5), permutations=99, seed=seed))
    few = sum(one.p <= 0.05 for one in found)
    assert wilson_bounds(few, len(found), 3.0)[0] < 0.05 < wilson_bounds(few, len(found), 3.0)[1]
    assert np.median([one.effect for one in found]) < 0.08  # the size of the samples is taken out


def test_an_effect_does_not_hang_on_the_size_of_the_sample() -> None:
    source = np.random.default_rng(2)
    before = _weeks(source, 400)
    few, many = (drift_of_vectors(_vectors(source, n, shift=1.0), before, permutations=19) for n in (150, 3000))
    assert few.effect == pytest.approx(many.effect, abs=0.06)


def test_days_that_stray_by_themselves_are_told_and_one_bad_day_is_not() -> None:
    source = np.random.default_rng(3)
    calm = [_vectors(source, 200) for _ in range(10)]
    weekends = [_vectors(source, 200, shift=1.0 if day % 5 == 0 else 0.0) for day in range(10)]
    ordinary = drift_of_vectors(calm[0], calm[1:], permutations=19)
    stray = drift_of_vectors(calm[0], weekends, permutations=19)
    outage = drift_of_vectors(calm[0], [*calm[1:], _vectors(source, 200, shift=3.0)], permutations=19)
    assert ordinary.furthest < 0.1 < stray.furthest
    assert outage.furthest < 0.12


def test_the_same_vectors_everywhere_are_no_drift() -> None:
    same = np.ones((5, 4), np.float32)
    assert drift_of_vectors(same, [same, same]) == Drift(0.0, 1.0, 0.0, 0.0, 0.0)


def test_what_is_found_is_the_same_every_time() -> None:
    source = np.random.default_rng(4)
    day, before = _vectors(source, 80, shift=0.3), _weeks(source, 50, 7)
    assert drift_of_vectors(day, before) == drift_of_vectors(day, before)
    counts = source.integers(5, 40, (8, 10))
    assert drift_of_counts(counts[0], counts[1:]) == drift_of_counts(counts[0], counts[1:])


def test_the_stability_index_is_the_sum_that_its_papers_give() -> None:
    many = 10_000_000  # where half a count is nothing
    found = psi(np.array([20, 30, 50]) * many, np.array([30, 30, 40]) * many)
    assert float(found) == pytest.approx(0.1 * np.log(1.5) + 0.1 * np.log(1.25), abs=1e-6)
    assert float(psi(np.array([0, 10]), np.array([10, 0]))) < 6.1  # and not infinite


def test_counts_that_moved_are_told_with_how_far() -> None:
    source = np.random.default_rng(5)
    usual, moved = np.full(10, 0.1), np.array([0.05, 0.05, 0.05, 0.05, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2])
    before = source.multinomial(2000, usual, size=9)
    found = drift_of_counts(source.multinomial(2000, moved), before)
    expected = float(((moved - usual) * np.log(moved / usual)).sum())
    assert found.p == 1 / (1 + PERMUTATIONS)
    assert found.effect == pytest.approx(expected, abs=0.06)
    assert found.furthest < 0.01


@pytest.mark.parametrize("size", [60, 2000])
def test_counts_without_drift_are_a_false_alarm_as_often_as_the_p_value_says(size: int) -> None:
    source = np.random.default_rng(6)
    found = []
    for seed in range(300):
        before = source.multinomial(size, np.full(10, 0.1), size=7)
        found.append(drift_of_counts(source.multinomial(size, np.full(10, 0.1)), before, 199, seed))
    few = sum(one.p <= 0.05 for one in found)
    assert wilson_bounds(few, len(found), 3.0)[0] < 0.05 < wilson_bounds(few, len(found), 3.0)[1]
    assert np.mean([one.statistic for one in found]) == pytest.approx(9 / size + 9 / (7 * size), rel=0.15)
    assert np.median([one.effect for one in found]) < 0.3 * 9 / size + 1e-3  # what few samples give is taken out


def test_histograms_are_put_into_bins_that_are_about_equally_full() -> None:
    source = np.random.default_rng(7)
    days = [dict(enumerate(source.poisson(30, 40).tolist())) for _ in range(4)]
    found = binned(days)
    assert found.shape == (4, 10)
    assert found.sum() == sum(sum(day.values()) for day in days)
    assert found.sum(axis=0).min() > 0.6 * found.sum(axis=0).max()


def test_a_full_bin_stays_whole_and_what_is_empty_is_none() -> None:
    assert binned([{1: 990, 7: 10}, {1: 500}]).tolist() == [[990, 10], [500, 0]]
    assert binned([{}, {3: -2}]).shape == (2, 0)
