from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pilothouse.lifecycle.experiments.looking import Look, look_at, new_weights
from pilothouse.lifecycle.experiments.observations import Seen
from pilothouse.prompts.experiments.shape import Epoch, Experiment
from pilothouse.stats.sequential import Sample

from .test_observations import experiment

Values = Sequence[float]


def share(good: int, of: int) -> list[float]:
    return [1.0] * good + [0.0] * (of - good)


def seen_of(one: Experiment, **metrics: tuple[Values, ...]) -> Seen:
    """By metric, the values of each arm's units."""
    names = [arm.name for arm in one.arms]
    samples = {
        (metric.replace("score_", "score:")): dict(zip(names, map(Sample.of, values), strict=True))
        for metric, values in metrics.items()
    }
    first = next(iter(samples.values()))
    units = {name: [first[name].units] for name in names}
    return Seen(units, {name: 2 * count[0] for name, count in units.items()}, samples)


def look(one: Experiment, at_us: int = 0, **metrics: tuple[Values, ...]) -> Look:
    return look_at(one, seen_of(one, **metrics), at_us)[0]


EVEN: dict[str, Any] = {"arms": [{"name": "control"}, {"name": "v3", "version": 3}]}


def test_a_look_holds_every_metric_with_its_interval() -> None:
    one = experiment(**EVEN, primary="score:x", guardrails=[{"metric": "errors"}], metrics=["cost"])
    cost = np.random.default_rng(1).lognormal(size=400)
    told = look(one, score_x=(share(200, 400), share(320, 400)), errors=(share(4, 400),) * 2, cost=(cost, cost))
    assert [(arm.name, arm.units, arm.calls, arm.share) for arm in told.arms] == [
        ("control", 400, 800, 0.5), ("v3", 400, 800, 0.5)
    ]  # fmt: skip
    primary, rail, cost_seen = told.compared
    assert (primary.role, primary.control, primary.value, primary.units) == ("primary", 0.5, 0.8, [400, 400])
    assert primary.difference == pytest.approx(0.3)
    assert 0.15 < (primary.low or 0) < 0.3 < (primary.high or 0) < 0.45
    assert (primary.p or 1) < 1e-6
    assert (rail.role, rail.beyond) == ("guardrail", pytest.approx(0))
    assert (rail.beyond_low or 0) < 0
    assert (cost_seen.role, cost_seen.p) == ("metric", 1.0)


def test_with_too_few_units_nothing_is_told_but_the_means() -> None:
    told = look(experiment(**EVEN), errors=(share(1, 30), share(9, 30))).compared[0]
    assert (told.control, told.value, told.difference, told.p, told.ready) == (1 / 30, 0.3, None, None, False)
    none = look(experiment(**EVEN), errors=([], [])).compared[0]
    assert (none.control, none.value, none.units) == (None, None, [0, 0])
    early = look(experiment(**EVEN), errors=(share(1, 60), share(9, 60))).compared[0]
    assert early.difference is not None
    assert not early.ready


@pytest.mark.parametrize(
    ("metric", "effect", "beyond"),
    [("score:x", 0.1, 0.2), ("score:x", "20%", 0.2), ("errors", 0.1, -0.4), ("errors", "20%", -0.4)],
)
def test_a_gain_is_held_against_the_minimum_effect(metric: str, effect: float | str, beyond: float) -> None:
    one = experiment(**EVEN, primary=metric, minimum_effect=effect)
    told = look(one, **{metric.replace(":", "_"): (share(200, 400), share(320, 400))}).compared[0]
    assert told.beyond == pytest.approx(beyond)


@pytest.mark.parametrize(("worse_by", "beyond"), [(0.0, 0.1), (0.04, 0.06), ("10%", 0.08), ("100%", -0.1)])
def test_a_guardrail_is_held_with_its_margin(worse_by: float | str, beyond: float) -> None:
    one = experiment(**EVEN, primary="feedback", guardrails=[{"metric": "errors", "worse_by": worse_by}])
    told = look(one, feedback=(share(1, 2),) * 2, errors=(share(200, 1000), share(300, 1000)))
    rail = told.of("guardrail")[0]
    assert rail.beyond == pytest.approx(beyond)
    assert ((rail.beyond_low or 0) > 0) == (beyond > 0.05)
    assert ((rail.p or 1) < 0.05) == (beyond > 0.05)


def test_harm_is_found_as_early_where_the_decision_is_to_wait_for_long() -> None:
    found = {}
    for minimum in (100, 100_000):
        one = experiment(**EVEN, primary="feedback", guardrails=[{"metric": "errors"}], minimum_units=minimum)
        told = look(one, feedback=(share(60, 120),) * 2, errors=(share(0, 120), share(36, 120)))
        found[minimum] = told.of("guardrail")[0].beyond_low
    assert found[100] == found[100_000]
    assert (found[100] or 0) > 0.1


def test_the_tuning_of_the_first_look_is_kept() -> None:
    one = experiment(**EVEN)
    _, first = look_at(one, seen_of(one, errors=(share(10, 100), share(12, 100))), 0)
    _, then = look_at(one.model_copy(update={"scales": first}), seen_of(one, errors=(share(90, 900), share(1, 900))), 1)
    assert first == then
    assert set(first) == {"errors | v3"}


def test_a_split_that_is_not_as_meant_is_told() -> None:
    assert look(experiment(), errors=(share(1, 750), share(1, 250))).mismatch == 1.0
    assert look(experiment(), errors=(share(1, 500), share(1, 500))).mismatch < 1e-6


def test_new_units_go_where_it_looks_better_and_everywhere_a_little() -> None:
    one = experiment(**EVEN, allocation="thompson", epochs=[Epoch(since_us=0, weights={"control": 1, "v3": 1})])
    random = np.random.default_rng(1)
    better = new_weights(one, seen_of(one, errors=(share(30, 100), share(5, 100))), random)
    assert better == {"control": 0.05, "v3": 0.95}
    assert new_weights(one, seen_of(one, errors=(share(3, 40), share(0, 40))), random) is None
    there = one.model_copy(update={"epochs": [Epoch(since_us=0, weights=better)]})
    assert new_weights(there, seen_of(one, errors=(share(30, 100), share(5, 100))), random) is None


def test_thumbs_that_are_no_thumbs_are_weighed_as_other_numbers_are() -> None:
    one = experiment(**EVEN, allocation="thompson", primary="feedback", guardrails=[])
    for value in (-40.0, 40.0):
        found = seen_of(one, feedback=([value, value + 1] * 50, [value + 3, value + 4] * 50))
        assert new_weights(one, found, np.random.default_rng(1)) == {"control": 0.05, "v3": 0.95}
