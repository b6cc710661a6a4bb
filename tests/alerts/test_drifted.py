"""Drift becomes an alert where it is sure, large, and more than ordinary days stray; once, with the day's traces."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from pilothouse.alerts.drifted import judge_drift
from pilothouse.alerts.rules import rules_of
from pilothouse.monitoring import AlertsConfig
from pilothouse.observe.topics.drifts import DayDrift
from pilothouse.settings import Settings
from pilothouse.storage import open_store, writing
from pilothouse.storage.tables import drifts

from .conftest import Alarm, Clock, over
from .seeding import HOUR_US

_DAY_US = 24 * HOUR_US
_RULES = {rule.name: rule for rule in rules_of(AlertsConfig())}
_LARGE = DayDrift(20_400, "input", "questions", 0.05, 0.0005, 0.2, 0.02, 0.04, 200, 2800, 14)


@pytest.fixture
def alarm(tmp_path: Path) -> Iterator[Alarm]:
    """Over SQLite alone: what is asked of the database differs nowhere."""
    store = open_store(Settings(home=tmp_path))
    yield over(store, Clock())
    store.close()


def _row(alarm: Alarm, back: int = 1, **changes: Any) -> dict[str, Any]:
    """What was found for a day, so many days before today."""
    values = {name: getattr(_LARGE, name) for name in DayDrift.__slots__} | {"day": alarm.clock() // _DAY_US - back}
    return {"project_id": "default", **values, **changes}


def _put(alarm: Alarm, *rows: dict[str, Any]) -> None:
    with writing(alarm.store.observe) as connection:
        connection.execute(insert(drifts), list(rows))


@pytest.mark.parametrize(
    ("changes", "passed", "below"),
    [
        ({}, True, False),
        ({"p": 0.002}, False, False),
        ({"p": 0.06}, False, True),
        ({"effect": 0.055}, False, False),
        ({"effect": 0.025}, False, True),
        ({"furthest": 0.15}, False, False),
        ({"furthest": 0.3, "usual": 0.25}, False, True),
    ],
    ids=["large", "perhaps chance", "chance", "between", "small", "others as far", "an ordinary day"],
)
def test_a_drift_is_sure_and_large_and_out_of_the_ordinary(
    changes: dict[str, Any], passed: bool, below: bool
) -> None:  # fmt: skip
    values = {name: getattr(_LARGE, name) for name in DayDrift.__slots__}
    reading = judge_drift(_RULES["input-drift"], DayDrift(**(values | changes)))
    assert reading is not None
    assert (reading.passed, reading.below) == (passed, below)
    assert reading.about_us == (20_400 * _DAY_US, 20_401 * _DAY_US)


def test_few_samples_are_no_reading() -> None:
    values = {name: getattr(_LARGE, name) for name in DayDrift.__slots__} | {"samples": 99}
    assert judge_drift(_RULES["input-drift"], DayDrift(**values)) is None


def test_it_is_told_once_with_the_traces_of_the_day_and_ends_with_an_ordinary_one(alarm: Alarm) -> None:
    _put(alarm, _row(alarm, 2, effect=0.01, p=0.4), _row(alarm))
    assert alarm.evaluate(2).opened == 0
    alarm.evaluate(10)
    (alert,) = alarm.book.list()
    day = alarm.clock() // _DAY_US - 1
    assert (alert.rule, alert.subject, alert.status) == ("input-drift", "", "open")
    assert alert.link == f"/console/traces?since_us={day * _DAY_US}&until_us={(day + 1) * _DAY_US}"
    assert alert.text == (
        "Questions on 2025-11-23 (UTC) against the 14 days before: 0.20 standard deviations off, ordinary days up to "
        "0.04 (p = 0.0005; 200 against 2,800)."
    )
    alarm.clock.forward(24 * 60)
    alarm.evaluate(10)  # the next day is not compared yet
    _put(alarm, _row(alarm, p=0.3, effect=0.01))
    alarm.evaluate(5)
    assert alarm.book.get(alert.id).status == "cleared"
    assert alarm.told() == [("alert.fired", "ops", "input-drift"), ("alert.cleared", "ops", "input-drift is over")]


def test_each_output_is_told_apart_and_is_a_subject(alarm: Alarm) -> None:
    output = {"kind": "output", "effect": 0.5}
    _put(alarm, *(_row(alarm, measure=name, **output) for name in ("output_tokens", "score helpful")))
    _put(alarm, _row(alarm, measure="latency", kind="output", effect=0.2))
    alarm.evaluate(3)
    found = {alert.subject: alert.text for alert in alarm.book.list()}
    assert set(found) == {"output_tokens", "score helpful"}
    assert found["score helpful"].startswith(
        "The score helpful on 2025-11-23 (UTC) against the 14 days before: a PSI of"
    )
    assert {alert.title for alert in alarm.book.list()} == {
        "output-drift: output_tokens", "output-drift: score helpful"
    }  # fmt: skip


def test_levels_are_those_that_are_stated(alarm: Alarm) -> None:
    _put(alarm, _row(alarm), _row(alarm, measure="latency", kind="output", effect=0.2))
    rules = {
        "input-drift": {"enabled": False}, "output-drift": {"threshold": 0.1, "evaluations": 1},
        "asked": {"kind": "drift", "measure": "inputs", "threshold": 0.3},
    }  # fmt: skip
    alarm.config = AlertsConfig.model_validate({"rules": rules})
    assert alarm.evaluate().opened == 1
    alarm.evaluate(5)
    assert [alert.title for alert in alarm.book.list()] == ["output-drift: latency"]


def test_what_is_old_is_not_told(alarm: Alarm) -> None:
    _put(alarm, _row(alarm, 3))
    assert alarm.evaluate(5).readings == 0
