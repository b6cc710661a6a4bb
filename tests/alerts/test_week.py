"""A week of noisy traffic raises no alarm; a week with incidents raises one for each, in time.

The rules were tuned on seeds 1 to 12; these are others.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.settings import Settings
from pilothouse.storage import open_store

from .conftest import Alarm, Clock, over
from .seeding import HOUR_US, MONDAY, put_questions
from .traffic import Incident, Traffic

_WEEK = 168
_START = MONDAY - MONDAY % 24  # a Monday, at midnight
_REPLAYED = _START + 5 * _WEEK
_MINUTES = 15  # between two evaluations
_INCIDENTS = {
    "errors": Incident("errors", _REPLAYED + 34, _REPLAYED + 37, 0.30),
    "spend": Incident("cost", _REPLAYED + 58, _REPLAYED + 72, 2.0),
    "odd-latency": Incident("latency", _REPLAYED + 82, _REPLAYED + 90, 2.0),
    "score": Incident("score", _REPLAYED + 106, _REPLAYED + 118, 0.75),
}
_DRIFTED = ["latency", "score helpful"]  # of whole days, told in the night after
_IN_TIME = {"errors": 2, "spend": 10, "odd-latency": 6, "score": 8}  # hours


@pytest.fixture
def alarm(tmp_path: Path) -> Iterator[Alarm]:
    store = open_store(Settings(home=tmp_path))
    yield over(store, Clock())
    store.close()


def _replay(alarm: Alarm, traffic: Traffic) -> None:
    """Seed five weeks, then let the sixth pass, evaluating as it goes; the days that end are compared at night."""
    alarm.put(*(row for hour in range(_START, _REPLAYED) for row in traffic.rows(hour)))
    for day in range(_START // 24, _REPLAYED // 24):
        _end(alarm, traffic, day)
    for hour in range(_REPLAYED, _REPLAYED + _WEEK):
        if hour % 24 == 0 and hour > _REPLAYED:
            _end(alarm, traffic, hour // 24 - 1)
        for minute in range(_MINUTES, 61, _MINUTES):
            alarm.put(*traffic.rows(hour, minute / 60))
            alarm.clock.now = hour * HOUR_US + minute * 60_000_000 - 1
            alarm.drifts.catch_up(["default"])
            alarm.evaluator.evaluate(alarm.config, ["default"])


def _end(alarm: Alarm, traffic: Traffic, day: int) -> None:
    alarm.put(*traffic.day(day))
    put_questions(alarm.store, day, traffic.questions(day))


@pytest.mark.slow
def test_a_noisy_week_raises_no_alarm(alarm: Alarm) -> None:
    _replay(alarm, Traffic(101, _START, weeks=6))
    assert [(alert.rule, alert.text) for alert in alarm.book.list(limit=500)] == []


@pytest.mark.slow
def test_each_incident_is_told_once_and_in_time(alarm: Alarm) -> None:
    _replay(alarm, Traffic(102, _START, weeks=6, incidents=list(_INCIDENTS.values())))
    whole = alarm.book.list(limit=500)
    found = [alert for alert in whole if alert.rule != "output-drift"]
    assert sorted(alert.rule for alert in found) == sorted(_INCIDENTS)
    assert sorted(alert.subject for alert in whole if alert not in found) == _DRIFTED
    for alert in found:
        began = _INCIDENTS[alert.rule].first * HOUR_US
        assert 0 < alert.opened_us - began < _IN_TIME[alert.rule] * HOUR_US, alert.rule
        assert alert.status == "cleared"
    assert len(alarm.told()) == 2 * len(_INCIDENTS) + 2 * len(_DRIFTED)
