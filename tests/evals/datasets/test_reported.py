"""Scores of a trace as verdicts."""

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.datasets.reported import judged, verdicts_of
from pilothouse.observe.scores import Score


def score(name: str, at_us: int = 0, **said: object) -> Score:
    return Score(id=f"{name}{at_us}", name=name, at_us=at_us, **said)  # type: ignore[arg-type]


def test_scores_are_verdicts_the_newest_of_each_name() -> None:
    told = verdicts_of(
        [
            score("b", 2, value=0.5, comment="so so"), score("b", 1, value=1.0), score("c", kind="boolean", value=0.0),
            score("a\n", kind="categorical", label="calm"),
        ]
    )  # fmt: skip
    assert told == (
        Verdict.ok("a\ufffd", label="calm"), Verdict.ok("b", 0.5, explanation="so so"),
        Verdict.ok("c", 0.0, passed=False),
    )  # fmt: skip


def test_a_task_that_failed_is_not_judged() -> None:
    case = Case(id="1", input="q")
    assert judged(Outcome(case=case, error="no model"), [score("a", value=1.0)]).verdicts == ()
    assert len(judged(Outcome(case=case), [score("a", value=1.0)]).verdicts) == 1
