import numpy as np
import pytest

from pilothouse.stats.detecting import Evidence, combined, evidence


def test_nothing_is_said_of_what_was_learnt() -> None:
    assert evidence([0.1, 0.2], 2) == Evidence(0.0, None)


def test_one_run_beyond_all_others_by_hand() -> None:
    """Bets of 0.9 at odds of 11 to 1, to 1 (of 11 runs, 0.05 of 10 before are none), and to 3 (a fifth are two)."""
    found = evidence([0.0] * 10 + [1.0], 10)
    assert found.total == pytest.approx((2 * (0.1 + 0.9 * 11) + 0.1 + 0.9 * 11 / 3) / 3)
    assert found.since == 10


def test_runs_that_are_all_alike_are_no_evidence() -> None:
    assert evidence([0.5] * 60, 10).total < 1


def test_since_when() -> None:
    rng = np.random.default_rng(3)
    scores = [*rng.normal(size=40), *(5 + rng.normal(size=5))]
    found = evidence(scores, 16)
    assert found.total > 1000
    assert found.since == 40


def test_only_the_ranks_count() -> None:
    rng = np.random.default_rng(4)
    scores = list(rng.normal(size=40))
    assert evidence([np.exp(score) for score in scores], 16).total == pytest.approx(evidence(scores, 16).total)


@pytest.mark.parametrize("kind", ["continuous", "ties"])
def test_without_a_change_the_mean_grows_no_faster_than_the_runs(kind: str) -> None:
    """What makes false alarms as rare as promised: of 300 sequences the sum after 20 runs is 20 at most, in the mean
    (a heavy tail: the mean over sequences strays, so the bound is loose)."""
    rng = np.random.default_rng(5)
    totals = []
    for _ in range(300):
        scores = rng.normal(size=36)
        totals.append(evidence(np.round(scores) if kind == "ties" else scores, 16).total)
    assert np.mean(np.minimum(totals, 1000)) < 20 * 1.3
    assert np.mean(np.array(totals) > 1000) < 0.02


def test_several_sequences_together() -> None:
    assert combined([]) == Evidence(0.0, None)
    assert combined([Evidence(9.0, 3), Evidence(1.0, 7), Evidence(2.0, None)]) == Evidence(4.0, 3)
