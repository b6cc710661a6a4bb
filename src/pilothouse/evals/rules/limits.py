"""How long an answer took and what it cost, and whether that is within a limit."""

from dataclasses import dataclass
from typing import ClassVar

from pilothouse.evals.lacking import lacking
from pilothouse.evals.options import refusal
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict

__all__ = ["Cost", "Latency"]

_NANO = 1e9


@dataclass(frozen=True, kw_only=True)
class Latency(Evaluator):
    """The seconds from the question to the end of the answer. Passes up to `maximum_s`, says no pass without it."""

    needs: ClassVar[frozenset[Need]] = frozenset(("latency",))
    lower_is_better: ClassVar[bool] = True

    maximum_s: float | None = None
    name: str = "latency"

    def __post_init__(self) -> None:
        if self.maximum_s is not None and not self.maximum_s > 0:
            raise refusal(self, "maximum_s", "is a time in seconds above 0")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if (skipped := lacking(self, case, models)) or case.latency_s is None:
            return skipped or Verdict.skipped(self.name, "The case has no latency.")
        return _within(self.name, case.latency_s, self.maximum_s, "s")


@dataclass(frozen=True, kw_only=True)
class Cost(Evaluator):
    """What the answer cost in USD. Passes up to `maximum_usd`, says no pass without it; an unknown cost is skipped."""

    needs: ClassVar[frozenset[Need]] = frozenset(("cost",))
    lower_is_better: ClassVar[bool] = True

    maximum_usd: float | None = None
    name: str = "cost"

    def __post_init__(self) -> None:
        if self.maximum_usd is not None and not self.maximum_usd >= 0:
            raise refusal(self, "maximum_usd", "is an amount in USD, not below 0")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if (skipped := lacking(self, case, models)) or case.cost_nano is None:
            return skipped or Verdict.skipped(self.name, "The case has no cost.")
        return _within(self.name, case.cost_nano / _NANO, self.maximum_usd, "USD")


def _within(name: str, measured: float, maximum: float | None, unit: str) -> Verdict:
    passed = None if maximum is None else measured <= maximum
    why = "" if passed is not False else f"{measured:g} {unit} are more than {maximum:g} {unit}."
    return Verdict.ok(name, measured, passed=passed, explanation=why, detail={"unit": unit})
