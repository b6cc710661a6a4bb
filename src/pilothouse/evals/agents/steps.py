"""Evaluators over the tool calls of an agent: which were made, in what order, and how many."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.cases import Step
from pilothouse.evals.agents.calls import Arguments, agreement, edit_distance, expected_steps, pairs
from pilothouse.evals.lacking import lacking
from pilothouse.evals.options import refusal
from pilothouse.evals.rules.schema import SchemaCheck
from pilothouse.evals.rules.telling import told
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.evals.values import written

__all__ = ["StepEfficiency", "ToolCalls", "Trajectory"]

_NO_STEPS = "The case expects no steps: 'expected' is a list of tool calls, or has one as 'steps'."
_MOST = 500  # comparing each with each takes 0.3 s then


@dataclass(frozen=True, kw_only=True)
class ToolCalls(Evaluator):
    """Passes an agent that made every expected tool call and, unless `extra` is allowed, no other; in any order.

    Calls agree in name and, as `arguments` says, in arguments: `exact`; `subset`, where more may be given; `schema`,
    where a JSON schema stands in their place; `ignore`. The score is F1: the harmonic mean of the shares of expected
    calls that were made and of made ones that were expected; with `extra` the first share alone.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("expected",))

    arguments: Arguments = "exact"
    extra: bool = False
    name: str = "tool_calls"

    def __post_init__(self) -> None:
        if self.arguments == "schema":
            SchemaCheck({})  # tells of a missing extra now

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        wanted, made = _expected(self, case, models), case.steps
        if isinstance(wanted, Verdict):
            return wanted
        try:
            found = pairs(wanted, made, agreement(self.arguments))
        except ValueError as error:
            return _no_schema(self.name, error)
        taken = set(found.values())
        absent = [step for index, step in enumerate(wanted) if index not in found]
        surplus = [step for index, step in enumerate(made) if index not in taken]
        recall = len(found) / len(wanted) if wanted else 1.0
        f1 = 2 * len(found) / (len(wanted) + len(made)) if wanted or made else 1.0
        counted = [] if self.extra else surplus
        why = [f"not made: {_call(step)}" for step in absent[:3]] + [
            f"not expected: {_call(step)}" for step in counted[:3]
        ]
        return told(
            self.name, not absent and not counted, "; ".join(why), score=recall if self.extra else f1,
            detail={"absent": [step.name for step in absent], "surplus": [step.name for step in surplus]},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Trajectory(Evaluator):
    """Passes an agent that went the expected way: `strict`, the same steps in the same order; `unordered`, the same
    steps; `subset`, nothing but expected steps; `superset`, all expected steps and maybe more; `distance`, steps whose
    edit distance makes a similarity of at least `passing`.

    The score is 1 or 0, with `distance` the similarity: 1 - distance / the greater number of steps, which `detail` has
    always. Steps agree in name, and in arguments as for tool calls.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("expected",))

    match: Literal["strict", "unordered", "subset", "superset", "distance"] = "strict"
    arguments: Arguments = "ignore"
    passing: float = 1.0
    name: str = "trajectory"

    def __post_init__(self) -> None:
        if not 0 <= self.passing <= 1:
            raise refusal(self, "passing", "is a similarity between 0 and 1")
        if self.arguments == "schema":
            SchemaCheck({})

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        wanted, made = _expected(self, case, models), case.steps
        if isinstance(wanted, Verdict):
            return wanted
        agrees = agreement(self.arguments)
        try:
            distance = edit_distance(wanted, made, agrees)
            matched = len(pairs(wanted, made, agrees))
        except ValueError as error:
            return _no_schema(self.name, error)
        similarity = 1 - distance / max(len(wanted), len(made), 1)
        passed = {
            "strict": distance == 0,
            "unordered": matched == len(wanted) == len(made),
            "subset": matched == len(made),
            "superset": matched == len(wanted),
            "distance": similarity >= self.passing,
        }[self.match]
        return told(
            self.name, passed, f"Expected {_way(wanted)}, made {_way(made)}.",
            score=similarity if self.match == "distance" else None,
            detail={"distance": distance, "similarity": similarity},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StepEfficiency(Evaluator):
    """How few steps an agent took: the fewest that do, divided by those it took, at most 1.

    The fewest are `fewest`, else the number of expected steps, else that of distinct calls, so that only repeated ones
    count against it. Passes up to `maximum` steps, says no pass without it.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("steps",))

    fewest: int | None = None
    maximum: int | None = None
    name: str = "step_efficiency"

    def __post_init__(self) -> None:
        if self.fewest is not None and self.fewest < 1:
            raise refusal(self, "fewest", "is below 1")
        if self.maximum is not None and self.maximum < 0:
            raise refusal(self, "maximum", "is below 0")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if skipped := lacking(self, case, models):
            return skipped
        taken = len(case.steps)
        repeated = taken - len({(step.name, written(step.arguments)) for step in case.steps})
        wanted = expected_steps(case)
        fewest = self.fewest if self.fewest is not None else len(wanted) if wanted else taken - repeated
        passed = None if self.maximum is None else taken <= self.maximum
        why = f"{taken} steps are more than {self.maximum}." if passed is False else ""
        detail = {"steps": taken, "fewest": fewest, "repeated": repeated}
        return Verdict.ok(self.name, min(1.0, fewest / taken), passed=passed, explanation=why, detail=detail)


def _expected(evaluator: Evaluator, case: Case, models: Models) -> "list[Step] | Verdict":
    """The steps to compare those made with, or the verdict where that cannot be done."""
    if skipped := lacking(evaluator, case, models):
        return skipped
    wanted = expected_steps(case)
    if wanted is None:
        return Verdict.skipped(evaluator.name, _NO_STEPS)
    if max(len(wanted), len(case.steps)) > _MOST:
        return Verdict.failed(evaluator.name, f"Lists of more than {_MOST} steps are not compared.")
    return wanted


def _no_schema(name: str, error: ValueError) -> Verdict:
    return Verdict.failed(name, f"The expected arguments are no schema to tell by: {error}")


def _call(step: Step) -> str:
    return f"{step.name}({written(step.arguments)[:120]})"


def _way(steps: "list[Step] | tuple[Step, ...]") -> str:
    return (" > ".join(step.name[:40] for step in steps[:10]) + (" > …" if len(steps) > 10 else "")) or "no step"
