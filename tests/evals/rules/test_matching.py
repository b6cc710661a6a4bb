from typing import Any

import pytest

from pilothouse.evals.rules.matching import ContainsExpected, ExactMatch, NormalisedMatch


@pytest.mark.parametrize(
    ("expected", "output", "passed"),
    [
        ("Paris", " Paris\n", True),
        ("Paris", "paris", False),
        (["Paris", "Lutetia"], "Lutetia", True),
        ({"answer": "Paris"}, "Paris", True),
        ({"city": "Paris", "n": 1}, '{"n": 1.0, "city": "Paris"}', True),
        ({"n": True}, '{"n": 1}', False),
        ([1, 2], "[1, 2]", True),
        ([1, 2], "2", True),
        (42, "42", True),
        (True, "true", True),
        ("", "", True),
        ('{"a": 1}', '{"a":1}', False),
    ],
)
def test_exact(judge: Any, expected: Any, output: str, passed: bool) -> None:
    assert judge(ExactMatch(), output, expected=expected).passed is passed


def test_normalised(judge: Any) -> None:
    assert judge(NormalisedMatch(), "the  Eiffel-Tower!", expected="Eiffel Tower").passed is False
    assert judge(NormalisedMatch(), "The Eiffel Tower!", expected=["Louvre", "eiffel tower"]).passed
    assert not judge(NormalisedMatch(), "Eiffel", expected="Eiffel Tower").passed


def test_contains(judge: Any) -> None:
    wanted = ["Paris", "Seine"]
    assert judge(ContainsExpected(), "It is paris.", expected=wanted).passed
    half = judge(ContainsExpected(match="all"), "It is Paris.", expected=wanted)
    assert (half.passed, half.score, half.explanation) == (False, 0.5, "The output lacks 'Seine'.")
    assert not judge(ContainsExpected(), "Comparison", expected="Paris").passed
    assert judge(ContainsExpected(), "x", expected=" ").status == "skipped"


@pytest.mark.parametrize("kind", [ExactMatch, NormalisedMatch, ContainsExpected])
def test_without_an_expected_it_is_skipped(judge: Any, kind: Any) -> None:
    assert judge(kind(), "x").status == "skipped"
