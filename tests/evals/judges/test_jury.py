"""Several judges on one case."""

from typing import Any

import pytest

from pilothouse.errors import BudgetExceeded, ConfigError, ProviderUnavailable
from pilothouse.evals.judges.jury import Jury
from pilothouse.evals.judges.pairwise import Pairwise
from pilothouse.evals.judges.rubric import RUBRIC
from pilothouse.evals.shapes import Case, Verdict

from .conftest import CASE, Scripted, models_of

ONE = {"clarity": RUBRIC["clarity"]}


class Bench(Scripted):
    """Answers by the model that is asked: a score, or an error."""

    def __init__(self, **by_model: Any) -> None:
        super().__init__(lambda request: self._answer(by_model[request.model]))

    @staticmethod
    def _answer(told: Any) -> Any:
        return {"clarity": {"score": told, "explanation": f"{told}!"}} if isinstance(told, int) else told


async def judged(rule: str = "mean", **by_model: Any) -> Verdict:
    jury = Jury(models=tuple(by_model), criteria=ONE, rule=rule, retries=0)  # type: ignore[arg-type]
    return await jury.evaluate(CASE, models_of(Bench(**by_model), judge=None))


async def test_the_mean_of_all_and_how_far_they_are_apart() -> None:
    verdict = await judged(a=5, b=4, c=1)
    assert verdict.score == pytest.approx((1 + 0.75 + 0) / 3)
    assert verdict.passed is False
    assert verdict.detail["jurors"] == {
        "a": {"score": 1.0, "passed": True}, "b": {"score": 0.75, "passed": True}, "c": {"score": 0.0, "passed": False},
    }  # fmt: skip
    assert verdict.detail["spread"] == 1.0
    assert verdict.detail["deviation"] == pytest.approx(0.4249182927)
    assert (verdict.detail["agreed"], verdict.detail["left"], verdict.detail["judge"]) == (False, {}, "a, b, c")
    assert verdict.cost_nano == 21
    assert "a: clarity 5: 5!" in verdict.explanation


@pytest.mark.parametrize(
    ("scores", "score", "passed", "label"),
    [((5, 4, 1), 2 / 3, True, "pass"), ((5, 1, 1), 1 / 3, False, "fail"), ((5, 5, 1, 1), 0.5, None, "split")],
    ids=range(3),
)
async def test_the_majority(scores: tuple[int, ...], score: float, passed: bool | None, label: str) -> None:
    verdict = await judged("majority", **{f"m{at}": one for at, one in enumerate(scores)})
    assert (verdict.score, verdict.passed, verdict.label) == (pytest.approx(score), passed, label)


async def test_a_juror_that_fails_leaves_the_jury_and_is_named() -> None:
    verdict = await judged(a=5, b="I cannot judge.", c=3)
    assert verdict.score == pytest.approx(0.75)
    assert list(verdict.detail["jurors"]) == ["a", "c"]
    assert "no usable answer" in verdict.detail["left"]["b"]
    assert verdict.cost_nano == 21, "what the failed one said was paid for, too"


async def test_without_a_quorum_there_is_no_verdict() -> None:
    verdict = await judged(a=5, b="No.", c=ProviderUnavailable("down"))
    assert (verdict.status, verdict.score) == ("failed", None)
    assert "Of 3 jurors 1 could tell, 2 must." in verdict.explanation
    assert "c: The judge 'c' could not tell: down" in verdict.explanation
    one_will_do = Jury(models=("a", "b"), criteria=ONE, quorum=1, retries=0)
    assert (await one_will_do.evaluate(CASE, models_of(Bench(a=5, b="No.")))).score == 1.0


async def test_a_spent_budget_stops_the_run() -> None:
    with pytest.raises(BudgetExceeded):
        await judged(a=5, b=BudgetExceeded("spent"))


async def test_what_every_juror_lacks_is_skipped() -> None:
    faithful = Jury(models=("a", "b"), criteria={"faithfulness": "Backed."})
    verdict = await faithful.evaluate(Case(id="1", input="", output=""), models_of(Bench()))
    assert (verdict.status, "context" in verdict.explanation) == ("skipped", True)
    assert (await faithful.evaluate(CASE, models_of(Bench(a="", b="")))).status == "failed"


async def test_a_jury_of_another_kind_in_one_trace() -> None:
    chat = Scripted({"better": "first"}, {"better": "second"}, {"better": "first"}, {"better": "first"})
    verdict = await Jury(models=("a", "b"), by=Pairwise()).evaluate(CASE, models_of(chat))
    assert (verdict.score, verdict.cost_nano) == (0.75, 28)
    assert {span.trace_id for span in chat.recorder.spans} == {verdict.trace_id}
    assert [request.model for request in chat.asked] == ["a", "a", "b", "b"]


def test_the_fingerprint_is_that_of_the_jurors() -> None:
    juries = [Jury(models=("a", "b")), Jury(models=("b", "a")), Jury(models=("a", "b"), by=Pairwise())]
    juries += [Jury(models=("a", "b"), criteria=ONE), Jury(models=("a", "b"), rule="majority")]
    assert len({jury.fingerprint for jury in juries}) == 5
    assert Jury(models=("a", "b"), by=Pairwise()).fingerprint == juries[2].fingerprint


@pytest.mark.parametrize(
    "options", [{"models": ("a",)}, {"models": ("a", "a")}, {"quorum": 3}, {"quorum": 0}, {"passing": 2}], ids=range(5)
)
def test_options_that_cannot_be_are_refused(options: Any) -> None:
    with pytest.raises(ConfigError):
        Jury(**{"models": ("a", "b"), **options})
