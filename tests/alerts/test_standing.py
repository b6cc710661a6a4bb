"""Hysteresis: what begins an alert, what ends it, and what does neither."""

from pilothouse.alerts.judge import Reading
from pilothouse.alerts.rules import Rule, rules_of
from pilothouse.alerts.standing import Standing, step
from pilothouse.monitoring import AlertsConfig

_RULE: Rule = next(rule for rule in rules_of(AlertsConfig()) if rule.name == "errors")
_HIGH = Reading(0.5, 0.05, passed=True, below=False, samples=100, text="")
_BETWEEN = Reading(0.04, 0.05, passed=False, below=False, samples=100, text="")
_LOW = Reading(0.0, 0.05, passed=False, below=True, samples=100, text="")
_HOUR = 3_600_000_000


def _run(*readings: Reading | None, began: Standing | None = None) -> tuple[Standing, list[str]]:
    standing, steps = began or Standing(), []
    for number, reading in enumerate(readings):
        standing, what = step(standing, reading, _RULE, number)
        if what == "fire":
            standing = Standing("a", 0, number)
        steps.append(what)
    return standing, steps


def test_three_in_a_row_begin_and_three_in_a_row_end() -> None:
    assert _run(_HIGH, _HIGH, _HIGH, _HIGH)[1] == ["none", "none", "fire", "none"]
    assert _run(_HIGH, _HIGH, _HIGH, _LOW, _LOW, _LOW)[1][-1] == "clear"


def test_a_row_that_is_broken_begins_anew() -> None:
    assert "fire" not in _run(_HIGH, _HIGH, _LOW, _HIGH, _HIGH, _BETWEEN, _HIGH, _HIGH, None, _HIGH, _HIGH)[1]
    firing = Standing("a", 0, 0)
    assert "clear" not in _run(_LOW, _LOW, _BETWEEN, _LOW, _LOW, _HIGH, _LOW, _LOW, None, _LOW, began=firing)[1]


def test_between_the_levels_an_alert_goes_on_but_none_begins() -> None:
    assert set(_run(*[_BETWEEN] * 10)[1]) == {"none"}
    assert set(_run(*[_BETWEEN] * 10, began=Standing("a", 0, 0))[1]) == {"none"}


def test_after_a_day_without_a_reading_an_alert_ends() -> None:
    firing = Standing("a", 0, 0)
    assert step(firing, None, _RULE, 23 * _HOUR) == (firing, "none")
    assert step(firing, None, _RULE, 25 * _HOUR) == (Standing(), "clear")
    assert Standing().is_blank
    assert not firing.is_blank
