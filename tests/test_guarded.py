from typing import Any

import pytest

from pilothouse.guarded import Finding, GuardResult


def test_a_finding_is_replaced_by_its_kind_where_nothing_else_is_said() -> None:
    assert Finding("email", 0, 1).instead == "[email]"
    assert Finding("email", 0, 1, replacement="").instead == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "passed", "score": float("nan")},
        {"status": "triggered"},
        {"status": "skipped"},
        {"status": "failed"},
        {"status": "passed", "findings": (Finding("email", 0, 1),)},
    ],
    ids=str,
)
def test_a_result_says_nothing_that_nobody_found(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"score|says why|found nothing"):
        GuardResult(guard="g", **wrong)


def test_each_status_has_its_maker() -> None:
    made = [GuardResult.passed("g"), GuardResult.triggered("g", "why"), GuardResult.skipped("g", "why"),
            GuardResult.failed("g", "why")]  # fmt: skip
    assert [one.status for one in made] == ["passed", "triggered", "skipped", "failed"]
