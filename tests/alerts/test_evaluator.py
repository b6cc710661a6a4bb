"""Each rule fires and clears on seeded rollups, once, and not for want of samples."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pilothouse.access import Actor
from pilothouse.monitoring import AlertsConfig

from .conftest import Alarm
from .seeding import HOUR_US, hour_of, scores_of

_WEEK = 168
_ME = Actor("ada", "cli")


def _seed(alarm: Alarm, weeks: int = 5, **row: Any) -> None:
    hours = range(alarm.clock.hour - weeks * _WEEK, alarm.clock.hour)
    alarm.put(*(hour_of(hour, **row) for hour in hours), *(scores_of(hour) for hour in hours))


def _now(alarm: Alarm, hours: int, **row: Any) -> None:
    """The last hours as they are to be; the one that runs holds its share."""
    last = alarm.clock.hour
    requests = row.pop("requests", 100)
    rows = [hour_of(hour, requests, **row) for hour in range(last - hours + 1, last)]
    so_far = round(requests * (alarm.clock() % HOUR_US) / HOUR_US)
    failed = round(row.pop("failed", 0) * so_far / requests) if requests else 0
    alarm.put(*rows, hour_of(last, so_far, failed=failed, **row))


_INCIDENTS: dict[str, Mapping[str, Any]] = {
    "spend": {"hours": 6, "cost": 20_000_000},
    "latency": {"hours": 2, "seconds": 45.0},
    "errors": {"hours": 2, "failed": 30},
    "tokens": {"hours": 6, "tokens": 2000},
    "odd-latency": {"hours": 3, "seconds": 4.0},
    "odd-traffic": {"hours": 3, "requests": 0},
}


@pytest.mark.parametrize("rule", _INCIDENTS)
def test_each_rule_fires_once_and_clears_once(alarm: Alarm, rule: str) -> None:
    _seed(alarm)
    _now(alarm, 6)
    assert alarm.evaluate(5).opened == 0
    _now(alarm, **_INCIDENTS[rule])
    assert alarm.evaluate(2).opened == 0
    alarm.evaluate(10)
    opened = {alert.rule: alert for alert in alarm.book.list()}
    expected = {rule, "odd-latency"} if rule == "latency" else {rule}
    assert set(opened) == expected
    alert = opened[rule]
    assert alert.status == "open"
    assert alert.told
    assert alert.link.startswith("/console/traces?since_us=")
    alarm.evaluate(20)
    assert len(alarm.book.list()) == len(expected)
    _now(alarm, 6)
    alarm.evaluate(4)
    assert {alert.status for alert in alarm.book.list()} == {"cleared"}
    assert sorted(alarm.told()) == sorted(
        (event, "ops", name + end) for name in expected for event, end in
        (("alert.fired", ""), ("alert.cleared", " is over"))
    )  # fmt: skip


def test_a_score_that_drops(alarm: Alarm) -> None:
    _seed(alarm)
    _now(alarm, 6)
    hours = range(alarm.clock.hour - 5, alarm.clock.hour + 1)
    alarm.put(*(scores_of(hour, mean=0.6) for hour in hours), *(scores_of(hour, name="other") for hour in hours))
    alarm.evaluate(4)
    (alert,) = alarm.book.list()
    assert (alert.rule, alert.subject) == ("score", "helpful")
    assert "0.600, 25% below the usual 0.800" in alert.text
    alarm.put(*(scores_of(hour) for hour in hours))
    alarm.evaluate(3)
    assert alarm.book.get(alert.id).status == "cleared"


def test_small_samples_raise_nothing(alarm: Alarm) -> None:
    _seed(alarm, requests=5)
    _now(alarm, 6, requests=6, failed=3, seconds=60.0, cost=10**9, tokens=10**6)
    assert alarm.evaluate(10).opened == 0


def test_a_few_cents_more_are_no_alert(alarm: Alarm) -> None:
    _seed(alarm, cost=100_000)
    _now(alarm, 6, cost=1_000_000)
    assert alarm.evaluate(5).opened == 0
    alarm.config = AlertsConfig.model_validate({"rules": {"spend": {"minimum_usd": 0}}})
    assert alarm.evaluate(5).opened == 1


def test_without_a_history_only_limits_speak(alarm: Alarm) -> None:
    _now(alarm, 2, failed=30, cost=10**9)
    alarm.evaluate(5)
    assert [alert.rule for alert in alarm.book.list()] == ["errors"]


def test_each_subject_is_told_apart(alarm: Alarm) -> None:
    last = alarm.clock.hour
    alarm.config = AlertsConfig.model_validate({"rules": {"errors": {"by": "model"}}})
    alarm.put(
        hour_of(last, 100, failed=40, value="bad", dimension="model"),
        hour_of(last, 100, failed=50, value="worse", dimension="model"),
        hour_of(last, 100, value="good", dimension="model"),
    )
    alarm.evaluate(5)
    found = {alert.subject: alert.link for alert in alarm.book.list()}
    assert set(found) == {"bad", "worse"}
    assert "model=bad" in found["bad"]
    assert "status=error" in found["bad"]


def test_a_second_process_tells_nothing_twice(alarm: Alarm, second: Callable[[], Alarm]) -> None:
    _now(alarm, 2, failed=30)
    other = second()
    for _ in range(6):
        alarm.evaluate()
        other.evaluate()
    assert len(alarm.book.list()) == 1
    assert len(alarm.told()) == 1


def test_a_restart_goes_on_where_it_was(alarm: Alarm, second: Callable[[], Alarm]) -> None:
    _now(alarm, 2, failed=30)
    alarm.evaluate(2)
    assert second().evaluate().opened == 1
    assert second().evaluate(5).opened == 0
    _now(alarm, 2)
    alarm.evaluate(2)
    assert second().evaluate().cleared == 1


def test_what_is_silenced_is_written_down_and_told_when_the_silence_ends(alarm: Alarm) -> None:
    silence = alarm.silences.add(_ME, alarm.clock() + 30 * 60_000_000, rule="errors")
    _now(alarm, 2, failed=30)
    alarm.evaluate(5)
    (alert,) = alarm.book.list()
    assert not alert.told
    assert alarm.told() == []
    assert [s.id for s in alarm.silences.list()] == [silence.id]
    alarm.clock.now += 15 * 60_000_000
    alarm.evaluate(12)
    assert alarm.told() == [("alert.fired", "ops", "errors")]
    assert alarm.silences.list() == []


def test_what_ended_in_silence_is_never_told(alarm: Alarm) -> None:
    alarm.silences.add(_ME, alarm.clock() + 3600 * 10**6)
    _now(alarm, 2, failed=30)
    alarm.evaluate(5)
    _now(alarm, 2)
    alarm.evaluate(5)
    assert alarm.book.list()[0].status == "cleared"
    assert alarm.told() == []


def test_a_rule_that_is_switched_off_ends_its_alerts(alarm: Alarm) -> None:
    _now(alarm, 2, failed=30)
    alarm.evaluate(5)
    alarm.config = AlertsConfig.model_validate({"enabled": False})
    assert alarm.evaluate().cleared == 1
    assert alarm.book.standings("default") == {}


def test_channels_carry_what_is_meant_for_them(alarm: Alarm) -> None:
    hook = {"kind": "slack", "url": "https://hooks.example.com"}
    channels = {"all": hook, "spend-only": {**hook, "rules": ["spend"]}, "errors": {**hook, "rules": ["errors"]}}
    alarm.config = AlertsConfig.model_validate({"channels": channels})
    _now(alarm, 2, failed=30)
    alarm.evaluate(5)
    assert sorted(channel for _, channel, _ in alarm.told()) == ["all", "errors"]
