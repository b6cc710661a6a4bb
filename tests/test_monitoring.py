"""The configuration of alerts: what is incomplete is refused by name."""

from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.snapshot import config_of


def test_alerts_are_on_by_themselves() -> None:
    config = config_of({}).alerts
    assert config.enabled
    assert config.rules == {}


@pytest.mark.parametrize(
    ("alerts", "told"),
    [
        ({"rules": {"mine": {"threshold": 1}}}, "the rule 'mine' is not built in and needs a 'kind'"),
        ({"rules": {"mine": {"kind": "anomaly"}}}, "the rule 'mine' needs a 'measure'"),
        ({"rules": {"mine": {"kind": "drift"}}}, "the rule 'mine' needs a 'measure'"),
        ({"rules": {"mine": {"kind": "drift", "measure": "cost"}}}, "the rule 'mine' of kind 'drift' has no 'cost'"),
        ({"rules": {"odd-latency": {"measure": "inputs"}}}, "'odd-latency' of kind 'anomaly' has no 'inputs'"),
        ({"rules": {"input-drift": {"by": "model"}}}, "'input-drift' looks at whole days of a project"),
        ({"rules": {"spend": {"by": "guard"}}}, "'triggers' are told by 'guard', and by 'guard' nothing else is"),
        ({"rules": {"odd-traffic": {"measure": "triggers"}}}, "'odd-traffic': 'triggers' are told by 'guard'"),
        ({"rules": {"spend": {"channels": ["ops"]}}}, "the rule 'spend' names no channel: 'ops'"),
        ({"rules": {"spend": {"threshhold": 1}}}, "unknown key; did you mean 'threshold'"),
        ({"channels": {"ops": {"kind": "slack"}}}, "needs 'url'"),
        ({"channels": {"ops": {"kind": "email", "host": "mx"}}}, "needs 'sender', 'to'"),
        ({"channels": {"ops": {"kind": "fax"}}}, "alerts.channels.ops.kind"),
    ],
)
def test_what_is_wrong_is_named(alerts: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        config_of({"alerts": alerts})
