from typing import ClassVar

from pilothouse.evals.lacking import lacking, missing
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Step, Verdict
from pilothouse.testing.record import new_call

NOTHING = Models(make_call=new_call)


class Wants(Evaluator):
    needs: ClassVar[frozenset[Need]] = frozenset(("expected", "judge"))
    name = "wants"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return lacking(self, case, models) or Verdict.ok(self.name, 1.0)


async def test_what_is_missing_is_told_and_no_score() -> None:
    evaluator: Evaluator = Wants()
    verdict = await evaluator.evaluate(Case(id="1", input="q"), NOTHING)
    assert verdict.status == "skipped"
    assert verdict.explanation == (
        "The case has no 'expected' to compare with. No judge model is set: name one that the gateway serves, as the "
        "judge of the run or as `model` here."
    )


def test_falsy_values_are_there() -> None:
    case = Case(id="1", input="q", expected=0, latency_s=0.0, cost_nano=0, steps=(Step("a"),), context=("",))
    needs: list[Need] = ["expected", "latency", "cost", "steps", "context", "judge", "encoder"]
    assert missing(needs, case, NOTHING) == {"judge", "encoder"}
