"""Few human labels and many of a judge: one interval for the people's mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.stats.intervals import difference, student, wilson
from pilothouse.stats.ppi import ppi_mean

HUMAN = [1, 0, 1, 1, 0, 1, 0, 1, 1, 1]
JUDGE = [1, 0, 1, 1, 1, 1, 0, 1, 0, 1]
ALONE = [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1]


def test_the_estimate_and_its_error_are_those_of_ppi_python() -> None:
    # ppi_mean_pointestimate and ppi_mean_ci of ppi-python 0.2.3 (alpha 0.05, lam None, 1 and 0). It divides by n where
    # this divides by n - 1, so that only the error of the classical mean is exactly its own times (10 / 9) ** 0.5.
    due = {None: (0.718125, 0.97379676), 1.0: (0.75, 1.0859209), 0.0: (0.7, 0.98402577)}
    for weight, (value, high) in due.items():
        found = ppi_mean(HUMAN, JUDGE, ALONE, weight=weight)
        assert found.estimate.value == pytest.approx(value, abs=1e-12)
        theirs = (high - value) / 1.959963985
        assert found.error == pytest.approx(theirs * (10 / 9) ** 0.5, rel=0.01 if weight != 0.0 else 1e-7)
    assert ppi_mean(HUMAN, JUDGE, ALONE).weight == pytest.approx(0.3625)


def test_by_hand() -> None:
    human, judge, alone = [1.0, 2.0, 4.0], [2.0, 2.0, 5.0], [3.0, 5.0]
    found = ppi_mean(human, judge, alone, weight=1.0)
    assert found.estimate.value == pytest.approx(4 + (-1 + 0 - 1) / 3)
    assert found.bias == pytest.approx(2 / 3)
    assert found.error == pytest.approx((2 / 2 + (1 / 3) / 3) ** 0.5)  # variances 2 of two, 1/3 of three
    assert found.estimate.high == pytest.approx(found.estimate.value + student(0.95, 2) * found.error)
    assert (found.judged, found.estimate.n, found.classical.n) == (2, 5, 3)
    assert "rough" in found.estimate.note


def simulated(right: float, share: float, runs: int = 400) -> tuple[float, float]:
    """How often the interval holds the truth, and its width by that of the human labels alone."""
    random, held, widths = np.random.default_rng(4), 0, 0.0
    for _ in range(runs):
        human = random.random(1200) < share
        judge = np.where(random.random(1200) < right, human, ~human)
        found = ppi_mean(human[:200], judge[:200], judge[200:])
        low, high, below, above = (
            bound or 0.0
            for bound in (found.estimate.low, found.estimate.high, found.classical.low, found.classical.high)
        )
        held += low <= share <= high
        widths += (high - low) / (above - below)
    return held / runs, widths / runs


@pytest.mark.parametrize(
    ("right", "share", "width"), [(0.9, 0.7, 0.72), (0.9, 0.95, 0.92), (0.5, 0.7, 1.01)], ids=["good", "rare", "coin"]
)
def test_with_200_human_labels_the_truth_is_held_as_often_as_said(right: float, share: float, width: float) -> None:
    held, narrower = simulated(right, share)
    assert 0.92 <= held <= 0.98  # 0.95 give or take three standard errors of 400 runs
    assert narrower <= width


def test_a_judge_that_says_one_thing_counts_nothing() -> None:
    found = ppi_mean(HUMAN * 4, [1] * 40, [1] * 100)
    assert (found.weight, found.estimate.value, found.bias) == (0.0, 0.7, pytest.approx(0.3))
    assert (found.estimate.low, found.estimate.high) == (found.classical.low, found.classical.high)
    assert ppi_mean(HUMAN, [1 - one for one in HUMAN], ALONE).weight == 0.0  # one that is always wrong neither


def test_equal_human_labels_have_the_interval_of_a_share() -> None:
    found = ppi_mean([1] * 30, [1] * 29 + [0], ALONE)
    assert (found.estimate.low, found.estimate.high) == (wilson(30, 30).low, 1.0)
    assert ppi_mean([3.0] * 30, [2.0] * 30, [3.0, 4.0]).estimate.low is None


def test_an_estimate_stays_within_the_bounds() -> None:
    found = ppi_mean([1] * 39 + [0], [1] * 38 + [0, 0], [1] * 200, weight=1.0)
    assert (found.estimate.value, found.estimate.high) == (1.0, 1.0)
    assert 0.9 < (found.estimate.low or 0.0) < 1


def test_too_few_differences_are_told() -> None:
    human = HUMAN * 10
    assert "differ on 1 of 100" in ppi_mean(human, [0, *human[1:]], ALONE).estimate.note
    assert ppi_mean(human, JUDGE * 10, ALONE).estimate.note == ""


def test_the_difference_of_two_runs() -> None:
    before, after = ppi_mean(HUMAN * 4, JUDGE * 4, ALONE), ppi_mean([1, *HUMAN[1:-1], 0] * 4, JUDGE * 4, ALONE)
    found = difference(before.estimate, after.estimate)
    assert found.value == pytest.approx(after.estimate.value - before.estimate.value)
    assert found.high == pytest.approx(found.value + 2 * (before.error**2 + after.error**2) ** 0.5, abs=0.02)


def test_the_difference_of_two_runs_over_the_same_cases() -> None:
    change = np.array([1, 0, 0, -1, 0, 1, 0, 0, 1, 0] * 4)
    seen, alone = np.where(np.arange(40) % 7, change, 0), np.tile([0, 1, 0, -1], 50)
    found = ppi_mean(change, seen, alone, bounds=(-1, 1))
    assert found.classical.value == pytest.approx(0.2)
    assert -1 < (found.estimate.low or -1) < found.estimate.value < (found.estimate.high or 1) < 1
    assert 0 < found.weight <= 1


def test_an_error_of_nothing_is_not_believed() -> None:
    found = ppi_mean(HUMAN, HUMAN, [1] * 20, weight=1.0)  # the judge is right on all, and says the same of all others
    assert (found.weight, found.estimate.low) == (0.0, found.classical.low)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=20),
    st.lists(st.integers(0, 4), min_size=2, max_size=20),
)
def test_the_order_of_cases_says_nothing_and_bounds_hold(pairs: list[tuple[int, int]], alone: list[int]) -> None:
    human, judge = [a / 4 for a, _ in pairs], [b / 4 for _, b in pairs]
    found = ppi_mean(human, judge, np.divide(alone, 4), bounds=(0.0, 1.0))
    again = ppi_mean(human[::-1], judge[::-1], np.divide(alone[::-1], 4), bounds=(0.0, 1.0))
    assert found.estimate.value == pytest.approx(again.estimate.value)
    assert 0 <= found.weight <= 1
    assert (found.estimate.low or 0.0) <= found.estimate.value + 1e-9
    assert found.estimate.value <= (found.estimate.high or 0.0) + 1e-9


def test_labels_of_other_cases_are_refused() -> None:
    for human, judge, alone in (([1, 0], [1], [1]), ([1], [1], [1]), ([1, 0], [1, 0], [])):
        with pytest.raises(ValueError, match="at least 2, equally many"):
            ppi_mean(human, judge, alone)
    with pytest.raises(ValueError, match="from 0 to 3, out of the bounds"):
        ppi_mean([0, 3], [1, 3], [1, 2], bounds=(0, 1))
    with pytest.raises(ValueError, match="value 1 is nan"):
        ppi_mean([1, float("nan")], [1, 0], [1])
