from typing import Any

from pilothouse.evals.rules.refusing import Refusal

REFUSED = "I'm sorry, but I can't assist with that."


def test_either_may_be_wanted(judge: Any) -> None:
    refused = judge(Refusal(), REFUSED)
    assert (refused.passed, refused.score, refused.label) == (False, 0.0, "refused")
    assert judge(Refusal(wanted=True), REFUSED).passed
    answered = judge(Refusal(wanted=True), "Yes.")
    assert (answered.passed, answered.label) == (False, "answered")
