from typing import Any

import numpy as np
import pytest

from pilothouse.lifecycle.experiments.observations import needed, seen, values_of
from pilothouse.observe.unit_calls import Column, UnitCalls
from pilothouse.prompts.experiments.shape import Epoch, Experiment

from .conftest import design


def experiment(**changes: Any) -> Experiment:
    return Experiment(**{**design().model_dump(), "id": "e1", "project_id": "p", "status": "running", **changes})


def sums(calls: int = 1, *, first_us: int = 0, **changes: Any) -> dict[str, Any]:
    """Of a unit: each column and score as how many calls have it, and their sum."""
    none = (calls, 0)
    told = {"cost_nano": (calls, 2e9 * calls), "latency_us": (calls, 5e5 * calls), "input_tokens": (calls, 10 * calls),
            "output_tokens": none, "error": none, "refused": none, "guarded": none, **changes}  # fmt: skip
    return {"calls": calls, "first_us": first_us, **told}


def units(found: dict[tuple[str, str], dict[str, Any]]) -> UnitCalls:
    """As the database tells them; scores are of those names that a unit of these has."""
    rows = [*found.values()]
    names = {name: None for row in rows for name in row if name not in ("calls", "first_us")}
    columns = {
        name: Column(*np.array([row.get(name, (0, 0)) for row in rows], np.float64).reshape(-1, 2).T) for name in names
    }
    calls, first = np.array([row["calls"] for row in rows], float), np.array([row["first_us"] for row in rows], int)
    return UnitCalls([arm for arm, _ in found], [unit for _, unit in found], calls, first, columns, columns)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("cost", 2.0), ("latency", 0.5), ("tokens", 10.0), ("errors", 0.25), ("refusals", 0.5), ("guards", 0.0),
        ("score:quality", 0.75), ("feedback", 1.0),
    ],
)  # fmt: skip
def test_a_unit_is_the_mean_of_its_own_calls(metric: str, value: float) -> None:
    one = sums(4, error=(4, 1), refused=(4, 2), quality=(4, 3.0), feedback=(2, 2.0))
    assert values_of(metric)(units({("control", "u"): one})).tolist() == [value]


def test_what_is_not_known_has_no_value() -> None:
    unknown = sums(1, cost_nano=(0, 0), input_tokens=(0, 0), output_tokens=(0, 0))
    found = units({("control", "u"): unknown, ("control", "half"): sums(2, output_tokens=(0, 0), quality=(1, 1.0))})
    told = {metric: values_of(metric)(found) for metric in ("cost", "tokens", "score:quality")}
    assert {metric: np.isnan(one).tolist() for metric, one in told.items()} == {
        "cost": [True, False], "tokens": [True, False], "score:quality": [True, False]
    }  # fmt: skip
    assert told["tokens"][1] == 10
    one = experiment(primary="cost", metrics=["tokens"])
    assert seen(one, found).sample("cost", "control").units == 1


def test_only_what_the_metrics_need_is_read() -> None:
    one = experiment(primary="score:quality", guardrails=[{"metric": "errors"}], metrics=["tokens", "feedback"])
    assert needed(one) == (["error", "input_tokens", "output_tokens"], ["quality", "feedback"])
    assert needed(experiment(primary="errors")) == (["error"], [])


def test_without_calls_there_is_nothing() -> None:
    told = seen(experiment(primary="errors"), units({("control", "u"): sums()}))
    none = seen(experiment(primary="errors"), units({("gone", "u"): sums()}))
    assert (told.units, none.units) == ({"control": [1], "v3": [0]}, {"control": [0], "v3": [0]})
    assert (none.calls, none.sample("errors", "v3").units) == ({"control": 0, "v3": 0}, 0)


def test_a_unit_has_one_voice_however_many_calls_it_makes() -> None:
    found = {("control", "often"): sums(1000, error=(1000, 1000)), ("control", "once"): sums(), ("v3", "other"): sums()}
    told = seen(experiment(primary="errors"), units(found))
    assert told.sample("errors", "control").average == 0.5
    assert (told.units, told.calls) == ({"control": [2], "v3": [1]}, {"control": 1001, "v3": 1})


def test_units_count_for_the_arm_and_the_weights_that_they_came_under() -> None:
    epochs = [Epoch(since_us=0, weights={"control": 1, "v3": 1}), Epoch(since_us=100 * 10**6, weights={"v3": 1})]
    found = {
        ("v3", "moved"): sums(first_us=150 * 10**6),
        ("control", "moved"): sums(first_us=5),
        ("gone", "moved"): sums(first_us=1),
        ("v3", "settling"): sums(first_us=101 * 10**6),
        ("v3", "later"): sums(first_us=150 * 10**6),
        ("gone", "of no arm"): sums(),
    }
    told = seen(experiment(epochs=epochs), units(found))
    assert told.units == {"control": [1, 0], "v3": [0, 1]}
