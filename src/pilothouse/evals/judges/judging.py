"""What evaluators by a judge have in common: their options, and a verdict for whatever becomes of a question."""

from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import ClassVar

from pilothouse.evals.judges.asking import Judge, Manner, held
from pilothouse.evals.judges.prompt import SYSTEM
from pilothouse.evals.lacking import lacking
from pilothouse.evals.options import refusal
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.ids import content_hash

__all__ = ["Judging"]


@dataclass(frozen=True, kw_only=True)
class Judging(Evaluator):
    """An evaluator that asks a judge. `model` is who that is, the run's judge when None; it is asked again up to
    `retries` times where its answer cannot be used, and each time has `timeout_s` seconds. A score of `passing` or more
    passes. Raises ConfigError for options that cannot be."""

    name: str = ""
    model: str | None = None
    retries: int = 2
    timeout_s: float = 120.0
    passing: float = 0.75

    needs: ClassVar[frozenset[Need]] = frozenset({"judge"})
    wording: ClassVar[tuple[str, ...]] = ()
    """The words of its prompts: an evaluator with others is another one."""

    def __post_init__(self) -> None:
        self.check(0 <= self.retries <= 10, "retries", "from 0 to 10")
        self.check(0 < self.timeout_s <= 3600, "timeout_s", "more than 0 and at most 3600 seconds")
        self.check(0 <= self.passing <= 1, "passing", "a score from 0 to 1")

    def check(self, holds: bool, option: str, must: str) -> None:
        """Raises ConfigError, naming the option and what it must be, unless that holds."""
        if not holds:
            raise refusal(self, option, f"must be {must}")

    @cached_property
    def fingerprint(self) -> str:
        """Depends on the options and on the words of the prompts."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return content_hash([type(self).__name__, options, SYSTEM, self.wording])

    @cached_property
    def manner(self) -> Manner:
        """How the judge is asked, and what was found out about its model meanwhile."""
        return Manner(self.retries, self.timeout_s)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        """The verdict on one case. Raises what would spoil every other case, too (see asking.held)."""
        models = replace(models, judge=self.judged_by(models.judge))
        lacks = lacking(self, case, models) or self._lacking(case)
        return lacks or await held(self.name, models, self.manner, partial(self._judge, case))

    def judged_by(self, default: str | None) -> str | None:
        """The model, or models, that judge where the run's judge is `default`."""
        return self.model or default

    def _lacking(self, case: Case) -> Verdict | None:
        """A verdict without asking, where there is nothing to ask about."""
        return None

    @abstractmethod
    async def _judge(self, case: Case, judge: Judge) -> Verdict: ...
