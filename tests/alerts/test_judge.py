"""A level alone is not enough: a change must be far out, a share must be sure."""

from typing import Any

import pytest

from pilothouse.alerts.expectation import Expectation
from pilothouse.alerts.judge import Reading, judge
from pilothouse.alerts.measures import window_of
from pilothouse.alerts.rules import Rule, rules_of
from pilothouse.monitoring import AlertsConfig, Measure

from .seeding import hour_of, scores_of

_RULES: dict[str, Rule] = {rule.name: rule for rule in rules_of(AlertsConfig())}
_COST = 10_000_000


def _judge(name: str, measure: Measure, usual: float, spread: float, *rows: dict[str, Any]) -> Reading:
    expectation = Expectation(measure, (usual,), (0.0,), spread, weekly=True)
    found = judge(_RULES[name], window_of(rows), expectation)
    assert found is not None
    return found


@pytest.mark.parametrize(("spread", "passed"), [(0.04, True), (0.3, False)])
def test_a_change_counts_where_hours_do_not_stray_so_far_by_themselves(spread: float, passed: bool) -> None:
    spent = hour_of(1, 10_000, cost=_COST * 3 // 2)
    assert _judge("spend", "cost", 10_000 * _COST, spread, spent).passed is passed


@pytest.mark.parametrize(("requests", "passed"), [(5000, True), (60, False)])
def test_few_samples_stray_by_themselves(requests: int, passed: bool) -> None:
    slow = hour_of(1, requests, seconds=2.0)
    assert _judge("odd-latency", "latency", 1e6, 0.04, slow).passed is passed


@pytest.mark.parametrize(("failed", "requests", "passed"), [(6, 60, False), (12, 60, True), (60, 1000, False)])
def test_a_share_counts_where_it_is_sure(failed: int, requests: int, passed: bool) -> None:
    """6 of 60, and 60 of 1,000, are more than 5 %, and may be chance."""
    reading = judge(_RULES["errors"], window_of([hour_of(1, requests, failed=failed)]))
    assert reading is not None
    assert reading.value > 0.05
    assert reading.passed is passed


def test_no_traffic_at_all_is_seen_and_little_of_little_is_not() -> None:
    none = judge(_RULES["odd-traffic"], window_of([]), Expectation("requests", (500.0,), (0.0,), 0.1, weekly=True))
    assert none is not None
    assert none.passed
    few = judge(_RULES["odd-traffic"], window_of([]), Expectation("requests", (20.0,), (0.0,), 0.1, weekly=True))
    assert few is None
    by_days = Expectation("requests", (500.0,), (0.0,), 0.1, weekly=False)
    weekend = judge(_RULES["odd-traffic"], window_of([]), by_days)
    assert weekend is not None
    assert not weekend.passed


def test_scores_alert_downward_alone() -> None:
    better, worse = scores_of(1, 500, mean=0.95), scores_of(1, 500, mean=0.6)
    assert not _judge("score", "score", 0.8, 0.04, better).passed
    assert _judge("score", "score", 0.8, 0.04, worse).passed


@pytest.mark.parametrize(
    ("looked", "triggered", "passed"), [(1000, 60, True), (1000, 22, False), (60, 4, False), (3000, 0, True)]
)
def test_a_guard_that_triggers_as_it_never_does(looked: int, triggered: int, passed: bool) -> None:
    """Two of a hundred are usual: three times as many count where there are enough of them, and so does none at all."""
    reading = _judge("odd-guards", "triggers", 0.02, 0.04, hour_of(1, looked, failed=triggered))
    assert reading.passed is passed
    assert reading.text.startswith(
        f"The share of texts in which the guard triggers over the last 3 h: {triggered / looked:.1%}"
    )
