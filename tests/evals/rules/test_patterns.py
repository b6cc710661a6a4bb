from typing import Any

import pytest

from pilothouse.errors import ConfigError, MissingExtra
from pilothouse.evals.rules.patterns import BoundedPattern, Regex, unrolled


@pytest.mark.parametrize(
    ("options", "output", "passed"),
    [
        ({"pattern": r"\d{4}"}, "in 2026", True),
        ({"pattern": r"\d{4}"}, "in 26", False),
        ({"pattern": r"\d{4}", "match": "whole"}, "in 2026", False),
        ({"pattern": r"a|b+", "match": "whole"}, "bbb", True),
        ({"pattern": "error", "match": "never"}, "Error", True),
        ({"pattern": "error", "match": "never", "ignore_case": True}, "Error", False),
    ],
)
def test_where_a_pattern_is_to_match(judge: Any, options: dict[str, Any], output: str, passed: bool) -> None:
    assert judge(Regex(**options), output).passed is passed


def test_a_search_without_end_is_stopped_and_is_no_fail(judge: Any) -> None:
    verdict = judge(Regex(pattern=r"^(\w|\w\w)+$", timeout_s=0.02), "a" * 60 + "!")
    assert (verdict.status, verdict.score) == ("failed", None)
    assert "within 0.02 s" in verdict.explanation


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "("}, "regex.pattern: is no regular expression: missing"),
        ({"pattern": "((a{1000}){1000}){1000}"}, "regex.pattern: repeats too much"),
        ({"pattern": "(?:" * 5000 + ")" * 5000}, "regex.pattern: is no regular expression"),
        ({"pattern": "a", "timeout_s": 0}, "regex.timeout_s"),
        ({"pattern": "a", "timeout_s": float("nan")}, "regex.timeout_s"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Regex(**options)


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        (r"\d{4}-\d{2}-\d{2}", 10),
        (r"[a{9}]{3}", 3),
        (r"\{9}", 3),
        (r"(ab{2}){3}", 9),
        (r"a{,5}b{2,}", 3),
        (")" * 3, 3),
    ],
)
def test_counted_repeats_are_written_out(pattern: str, size: int) -> None:
    assert unrolled(pattern) == size


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "regex", None)
    with pytest.raises(MissingExtra, match=r"pilothouse\[evals\]"):
        BoundedPattern("a")
