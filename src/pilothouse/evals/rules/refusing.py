"""Whether an output refuses to answer, by the phrases that English refusals begin with."""

from dataclasses import dataclass

from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.refusals import refuses

__all__ = ["Refusal"]


@dataclass(frozen=True, kw_only=True)
class Refusal(Evaluator):
    """Tells refusals by their words; `label` is `refused` or `answered`. Passes answers, with `wanted` refusals.

    English alone, and at the beginning of an output; a refusal in other words is taken for an answer.
    """

    wanted: bool = False
    name: str = "refusal"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        words = refuses(case.output)
        passed = (words is not None) is self.wanted
        why = "" if passed else "The output does not refuse." if words is None else f"The output refuses: '{words}'."
        label = "answered" if words is None else "refused"
        return Verdict.ok(self.name, float(passed), passed=passed, label=label, explanation=why)
