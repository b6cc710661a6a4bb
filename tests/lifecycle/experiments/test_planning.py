import pytest

from pilothouse.lifecycle.experiments.planning import plan_of

from .conftest import design


def test_a_plan_says_what_looking_often_costs() -> None:
    half = {"arms": [{"name": "a"}, {"name": "b", "version": 3}]}
    made = plan_of(design(minimum_effect=0.05, **half), 0.5, 0.5)
    assert made.effect == 0.05
    assert made.fixed == pytest.approx(3140, rel=0.01)  # of the textbook's formula
    assert made.needed is not None
    assert made.median is not None
    assert made.median < made.fixed < made.needed < 2 * made.fixed
    uneven = plan_of(design(minimum_effect="10%"), 0.5, 0.5)
    assert uneven.effect == 0.05
    assert uneven.fixed == pytest.approx(made.fixed * (1 / 0.75 + 1 / 0.25) / 4, rel=0.01)


def test_what_no_experiment_finds_is_told() -> None:
    assert plan_of(design(minimum_effect=1e-6), 0.5, 0.5).needed is None
    with pytest.raises(ValueError, match="no minimum_effect"):
        plan_of(design(), 0.5, 0.5)
    with pytest.raises(ValueError, match="standard deviation must be above 0"):
        plan_of(design(minimum_effect=1), 0.5, 0.0)
