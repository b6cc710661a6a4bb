"""What a run will be able to tell."""

import math

import numpy as np
import pytest

from pilothouse.evals.reports.foreseen import foresee
from pilothouse.stats.intervals import wilson
from pilothouse.stats.power import detectable_flips, detectable_scores, power_of_flips
from tests.evals.reports.conftest import Make


def test_of_a_share_nobody_knows_the_worst_case() -> None:
    (one,) = foresee(100, ["exact"])
    told = wilson(50, 100)
    assert told.low is not None
    assert told.high is not None
    assert one.half_width == pytest.approx((told.high - told.low) / 2)
    assert one.detectable == detectable_flips(100, 0.2)
    assert one.detectable is not None
    assert power_of_flips(100, 0.2, one.detectable) == pytest.approx(0.8, abs=1e-3)
    assert one.sentence == (
        "exact: 100 cases tell its mean to ±0.096 and show a change of 0.128 "
        "(for a share that passes; where 20.0% flip)."
    )


def test_an_earlier_run_tells_more(make: Make) -> None:
    scores = [n % 10 / 10 for n in range(50)]
    earlier = [*make("exact", [True] * 95 + [False] * 5), *make("chrf", scores, id=[f"s{n}" for n in range(50)])]
    exact, chrf = foresee(200, ["exact", "chrf"], earlier)
    assert exact.detectable == detectable_flips(200, 2 * (1 - 0.95))
    assert "95.0% of 100 passed before" in exact.why
    spread = float(np.std(scores, ddof=1))
    assert chrf.half_width == pytest.approx(1.96 * spread / math.sqrt(200), rel=1e-3)
    assert chrf.detectable == pytest.approx(detectable_scores(200, math.sqrt(2) * spread))


def test_few_cases_show_nothing_and_say_so(make: Make) -> None:
    (one,) = foresee(3, ["exact"])
    assert one.detectable is None
    assert "show no change at all" in one.sentence
    (alike,) = foresee(50, ["chrf"], make("chrf", [0.5] * 4))
    assert (alike.half_width, alike.detectable) == (None, None)
    assert foresee(0, ["exact"]) == []
