"""What people would say of all, from few of their labels."""

import numpy as np
import pytest
from msgspec.structs import replace

from pilothouse.evals.cards.estimating import estimate
from pilothouse.evals.cards.ratings import Rating


def rated(truth: list[bool], lenient: float, labelled: int, seed: int) -> list[Rating]:
    random = np.random.default_rng(seed)
    some = set(random.choice(len(truth), labelled, replace=False).tolist())
    told = []
    for i, good in enumerate(truth):
        judge = "pass" if good or random.random() < lenient else "fail"
        people = ("pass" if good else "fail") if i in some else None
        told.append(Rating(item=str(i), judge=judge, people=people))
    return told


def test_a_lenient_judge_is_corrected() -> None:
    truth = [i % 10 < 6 for i in range(2000)]
    found = estimate(rated(truth, 0.5, 200, 1), "labels")
    assert found.judge == pytest.approx(0.8, abs=0.03)
    assert found.together.low is not None
    assert found.together.high is not None
    assert found.together.low < 0.6 < found.together.high < found.judge
    assert (found.labelled, found.judged, found.left_out) == (200, 1800, 0)
    assert found.worth is not None
    assert found.worth > 240
    assert found.bias == pytest.approx(0.2, abs=0.06)


def test_levels_have_the_bounds_of_their_scale() -> None:
    told = [Rating(item=str(i), judge=5, people=5 if i < 40 else None) for i in range(100)]
    told.append(Rating(item="failed", people=5))
    found = estimate(told, "levels", (1, 5))
    assert (found.together.value, found.together.high, found.left_out) == (5.0, 5.0, 1)
    assert found.together.low is not None
    assert found.together.low < 5


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([Rating(item="1", judge="pass", people="pass")], "1 cases have a verdict and a label"),
        ([Rating(item=str(i), judge="pass", people="pass") for i in range(5)], "0 a verdict alone"),
        ([Rating(item=str(i), judge="odd", people="odd") for i in range(5)], "'odd' is no number"),
    ],
    ids=["one label", "all labelled", "no numbers"],
)
def test_what_cannot_be_estimated_is_said(told: list[Rating], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        estimate(told, "labels")


def test_the_trials_of_a_case_are_one_value() -> None:
    once = rated([i % 10 < 6 for i in range(100)], 0.5, 40, 1)
    thrice = [replace(one, item=f"{one.item}/{trial}", case=one.item) for one in once for trial in range(3)]
    assert estimate(thrice, "labels") == estimate(once, "labels")
    unread = [replace(one, people=None) if one.item.endswith("/2") else one for one in thrice]
    assert estimate(unread, "labels") == estimate(once, "labels")
