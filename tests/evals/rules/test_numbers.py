import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import ConfigError
from pilothouse.evals.rules.numbers import Numbers, numbers_in


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,234.5 and -7, +3 or \u22122.5e3.", [1234.5, -7, 3, -2500]),
        (".5 and 0.5.", [0.5, 0.5]),
        ("v2 and 1.2.3 and x1", []),
        ("5-3 is 2", [5, 3, 2]),
        ("1,2 and 1,23", []),
        ("1e999 " + "9" * 500, []),
        ("$1,000,000 or 45%", [1_000_000, 45]),
    ],
)
def test_numbers_of_a_text(text: str, numbers: list[float]) -> None:
    assert list(numbers_in(text)) == numbers


def test_the_decimal_mark_may_be_a_comma() -> None:
    assert list(numbers_in("1.234,5 und 0,25", ",")) == [1234.5, 0.25]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_as_it_was_written(number: float) -> None:
    assert list(numbers_in(f"It is {number!r}.")) == [number]


@pytest.mark.parametrize(
    ("options", "expected", "output", "passed"),
    [
        ({}, 42, "6 times 7 is 42.", True),
        ({}, 42, "42 is 6 times 7", False),
        ({"which": "first"}, 42, "42 is 6 times 7", True),
        ({"which": "final"}, 42, "Answer: 42. That is 6 times 7", True),
        ({"which": "final"}, 42, "The answer is 6 * 7 = 42.\n(Found in 2 steps.)", True),
        ({"which": "final"}, 42, "Answer: 41. No, it is wrong.\n**Answer:** $42 (6 times 7)", True),
        ({"which": "final"}, 42, "6 * 7 is \\boxed{42}, as in 1979", True),
        ({"which": "final"}, 42, "#### 42\nAnswer: see above", True),
        ({"which": "final"}, 42, "6 times 7 is 42", True),
        ({"which": "final"}, 42, "The answer is 7, not 42", False),
        ({"which": "any"}, "so #### 6", "42 is 6 times 7", True),
        ({"relative": 0.01}, 3.14159, "about 3.14", True),
        ({"absolute": 0.5, "relative": 0}, 3, "3.5", True),
        ({"absolute": 0.5, "relative": 0}, 3, "3.6", False),
        ({}, [1, 2], "2", True),
        ({}, 10**400, "1", None),
        ({}, "none", "1", None),
        ({}, 5, "no idea", False),
    ],
)
def test_tolerance(judge: Any, options: dict[str, Any], expected: Any, output: str, passed: bool | None) -> None:
    verdict = judge(Numbers(**options), output, expected=expected)
    assert verdict.passed is passed
    assert (verdict.status == "skipped") is (passed is None)


@pytest.mark.parametrize("given", [-1.0, math.nan, math.inf])
def test_wrong_tolerances(given: float) -> None:
    with pytest.raises(ConfigError, match=r"numbers.relative"):
        Numbers(relative=given)
