"""Redaction of nested values, and patterns of one's own, which must not hold anybody up."""

import pytest

from pilothouse.errors import ConfigError
from pilothouse.observe.privacy.redaction import OwnPatterns, Redaction

BY_FORM = Redaction(["email", "credit_card"], None)


def test_texts_are_found_wherever_they_are_and_what_was_given_stays() -> None:
    given = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "I am ada@example.com"}]}],
        "ada@example.com": 1,
        "card": 4111111111111111,
        "id": 1732734000123456,
        "rest": (True, None, 1.5, 7, ""),
    }
    assert BY_FORM.value(given) == {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "I am [email]"}]}],
        "[email]": 1,
        "card": "[credit_card]",
        "id": 1732734000123456,
        "rest": [True, None, 1.5, 7, ""],
    }
    assert given["messages"] == [{"role": "user", "content": [{"type": "text", "text": "I am ada@example.com"}]}]


def test_two_keys_that_become_one_stay_two() -> None:
    assert list(BY_FORM.value({"a@example.com": 1, "b@example.com": 2}).values()) == [1, 2]


def test_odd_values_are_told_and_redacted() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "<Odd ada@example.com>"

    deep: object = "ada@example.com"
    for _ in range(100):
        deep = [deep]
    assert BY_FORM.value([Odd()]) == ["<Odd [email]>"]
    assert "example" not in str(BY_FORM.value(deep))


def test_patterns_of_ones_own() -> None:
    redaction = Redaction(
        ["email"], OwnPatterns({"employee": r"\bE-\d{6}\b", "place": "(?i)berlin"}, "privacy.patterns")
    )
    assert redaction.text("E-123456 of BERLIN, x@example.com") == "[employee] of [place], [email]"


def test_a_pattern_that_takes_too_long_costs_the_text_and_three_times_is_enough() -> None:
    patterns = OwnPatterns({"slow": "(a|aa)+$"}, "privacy.patterns")
    redaction = Redaction([], patterns)
    assert redaction.text("aaa") == "[slow]"
    for done in range(3):
        assert patterns.timeouts == done
        assert redaction.text("a" * 5000 + "b") == "[not kept: the pattern 'slow' took too long]"
    assert redaction.text("aaa") == "[not kept: a pattern of the redaction took too long]"
    assert patterns.timeouts == 3


def test_a_pattern_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"privacy\.patterns\.odd: is no regular expression: ") as refused:
        OwnPatterns({"fine": "a", "odd": "(a"}, "privacy.patterns")
    assert refused.value.param == "privacy.patterns.odd"
