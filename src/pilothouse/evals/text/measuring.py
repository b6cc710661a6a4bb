"""What evaluators have in common that measure a text against expected ones: references, a least score, long texts."""

from collections.abc import Callable

from pilothouse.cases import Case, Verdict
from pilothouse.evals.lacking import lacking
from pilothouse.evals.options import refusal
from pilothouse.evals.shapes import Evaluator, Models
from pilothouse.evals.values import accepted
from pilothouse.types import Json

__all__ = ["Measured", "check_passing", "graded", "measured"]

Measured = tuple[float, Json]
"""A score from 0 to 1, and details."""


def check_passing(evaluator: Evaluator, passing: float | None) -> None:
    """Raises ConfigError for a least score that is not between 0 and 1."""
    if passing is not None and not 0 <= passing <= 1:
        raise refusal(evaluator, "passing", "is a score between 0 and 1")


def graded(name: str, score: float, passing: float | None, detail: Json | None = None) -> Verdict:
    """The verdict of a score: a pass where there is a least one."""
    passed = None if passing is None else score >= passing
    why = "" if passed is not False else f"{score:.3f} is below {passing:g}."
    return Verdict.ok(name, score, passed=passed, explanation=why, detail=detail)


def measured(
    evaluator: Evaluator,
    case: Case,
    models: Models,
    passing: float | None,
    measure: Callable[[str, list[str]], Measured],
) -> Verdict:
    """The verdict of `measure(output, references)`. A ValueError, as of texts too long, makes it `failed`."""
    if skipped := lacking(evaluator, case, models):
        return skipped
    references = accepted(case)
    if not references:
        return Verdict.skipped(evaluator.name, "The list of expected texts is empty.")
    try:
        score, detail = measure(case.output, references)
    except ValueError as error:
        return Verdict.failed(evaluator.name, f"It cannot be measured: {error}.")
    return graded(evaluator.name, score, passing, detail)
