"""The rules that hold: built in, changed, and added."""

from typing import Any

import pytest

from pilothouse.alerts.rules import Rule, rules_of
from pilothouse.monitoring import AlertsConfig


def _rules(**alerts: Any) -> dict[str, Rule]:
    return {rule.name: rule for rule in rules_of(AlertsConfig.model_validate(alerts))}


def test_the_built_in_rules() -> None:
    rules = _rules()
    assert list(rules) == [
        "spend", "latency", "score", "errors", "tokens", "odd-latency", "odd-traffic", "odd-guards",
        "input-drift", "output-drift",
    ]  # fmt: skip
    assert [rules[name].threshold for name in ("input-drift", "output-drift")] == [0.06, 0.25]
    assert (rules["spend"].threshold, rules["spend"].minimum_nano) == (0.2, 10**9)
    assert (rules["errors"].threshold, rules["errors"].severity) == (0.05, "critical")
    assert (rules["latency"].threshold, rules["latency"].clear) == (30e6, 24e6)
    assert rules["odd-traffic"].measure == "requests"


def test_a_rule_of_the_same_name_changes_what_it_states_alone() -> None:
    rules = _rules(rules={"latency": {"threshold": 4}, "errors": {"by": "model"}, "tokens": {"enabled": False}})
    assert (rules["latency"].threshold, rules["latency"].clear, rules["latency"].kind) == (4e6, 3.2e6, "latency")
    assert (rules["errors"].by, rules["errors"].severity) == ("model", "critical")
    assert "tokens" not in rules


@pytest.mark.parametrize("shown", [False, True], ids=["stored", "shown"])
def test_what_was_changed_is_the_same_once_it_was_stored(shown: bool) -> None:
    """A server that starts again reads the configuration from its database; people edit what they are shown."""
    stated = {
        "latency": {"threshold": 8}, "errors": {"severity": "warning"}, "tokens": {"enabled": False},
        "odd-traffic": {"evaluations": 5}, "slow": {"kind": "latency", "by": "endpoint", "threshold": 2},
    }  # fmt: skip
    config = AlertsConfig.model_validate({"rules": stated})
    stored = config.model_dump(mode="json", exclude_defaults=shown)
    rules = _rules(**stored)
    assert list(rules.values()) == rules_of(config)
    assert (rules["latency"].kind, rules["latency"].threshold) == ("latency", 8e6)
    assert (rules["errors"].severity, rules["odd-traffic"].measure) == ("warning", "requests")


def test_rules_of_ones_own() -> None:
    slow = {"kind": "anomaly", "measure": "ttft", "by": "endpoint", "hours": 1, "clear": 1.0, "minimum": 7}
    rule = _rules(rules={"slow": slow})["slow"]
    assert (rule.measure, rule.by, rule.hours, rule.threshold, rule.clear, rule.minimum) == (
        "ttft", "endpoint", 1, 5.0, 1.0, 7,
    )  # fmt: skip


def test_switched_off_there_are_none() -> None:
    assert _rules(enabled=False) == {}
