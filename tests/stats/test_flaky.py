"""Several trials of one case."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.stats.flaky import flaky, pass_all_k, pass_at_k, passes, unsteady
from pilothouse.stats.intervals import wilson


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=8), st.integers(1, 8))
def test_the_estimators_are_the_mean_over_all_choices_of_k(trials: list[bool], k: int) -> None:
    if k > len(trials):
        with pytest.raises(ValueError, match="k is 1 to the number"):
            pass_at_k(len(trials), sum(trials), k)
        return
    chosen = list(combinations(trials, k))
    assert pass_at_k(len(trials), sum(trials), k) == pytest.approx(np.mean([any(some) for some in chosen]))
    assert pass_all_k(len(trials), sum(trials), k) == pytest.approx(np.mean([all(some) for some in chosen]))


def test_the_mean_over_cases() -> None:
    cases = [[True, True, True], [True, False, False], [False, False, False]]
    random = np.random.default_rng(1)
    assert passes(cases, 2, random).value == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert passes(cases, 2, random, every=True).value == pytest.approx(1 / 3)
    assert passes(cases, 3, random) == wilson(2, 3)
    with pytest.raises(ValueError, match="case 1 has 1 trials: 1 cases have fewer than 2"):
        passes([[True, True], [True]], 2, random)
    with pytest.raises(ValueError, match="no values"):
        passes([], 1, random)


def test_flaky_cases_are_those_that_do_both() -> None:
    found = flaky([[True] * 4, [True, False], [False, True, True, True], [True]])
    assert [(one.case, one.trials, one.passed) for one in found.cases] == [(1, 2, 1), (2, 4, 3)]
    assert found.cases[1].disagree == pytest.approx(0.5)  # 3 of the 6 pairs
    assert found.share == wilson(2, 3)
    assert found.disagree == pytest.approx((0 + 1 + 0.5) / 3)
    assert flaky([[True], [False]]).share is None


def test_scores_that_vary_between_trials() -> None:
    found = unsteady([[0.5, 0.5], [0.0, 1.0], [0.4, 0.6], [1.0]], limit=0.1)
    assert [case for case, _ in found] == [1, 2]
    assert found[0][1] == pytest.approx(0.5**0.5)
