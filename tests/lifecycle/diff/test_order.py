"""What somebody wants compared."""

from decimal import Decimal
from typing import Any

import pytest

from pilothouse.errors import ConfigError, InvalidRequest
from pilothouse.lifecycle.diff.order import order_of

ORDER = {
    "before": "model:a",
    "after": "model:b",
    "dataset": "d",
    "evaluators": ["exact", {"use": "regex", "name": "r", "pattern": "x"}],
}


def test_each_side_is_a_suite_and_gates_are_of_the_one_after() -> None:
    order = order_of({**ORDER, "gates": ["exact drop > 0.1"], "slices": ["topic"], "judge": "j", "trials": 3})
    assert order.name == "model:a -> model:b"
    before, after = (order.written(Decimal(2), before=side).suite for side in (True, False))
    assert (before.gates, after.gates) == ([], ["exact drop > 0.1"])
    assert (after.trials, after.judge, after.slices, after.max_cost_usd) == (3, "j", ["topic"], Decimal(2))
    assert after.evaluators[1].options == {"name": "r", "pattern": "x"}
    assert order.max_cost_usd == 5


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"dataset": None}, "name 'dataset' or 'recorded'"),
        ({"recorded": {}}, "name 'dataset' or 'recorded'"),
        ({"dataset": None, "recorded": {"filters": {"modle": "x"}}}, "there is no 'modle'"),
        ({"dataset": None, "recorded": {"filters": {"since_us": "x"}}}, r"Expected `int.*since_us"),
        ({"before": "a"}, "Write it as model:NAME"),
        ({"before": {"modle": "a"}}, "modle: unknown key"),
        ({"evaluators": []}, "evaluators"),
        ({"max_cost_usd": 0}, "max_cost_usd"),
        ({"colour": "red"}, "colour"),
    ],
    ids=range(9),
)
def test_what_is_wrong_is_named(change: dict[str, Any], why: str) -> None:
    with pytest.raises((InvalidRequest, ConfigError), match=why):
        order_of({**ORDER, **change})


def test_gates_that_are_none() -> None:
    with pytest.raises(ConfigError, match="gates"):
        order_of({**ORDER, "gates": ["exact"]}).written(Decimal(1), before=False)
