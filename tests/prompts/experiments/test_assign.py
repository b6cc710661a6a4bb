"""Tests of who gets which arm: always the same one, in the right proportions, and never in two experiments at once."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.prompts.experiments.assign import Assigned, arm_of, assign, bucket_of, share_out
from pilothouse.prompts.experiments.shape import BUCKETS, Experiment, Outcome

TARGET = "prompt:answer#production"
UNITS = [f"user-{number}" for number in range(20_000)]
CHI_SQUARED_99 = 149.4  # with 99 degrees of freedom it is above this once in a thousand


def experiment(**changes: Any) -> Experiment:
    return Experiment(**{
        "id": "e1", "project_id": "p", "name": "one", "target": {"prompt": "answer", "label": "production"},
        "arms": [{"name": "control", "weight": 3}, {"name": "b", "version": 4}], "primary": "cost",
        "status": "running", "ranges": [(0, BUCKETS)], "versions": {"control": 2, "b": 4}, **changes,
    })  # fmt: skip


def arm(one: Experiment, user: str) -> str | None:
    found = assign([one], TARGET, {"user": user})
    return found and found.arm


def test_a_unit_gets_an_arm_and_keeps_it() -> None:
    one = experiment()
    found = assign([one], TARGET, {"user": "ann", "session": "s", "key": "k"})
    assert found in (Assigned("e1", "control", 2, None, "ann"), Assigned("e1", "b", 4, None, "ann"))
    assert all(assign([one], TARGET, {"user": "ann", "session": str(n)}) == found for n in range(50))
    by_session = experiment(unit="session")
    assert len({arm.arm for n in range(50) if (arm := assign([by_session], TARGET, {"session": str(n)}))}) == 2


def test_arms_have_their_shares_and_no_pattern() -> None:
    counts = Counter(arm(experiment(), unit) for unit in UNITS)
    assert abs(counts["control"] / len(UNITS) - 0.75) < 4 * (0.75 * 0.25 / len(UNITS)) ** 0.5
    hundredths = Counter(bucket_of("p", "default", unit) // 100 for unit in UNITS)
    assert sum((hundredths[n] - 200) ** 2 / 200 for n in range(100)) < CHI_SQUARED_99
    both = Counter((arm(experiment(), unit), arm(experiment(id="e2"), unit)) for unit in UNITS)
    assert abs(both["b", "b"] / len(UNITS) - 1 / 16) < 4 * (1 / 16 / len(UNITS)) ** 0.5, "two experiments are unrelated"


def test_changed_weights_move_as_few_units_as_can_be() -> None:
    before = {unit: arm_of("e", {"a": 1, "b": 1, "c": 2}, unit) for unit in UNITS}
    after = {unit: arm_of("e", {"a": 1, "b": 2, "c": 2}, unit) for unit in UNITS}
    moved = [unit for unit in UNITS if before[unit] != after[unit]]
    assert {after[unit] for unit in moved} == {"b"}
    assert abs(len(moved) / len(UNITS) - (0.4 - 0.25)) < 0.015
    assert before == {unit: arm_of("e", {"c": 4, "b": 2, "a": 2, "d": 0}, unit) for unit in UNITS}


def test_experiments_of_one_layer_have_no_unit_in_common_and_leave_the_holdout_alone() -> None:
    first = share_out([], 0.3, 0.1)
    assert first == [(1000, 4000)]
    second = share_out(first, 0.5, 0.1)
    assert second == [(4000, 9000)]
    assert share_out([*first, *second], 0.2, 0.1) is None
    assert share_out([(0, 1000), (4000, 9000)], 0.35, 0.0) == [(1000, 4000), (9000, 9500)]
    ones, others = experiment(ranges=first), experiment(id="e2", ranges=second)
    taken = [(arm(ones, unit) is not None, arm(others, unit) is not None) for unit in UNITS]
    assert (True, True) not in taken
    assert abs(taken.count((False, False)) / len(UNITS) - 0.2) < 0.015
    other_layer = experiment(layer="x", ranges=first)
    apart = [arm(ones, unit) is not None and arm(other_layer, unit) is not None for unit in UNITS]
    assert abs(sum(apart) / len(UNITS) - 0.09) < 0.01, "layers are unrelated"


@pytest.mark.parametrize("units", [{}, {"user": None}, {"user": ""}, {"session": "s"}], ids=["a", "b", "c", "d"])
def test_a_call_without_its_unit_takes_no_part(units: dict[str, str | None]) -> None:
    assert assign([experiment()], TARGET, units) is None


def test_what_does_not_run_or_is_about_something_else_assigns_nothing() -> None:
    for one in (experiment(status="draft"), experiment(status="stopped"), experiment(status="decided")):
        assert assign([one], TARGET, {"user": "ann"}) is None
    assert assign([experiment()], "prompt:answer#staging", {"user": "ann"}) is None
    assert assign([], TARGET, {"user": "ann"}) is None


def test_a_decided_model_goes_to_all_and_is_not_counted() -> None:
    models = {"target": {"model": "fast"}, "arms": [{"name": "c"}, {"name": "b", "model": "faster"}], "versions": {}}
    running = experiment(**models)
    found = {one.model for unit in UNITS[:50] if (one := assign([running], "model:fast", {"user": unit}))}
    assert found == {None, "faster"}
    outcome = Outcome(kind="won", arm="b", reason="", action="rollout")
    decided = experiment(**models, status="decided", outcome=outcome)
    assert assign([decided], "model:fast", {}) == Assigned("e1", "b", None, "faster", "", counted=False)


@settings(max_examples=50)
@given(st.text(), st.text())
def test_any_text_is_a_unit(one: str, other: str) -> None:
    assert 0 <= bucket_of(one, other, one + other) < BUCKETS
    assert arm_of(one, {"a": 1, "b": 1e-6}, other) in ("a", "b")


def test_half_surrogates_and_lone_separators_are_units_of_their_own() -> None:
    assert arm_of("e", {"a": 1}, "\ud800\0") == "a"
    assert bucket_of("p1", "1:x", "u") != bucket_of("p", "11:x", "u")
    with pytest.raises(ValueError, match="no arm"):
        arm_of("e", {"a": 0}, "u")
