import numpy as np
import pytest

from pilothouse.stats.separating import (
    auroc,
    calibration_error,
    recall_at,
    reliability,
    resampled,
    threshold_at,
)


def values(*given: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array(given, dtype=np.float64)


@pytest.mark.parametrize(
    ("positive", "negative", "area"),
    [((3, 4), (1, 2), 1.0), ((1, 2), (3, 4), 0.0), ((1, 3), (2, 4), 0.25), ((1, 1), (1, 1), 0.5), ((2,), (1, 2), 0.75)],
    ids=["apart", "reversed", "mixed", "equal", "a tie"],
)
def test_the_area_is_the_share_of_pairs_in_order(
    positive: tuple[float, ...], negative: tuple[float, ...], area: float
) -> None:
    assert auroc(values(*positive), values(*negative)) == area


def test_the_area_is_that_of_every_pair_compared() -> None:
    source = np.random.default_rng(2)
    positive, negative = source.integers(0, 9, 40) / 9, source.integers(0, 7, 30) / 9
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5])
def test_a_threshold_lets_no_more_than_the_rate_through(rate: float) -> None:
    negative = np.random.default_rng(1).integers(0, 50, 200) / 50
    threshold = threshold_at(negative, rate)
    assert (negative >= threshold).mean() <= rate
    assert (negative >= np.nextafter(threshold, 0)).mean() > rate


def test_recall_counts_what_is_above_all_but_a_share_of_the_negatives() -> None:
    negative = np.arange(100) / 100
    assert recall_at(values(0.985, 0.99, 0.5, 1.0), negative, 0.01) == 0.75


def test_without_one_side_nothing_is_said() -> None:
    assert np.isnan(auroc(values(), values(1.0)))
    assert np.isnan(recall_at(values(1.0), values()))


def test_an_interval_holds_the_measure() -> None:
    source = np.random.default_rng(4)
    positive, negative = source.normal(1, 1, 200), source.normal(0, 1, 200)
    low, high = resampled(auroc, positive, negative, times=100)
    assert low < auroc(positive, negative) < high
    assert (low, high) == resampled(auroc, positive, negative, times=100)


def test_chances_that_are_shares_have_no_error() -> None:
    chances, labels = values(0.25, 0.25, 0.25, 0.25, 1.0), values(0, 0, 0, 1, 1)
    assert reliability(chances, labels) == [(0.25, 0.25, 4), (1.0, 1.0, 1)]
    assert calibration_error(chances, labels) == 0
    assert calibration_error(values(0.9, 0.9), values(0, 0)) == pytest.approx(0.9)
