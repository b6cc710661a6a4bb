"""Case: what is evaluated. Verdict: what one evaluator says of it. Outcome: both, of one run.

Knows nothing of evaluators, files and databases.
"""

import math
from typing import Any, Literal

import msgspec

from pilothouse.types import Json

__all__ = ["Case", "Need", "Outcome", "Step", "Verdict"]

Need = Literal["expected", "context", "steps", "latency", "cost", "encoder", "judge"]
"""What an evaluator may need: of a case, or (the last two) of the models that are there."""


class Step(msgspec.Struct, frozen=True):
    """One tool call of an agent. `result` is any JSON value."""

    name: str
    arguments: Json = {}
    result: Any = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """An input, what came of it, and what there is to compare with. `input` and `expected` are any JSON value.

    `context` holds the passages that were given to the model, `steps` the tool calls of an agent in their order.
    Unknown is None; `cost_nano` is nano-USD. `trace_id` is the trace in which the output was made.
    """

    id: str
    input: Any
    output: str = ""
    expected: Any = None
    context: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    metadata: Json = {}
    latency_s: float | None = None
    cost_nano: int | None = None
    trace_id: str | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluator says of one case. Made by `ok`, `failed` or `skipped`.

    `ok` has a finite `score`, a `passed` or a `label`, or several of them. `failed` means that the evaluator was asked
    and could not tell, as after a judge's broken answers; `skipped` that the case or the process lacks what it needs.
    These two have no score and no pass, and say why in `explanation`. `cost_nano` is what asking cost, None where that
    is unknown; `trace_id` the trace in which a judge was asked. Raises ValueError for anything else.
    """

    evaluator: str
    status: Literal["ok", "failed", "skipped"] = "ok"
    score: float | None = None
    passed: bool | None = None
    label: str | None = None
    explanation: str = ""
    cost_nano: int | None = 0
    trace_id: str | None = None
    detail: Json = {}

    def __post_init__(self) -> None:
        if self.score is not None and not math.isfinite(self.score):
            raise ValueError(f"{self.score} is not a score: what could not be told is 'failed' or 'skipped'")
        told = self.score is not None or self.passed is not None
        if self.status == "ok":
            if not told and self.label is None:
                raise ValueError("a verdict that is ok has a score, a pass or a label")
        elif told:
            raise ValueError(f"a verdict that is '{self.status}' has neither score nor pass")
        elif not self.explanation:
            raise ValueError(f"a verdict that is '{self.status}' says why")

    @classmethod
    def ok(
        cls,
        evaluator: str,
        score: float | None = None,
        *,
        passed: bool | None = None,
        label: str | None = None,
        explanation: str = "",
        detail: Json | None = None,
        cost_nano: int | None = 0,
        trace_id: str | None = None,
    ) -> "Verdict":
        """It could be told: a score, a pass, a label."""
        return cls(
            evaluator=evaluator, score=None if score is None else float(score), passed=passed, label=label,
            explanation=explanation, detail=detail or {}, cost_nano=cost_nano, trace_id=trace_id,
        )  # fmt: skip

    @classmethod
    def failed(
        cls,
        evaluator: str,
        explanation: str,
        *,
        detail: Json | None = None,
        cost_nano: int | None = 0,
        trace_id: str | None = None,
    ) -> "Verdict":
        """It was asked and could not be told; `explanation` says why, in a sentence."""
        return cls(
            evaluator=evaluator, status="failed", explanation=explanation, detail=detail or {}, cost_nano=cost_nano,
            trace_id=trace_id,
        )  # fmt: skip

    @classmethod
    def skipped(cls, evaluator: str, explanation: str, *, detail: Json | None = None) -> "Verdict":
        """There was nothing to tell it from; `explanation` names what is missing, in a sentence."""
        return cls(evaluator=evaluator, status="skipped", explanation=explanation, detail=detail or {})


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one case in one run, and what its evaluators say of that.

    `case` holds what the task made of it; `trial` counts from 0 where a case is run more than once. `error` says in a
    sentence why the task failed: there are no verdicts then. `cached` means that the output was kept from before and
    nothing was paid for it.
    """

    case: Case
    trial: int = 0
    error: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    cached: bool = False

    def __post_init__(self) -> None:
        if self.error is not None and self.verdicts:
            raise ValueError("where the task failed there is nothing to judge")
