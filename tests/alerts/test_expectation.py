"""What is usual: weeks where there are some, else days, and how far hours stray."""

import random

import pytest

from pilothouse.alerts.expectation import expect
from pilothouse.alerts.measures import ADDITIVE, difference, window_of

from .seeding import MONDAY, hour_of, scores_of

_WEEK = 168


def _series(
    weeks: float, requests: int = 100, noise: float = 0.0, weekend: float = 1.0
) -> dict[int, dict[str, object]]:
    source = random.Random(7)
    found = {}
    for hour in range(MONDAY - int(weeks * _WEEK), MONDAY):
        share = weekend if (hour // 24 + 3) % 7 >= 5 else 1.0
        found[hour] = hour_of(hour, round(requests * share * (1 + source.uniform(-noise, noise))))
    return found


def test_the_same_weekday_is_what_counts() -> None:
    series = _series(5, weekend=0.2)
    monday = expect(series, MONDAY, 6, "requests")
    assert monday is not None
    assert monday.weekly
    assert monday.usual(1.0) == 600
    assert monday.usual(0.0) == 500
    saturday = expect({h: row for h, row in series.items() if h < MONDAY - 48}, MONDAY - 48, 6, "requests")
    assert saturday is not None
    assert saturday.usual(1.0) == 120


def test_one_wild_week_does_not_count() -> None:
    series = _series(5)
    series |= {h: hour_of(h, 10_000) for h in range(MONDAY - _WEEK - 24, MONDAY - _WEEK + 24)}
    found = expect(series, MONDAY, 6, "requests")
    assert found is not None
    assert found.usual(1.0) == 600
    assert found.spread < 0.1


def test_before_there_are_two_weeks_days_are_what_is_usual() -> None:
    found = expect(_series(1.5), MONDAY, 6, "cost")
    assert found is not None
    assert not found.weekly
    assert found.usual(1.0) == 6 * 100 * 10_000_000
    assert expect(_series(0.3), MONDAY, 6, "cost") is None
    assert expect({}, MONDAY, 6, "cost") is None


def test_noisy_hours_stray_further() -> None:
    calm, noisy = expect(_series(5, noise=0.02), MONDAY, 3, "cost"), expect(_series(5, noise=0.6), MONDAY, 3, "cost")
    assert calm is not None
    assert noisy is not None
    assert calm.spread == 0.04
    assert noisy.spread > 0.15


def test_scores_are_held_against_the_week_before() -> None:
    series = {h: scores_of(h, mean=0.7 if h < MONDAY - 2 * _WEEK else 0.8) for h in range(MONDAY - 4 * _WEEK, MONDAY)}
    found = expect(series, MONDAY, 6, "score")
    assert found is not None
    assert found.usual(0.5) == pytest.approx(0.8)


def test_the_measures() -> None:
    window = window_of([hour_of(1, 10, failed=2, seconds=2.0), hour_of(2, 30, seconds=2.0)])
    assert (window.value("cost"), window.value("requests"), window.value("tokens")) == (400_000_000, 40, 1000)
    assert window.value("latency") == pytest.approx(2e6, rel=0.05)
    assert (window.errors, window.samples("latency"), window.samples("ttft")) == (2, 40, 0)
    assert window_of([]).value("latency") is None
    model = hour_of(1, 10, failed=3) | {"requests": 0, "failed": 0}
    assert (window_of([model]).counted, window_of([model]).errors) == (10, 3)
    assert difference("cost", 2e9, 1e9) == pytest.approx(-difference("cost", 1e9, 2e9))
    assert difference("score", 0.4, 0.8) == pytest.approx(-0.5)
    assert frozenset(("cost", "requests")) == ADDITIVE
