import math
from typing import Any

import msgspec
import pytest

from pilothouse.cases import Case, Outcome, Step, Verdict


def test_a_case_survives_json() -> None:
    case = Case(id="1", input={"q": "why"}, output="so", context=("a",), steps=(Step("find", {"q": 1}, [2]),))
    assert msgspec.json.decode(msgspec.json.encode(case), type=Case) == case


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_score(score: float) -> None:
    with pytest.raises(ValueError, match="is not a score"):
        Verdict.ok("e", score)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"status": "failed", "score": 0.0, "explanation": "it broke"}, "neither score nor pass"),
        ({"status": "skipped", "passed": False, "explanation": "no context"}, "neither score nor pass"),
        ({"status": "failed"}, "says why"),
        ({"status": "ok", "explanation": "good"}, "has a score, a pass or a label"),
    ],
)
def test_a_verdict_is_one_of_three_kinds(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Verdict(evaluator="e", **fields)
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({"evaluator": "e", **fields}, Verdict)


def test_the_three_ways_to_make_one() -> None:
    assert Verdict.ok("e", 1, passed=True, label="a").score == 1.0
    failed = Verdict.failed("e", "The judge answered in prose.", cost_nano=None, trace_id="t")
    assert (failed.status, failed.score, failed.cost_nano, failed.trace_id) == ("failed", None, None, "t")
    assert Verdict.skipped("e", "The case has no context.").status == "skipped"


def test_where_the_task_failed_there_is_nothing_to_judge() -> None:
    case = Case(id="1", input="q")
    assert Outcome(case=case, error="The model is away.").verdicts == ()
    with pytest.raises(ValueError, match="nothing to judge"):
        Outcome(case=case, error="The model is away.", verdicts=(Verdict.ok("e", 1),))
    outcome = Outcome(case=case, trial=2, verdicts=(Verdict.ok("e", 1),))
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome
