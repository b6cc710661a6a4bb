"""What runs can tell before they are made."""

import numpy as np
import pytest

from pilothouse.stats.paired import mcnemar
from pilothouse.stats.power import (
    cases_for_flips,
    cases_for_scores,
    cases_for_shares,
    detectable_flips,
    detectable_scores,
    detectable_shares,
    power_of_flips,
    power_of_shares,
)


def test_shares_are_as_statsmodels_has_them() -> None:
    # power_proportions_2indep(difference, base, 200).power of statsmodels 0.15.0, both tails
    assert power_of_shares(200, 0.5, 0.1) == pytest.approx(0.5201179, abs=1e-4)
    assert power_of_shares(200, 0.7, 0.1) == pytest.approx(0.6375108, abs=1e-4)
    assert cases_for_shares(0.5, 0.1) == 388  # Fleiss, Levin and Paik: 387.3


def test_scores_are_as_statsmodels_has_them() -> None:
    for n, due in ((20, 0.6604415), (50, 0.4041830), (200, 0.1990647)):  # TTestPower().solve_power, by the noncentral t
        assert detectable_scores(n) == pytest.approx(due, rel=0.003)
    assert detectable_scores(50, deviation=0.25) == pytest.approx(0.404 / 4, abs=1e-3)
    assert cases_for_scores(0.5, 1.0) == 34
    assert cases_for_scores(0.0) is None
    assert detectable_scores(3) is None


@pytest.mark.parametrize("n", [60, 100])
def test_the_power_of_mcnemar_is_what_simulated_runs_find(n: int) -> None:
    outcomes = np.random.default_rng(1).multinomial(n, [0.2, 0.05, 0.75], size=4000)
    found = np.mean([mcnemar(int(won), int(lost)) <= 0.05 for won, lost, _ in outcomes])
    assert power_of_flips(n, 0.25, 0.15) == pytest.approx(found, abs=0.025)


def test_many_cases_are_near_the_sum_over_all_outcomes() -> None:
    assert power_of_flips(5001, 0.3, 0.022) == pytest.approx(power_of_flips(5000, 0.3, 0.022), abs=0.01)
    assert power_of_flips(40, 1.0, 1.0) == pytest.approx(1.0)
    assert power_of_flips(5, 1.0, 1.0) == 0.0  # five flips to one side have p = 0.0625
    assert power_of_flips(100, 0.2, 0.0) <= 0.05


def test_what_is_detectable_and_how_many_cases_it_needs_are_one() -> None:
    effect = detectable_flips(200, 0.2)
    assert effect is not None
    assert power_of_flips(200, 0.2, effect) >= 0.8 > power_of_flips(200, 0.2, effect - 0.001)
    needed = cases_for_flips(0.2, effect)
    assert needed is not None
    assert abs(needed - 200) <= 3
    share = detectable_shares(388, 0.5)
    assert share == pytest.approx(0.1, abs=1e-3)
    assert detectable_shares(388, 0.9) == pytest.approx(detectable_shares(388, 0.1) or 0.0)
    some = cases_for_scores(0.3)
    assert some is not None
    assert detectable_scores(some) == pytest.approx(0.3, rel=0.01)


def test_out_of_reach_is_none() -> None:
    assert detectable_flips(10, 0.1) is None
    assert detectable_shares(2, 0.5) is None
    assert cases_for_shares(0.5, 0.0) is None
    assert cases_for_scores(1e-9) is None
    assert cases_for_flips(0.1, 1e-7) is None


def test_no_shares_are_refused() -> None:
    for wrong in (
        lambda: power_of_shares(10, 0.9, 0.2),
        lambda: power_of_flips(10, 0.1, 0.2),
        lambda: power_of_flips(0, 0.1, 0.05),
        lambda: detectable_shares(10, 1.5),
        lambda: cases_for_scores(0.1, -1.0),
        lambda: detectable_scores(100, power=1.0),
        lambda: detectable_scores(100, level=2.0),
    ):
        with pytest.raises(ValueError, match=r"between 0 and 1|leaves 0 to 1|at least 1|above 0|flips"):
            wrong()
