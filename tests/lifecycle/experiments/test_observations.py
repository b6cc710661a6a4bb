from typing import Any

import pytest

from pilothouse.lifecycle.experiments.observations import seen, value_of
from pilothouse.observe.prompt_calls import ScoreSums, Sums
from pilothouse.prompts.experiments.shape import Epoch, Experiment

from .conftest import design


def experiment(**changes: Any) -> Experiment:
    return Experiment(**{**design().model_dump(), "id": "e1", "project_id": "p", "status": "running", **changes})


def sums(calls: int = 1, *, first_us: int = 0, **changes: Any) -> Sums:
    known = {"cost_nano": calls, "latency_us": calls, "input_tokens": calls, "output_tokens": 0}
    totals = {"cost_nano": 2e9 * calls, "latency_us": 5e5 * calls, "input_tokens": 10.0 * calls, "output_tokens": 0.0}
    return Sums(**{
        "calls": calls, "errors": 0, "refused": 0, "guarded": 0, "cached": 0, "first_us": first_us, "last_us": first_us,
        "known": known, "totals": totals, "squares": {}, **changes,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("cost", 2.0), ("latency", 0.5), ("tokens", 10.0), ("errors", 0.25), ("refusals", 0.5), ("guards", 0.0),
        ("score:quality", 0.75), ("feedback", 1.0), ("score:other", None),
    ],
)  # fmt: skip
def test_a_unit_is_the_mean_of_its_own_calls(metric: str, value: float | None) -> None:
    scores = {"quality": ScoreSums(4, 3.0, 0), "feedback": ScoreSums(2, 2.0, 2.0)}
    assert value_of(metric)(sums(4, errors=1, refused=2, scores=scores)) == value


def test_what_is_not_known_has_no_value() -> None:
    unknown = sums(1, known={"cost_nano": 0, "input_tokens": 0, "output_tokens": 0}, totals={})
    assert value_of("cost")(unknown) is None
    assert value_of("tokens")(unknown) is None


def test_a_unit_has_one_voice_however_many_calls_it_makes() -> None:
    found = {("control", "often"): sums(1000, errors=1000), ("control", "once"): sums(), ("v3", "other"): sums()}
    told = seen(experiment(primary="errors"), found)
    assert told.sample("errors", "control").average == 0.5
    assert (told.units, told.calls) == ({"control": [2], "v3": [1]}, {"control": 1001, "v3": 1})


def test_units_count_for_the_arm_and_the_weights_that_they_came_under() -> None:
    epochs = [Epoch(since_us=0, weights={"control": 1, "v3": 1}), Epoch(since_us=100 * 10**6, weights={"v3": 1})]
    found = {
        ("control", "moved"): sums(first_us=5),
        ("v3", "moved"): sums(first_us=150 * 10**6),
        ("v3", "settling"): sums(first_us=101 * 10**6),
        ("v3", "later"): sums(first_us=150 * 10**6),
        ("gone", "of no arm"): sums(),
    }
    told = seen(experiment(epochs=epochs), found)
    assert told.units == {"control": [1, 0], "v3": [0, 1]}
