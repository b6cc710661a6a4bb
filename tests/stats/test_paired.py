"""Two runs over the same cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.stats.paired import compare_passes, compare_scores, mcnemar

SCORES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=2, max_size=12)


def test_mcnemar_by_hand() -> None:
    assert mcnemar(7, 1) == pytest.approx(2 * (1 + 8) / 2**8)
    assert mcnemar(0, 0) == mcnemar(3, 3) == 1.0
    assert mcnemar(6, 0) == pytest.approx(2 / 64)
    assert mcnemar(700, 600) == pytest.approx(0.0060157938610449395, rel=1e-9)  # binomtest(600, 1300) of scipy 1.17.1
    assert mcnemar(0, 5000) >= 0.0


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_has_no_side(won: int, lost: int) -> None:
    assert 0 <= mcnemar(won, lost) == mcnemar(lost, won) <= 1


def test_large_and_small_counts_of_flips_meet() -> None:
    assert mcnemar(540, 460) > mcnemar(541, 460) > mcnemar(542, 460)  # whole numbers up to 1,000 flips, then logarithms
    assert mcnemar(541, 460) == pytest.approx(mcnemar(540, 460), rel=0.1)


def test_passes_and_their_flips() -> None:
    # Bentur et al. 2009, as in Fagerland, Lydersen and Laake 2014, table 1: 1, 1, 7, 12 of 21
    before = [True, True, *[False] * 19]
    after = [True, False, *[True] * 7, *[False] * 12]
    found = compare_passes(before, after)
    assert (found.both, found.lost, found.won, found.neither) == (1, (1,), tuple(range(2, 9)), 12)
    assert found.p == pytest.approx(0.0703125)
    assert found.difference.value == pytest.approx(6 / 21)
    assert (found.difference.low, found.difference.high) == pytest.approx((0.026, 0.507), abs=5e-4)
    assert found.odds_ratio == 7.0
    assert (found.odds_low, found.odds_high) == pytest.approx((1.1246, 43.57), rel=1e-3)  # 7 of 8 is 0.5291 to 0.9776


def test_runs_without_a_flip_still_have_an_interval() -> None:
    found = compare_passes([True] * 20, [True] * 20)
    assert (found.p, found.odds_ratio, found.odds_low, found.odds_high) == (1.0, None, None, None)
    assert found.difference.low == pytest.approx(-(found.difference.high or 0.0))
    assert found.difference.high == pytest.approx(0.1611, abs=1e-3)
    better = compare_passes([False] * 5, [True] * 5)
    assert (better.odds_ratio, better.odds_high) == (None, None)
    assert (better.odds_low or 0.0) > 1


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_passes_turn_with_the_runs_and_whatever_the_order_of_cases(pairs: list[tuple[bool, bool]]) -> None:
    before, after = [one for one, _ in pairs], [other for _, other in pairs]
    found, turned = compare_passes(before, after), compare_passes(after, before)
    again = compare_passes(before[::-1], after[::-1])
    assert (found.p, found.difference) == (again.p, again.difference)
    assert (found.won, found.lost, found.p) == (turned.lost, turned.won, turned.p)
    assert found.difference.low is not None
    assert found.difference.high is not None
    assert -1 <= found.difference.low <= found.difference.value + 1e-12
    assert found.difference.value - 1e-12 <= found.difference.high <= 1
    assert turned.difference.value == pytest.approx(-found.difference.value)


def test_scores_of_few_cases_are_tested_exactly() -> None:
    found = compare_scores([1, 1, 1, 1, 1], [2, 3, 1, 2, 0.5], np.random.default_rng(1))
    # differences 1, 2, 0, 1, -0.5: of 16 signs those with |sum| >= 3.5 are all alike or only the half turned, twice
    assert (found.p, found.exact) == (4 / 16, True)
    assert (found.better, found.worse) == ((1, 0, 3), (4,))
    assert (found.before, found.after, found.difference.value) == (1.0, pytest.approx(1.7), pytest.approx(0.7))
    assert found.effect == pytest.approx(0.7 / np.std([1, 2, 0, 1, -0.5], ddof=1))


@settings(deadline=None, max_examples=50)
@given(SCORES)
def test_exact_p_is_by_trying_all_signs(pairs: list[tuple[int, int]]) -> None:
    before, after = [float(one) for one, _ in pairs], [float(other) for _, other in pairs]
    change = np.subtract(after, before)
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(change))).reshape(len(change), -1)
    due = float((np.abs(signs.T @ change) >= abs(change.sum()) - 1e-9).mean())
    assert compare_scores(before, after, np.random.default_rng(1)).p == pytest.approx(due)


def test_sampled_permutations_are_near_the_exact_p() -> None:
    random = np.random.default_rng(5)
    before, after = random.normal(0, 1, 200), random.normal(0.15, 1, 200)
    found = compare_scores(before, after, random)
    assert not found.exact
    apart = after - before
    z = abs(apart.mean()) / (np.sqrt((apart**2).mean()) / np.sqrt(200))  # what signs at random are like, for many
    assert found.p == pytest.approx(2 * (1 - 0.5 * (1 + np.tanh(0.7978845608 * (z + 0.044715 * z**3)))), abs=0.02)
    assert found.difference.low is not None
    assert found.difference.low < apart.mean() < (found.difference.high or 0.0)
    assert compare_scores(before, after, np.random.default_rng(2)) == compare_scores(
        before, after, np.random.default_rng(2)
    )


def test_equal_runs_differ_by_chance_alone() -> None:
    random, found = np.random.default_rng(9), 0
    for _ in range(200):
        before, after = random.random((2, 30))
        found += compare_scores(before, after, random, permutations=199).p <= 0.05
    assert found <= 20


def test_the_same_change_everywhere_has_no_effect_size() -> None:
    found = compare_scores([0.1, 0.2, 0.3], [0.2, 0.3, 0.4], np.random.default_rng(1))
    assert (found.effect, found.difference.low, found.p) == (None, None, 0.25)
    same = compare_scores([0.1, 0.2], [0.1, 0.2], np.random.default_rng(1))
    assert (same.p, same.effect, same.difference.low) == (1.0, None, None)


def test_runs_over_other_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="2 cases before and 1 after"):
        compare_passes([True, False], [True])
    with pytest.raises(ValueError, match="at least 1"):
        compare_scores([], [], np.random.default_rng(1))
    with pytest.raises(ValueError, match="value 0 is nan"):
        compare_scores([float("nan")], [1.0], np.random.default_rng(1))
