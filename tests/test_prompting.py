from typing import Any

import pytest
from pydantic import ValidationError

from pilothouse.prompting import WATCHED_METRICS, PromptsConfig

SUITE = {"dataset": "support", "evaluators": ["exact"]}
_RULED = ("margin", "cost_rise", "latency_rise", "approvals")


def test_what_is_stored_is_read_again() -> None:
    given = {"protected": [{"suite": SUITE, "must_pass": "metadata.must_pass"}], "watch": {"rollback": True}}
    config = PromptsConfig.model_validate(given)
    assert config.protected[0].must_pass == ["metadata.must_pass"]
    assert config.watch.metrics == [*WATCHED_METRICS]
    assert PromptsConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"protected": [{}]}, "needs a 'suite', 'approvals', or both"),
        ({"protected": [{"suite": {**SUITE, "task": {"model": "m"}}}]}, "has no 'task'"),
        ({"protected": [{"suite": SUITE, "margin": 2}]}, "less than or equal to 1"),
        ({"protected": [{"suite": SUITE, "labels": []}]}, "at least 1"),
        ({"watch": {"metrics": ["mood"]}}, "'mood' is nothing to watch"),
        ({"watch": {"metrics": ["score:"]}}, "'score:' is nothing to watch"),
        ({"watch": {"worse_by": {"cost": -1}}}, "'cost' may get worse by"),
        ({"watch": {"worse_by": {"cost": float("nan")}}}, "finite number"),
        ({"watch": {"alpha": 0.5}}, "less than 0.5"),
        *(({"protected": [{"suite": SUITE, name: True}]}, "must be a number, not true") for name in _RULED),
        *(({"watch": {name: True}}, "must be a number, not true") for name in ("alpha", "minimum", "days", "every")),
        ({"watch": {"worse_by": {"cost": True}}}, "must be a number, not true"),
        ({"watch": {"rollback_on": ["speed"]}}, "'speed' is nothing to watch"),
    ],
)
def test_what_cannot_be_is_refused(given: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PromptsConfig.model_validate(given)
