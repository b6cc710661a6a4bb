"""What a case or the process lacks of what an evaluator needs, in a sentence."""

import math
from collections.abc import Iterable

from pilothouse.errors import ModelFilesError, PilothouseError
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict

__all__ = ["WITHOUT_ENCODER", "lacking", "missing", "unavailable"]

WITHOUT_ENCODER = "The embedded encoder is not there. Fetch it with: pilothouse models pull"
"""Why what needs the encoder was skipped."""

_MOST_NANO = 2**63  # what a database keeps

_SENTENCES: dict[Need, str] = {
    "expected": "The case has no 'expected' to compare with.",
    "context": "The case has no context.",
    "steps": "The case has no steps: none were recorded.",
    "latency": "The case has no latency: it was not measured.",
    "cost": "The case has no cost: the price of its model is not known.",
    "encoder": WITHOUT_ENCODER,
    "judge": "No judge model is set: name one that the gateway serves, as the judge of the run or as `model` here.",
}


def lacking(evaluator: Evaluator, case: Case, models: Models) -> Verdict | None:
    """A verdict `skipped` that says what is missing, None when everything that `evaluator.needs` is there."""
    sentences = [_SENTENCES[need] for need in sorted(missing(evaluator.needs, case, models))]
    return Verdict.skipped(evaluator.name, " ".join(sentences)) if sentences else None


def unavailable(evaluator: Evaluator, error: PilothouseError) -> Verdict:
    """The verdict where the encoder did not answer: `skipped` where its files are not there, else `failed`."""
    if isinstance(error, ModelFilesError):
        return Verdict.skipped(evaluator.name, error.message)
    return Verdict.failed(evaluator.name, error.message)


def missing(needs: Iterable[Need], case: Case, models: Models) -> set[Need]:
    """Those of `needs` that are not there."""
    there: dict[Need, bool] = {
        "expected": case.expected is not None,
        "context": bool(case.context),
        "steps": bool(case.steps),
        "latency": case.latency_s is not None and math.isfinite(case.latency_s),
        "cost": case.cost_nano is not None and abs(case.cost_nano) < _MOST_NANO,
        "encoder": models.encode is not None,
        "judge": models.chat is not None and models.judge is not None,
    }
    return {need for need in needs if not there[need]}
