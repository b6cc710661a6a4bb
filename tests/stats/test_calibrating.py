import math

import numpy as np
import pytest

from pilothouse.stats.calibrating import Isotonic, conformal_threshold


def test_isotonic_by_hand() -> None:
    """1, 0 at the scores 2 and 3 are one block of 0.5."""
    made = Isotonic.fit([1, 2, 3, 4], [False, True, False, True])
    assert [made.of(score) for score in (0, 1, 2, 2.5, 3, 4, 9)] == [0, 0, 0.5, 0.5, 0.5, 1, 1]
    assert made.of(1.5) == 0.25
    assert Isotonic.fit([1, 1, 1, 2], [True, False, False, True]).of(1) == pytest.approx(1 / 3)
    assert Isotonic.fit([3, 2, 1], [False, False, True]).value == (pytest.approx(1 / 3),) * 2
    with pytest.raises(ValueError, match="finite"):
        Isotonic.fit([math.nan], [True])


def test_isotonic_finds_the_probabilities_behind_scores() -> None:
    random = np.random.default_rng(2)
    scores = random.uniform(0, 1, 4000)
    were = random.uniform(0, 1, 4000) < scores**2
    made = Isotonic.fit(scores[:3000].tolist(), were[:3000].tolist())
    assert list(made.value) == sorted(made.value)
    far = [abs(made.of(score) - score**2) for score in np.linspace(0.02, 0.98, 49)]
    assert float(np.mean(far)) < 0.04


def test_a_conformal_threshold_is_missed_as_seldom_as_it_says() -> None:
    assert conformal_threshold([5, 1, 4, 2, 3, 6, 7, 8, 9], 0.2) == 2
    assert conformal_threshold([1, 2, 3], 0.1) == -math.inf
    random = np.random.default_rng(3)
    missed = [
        random.normal() < conformal_threshold(random.normal(size=49).tolist(), 0.1) for _ in range(4000)
    ]  # fmt: skip
    assert 0.08 < np.mean(missed) < 0.115
    with pytest.raises(ValueError, match="between 0 and 1"):
        conformal_threshold([1], 1)
