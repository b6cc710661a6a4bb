"""Evaluators of a text by itself: how easy it is to read, and how its sentences hang together. They count words."""

from dataclasses import dataclass

from pilothouse.evals.options import refusal
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.evals.text.measuring import check_passing, graded
from pilothouse.overlap.coherence import coherence
from pilothouse.overlap.readability import readability

__all__ = ["Coherence", "Readability"]


@dataclass(frozen=True, kw_only=True)
class Readability(Evaluator):
    """Flesch's reading ease of an English text: about 100 very easy, 30 hard, without bounds. Passes from `passing` on
    and up to `maximum_grade`, a year of school in the USA (Kincaid et al. 1975). `detail` has the figures."""

    passing: float | None = None
    maximum_grade: float | None = None
    name: str = "readability"

    def __post_init__(self) -> None:
        for option, given in (("passing", self.passing), ("maximum_grade", self.maximum_grade)):
            if given is not None and given != given:
                raise refusal(self, option, "is a number")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        found = readability(case.output)
        if found.flesch is None or found.grade is None:
            return Verdict.skipped(self.name, "The output has no words of Latin letters, whose syllables are counted.")
        hard = (
            [f"the reading ease {found.flesch:.1f} is below {self.passing:g}"]
            if _below(found.flesch, self.passing)
            else []
        )
        if _below(self.maximum_grade, found.grade):
            hard.append(f"the grade {found.grade:.1f} is above {self.maximum_grade:g}")
        passed = None if self.passing is None and self.maximum_grade is None else not hard
        return Verdict.ok(self.name, found.flesch, passed=passed, explanation="; ".join(hard), detail=found._asdict())


@dataclass(frozen=True, kw_only=True)
class Coherence(Evaluator):
    """The share of neighbouring sentences that have a content word's stem in common, by 1 less the share of repeated
    runs of four words, from 0 to 1. Passes from `passing` on.

    Cohesion as Coh-Metrix measures it (Graesser et al. 2004): English words alone, not whether they make sense, which a
    judge tells. A text with fewer than two sentences is skipped.
    """

    passing: float | None = None
    name: str = "coherence"

    def __post_init__(self) -> None:
        check_passing(self, self.passing)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        found = coherence(case.output)
        if found.linked is None:
            return Verdict.skipped(self.name, "The output has fewer than two sentences with content words.")
        repetition = readability(case.output).repetition or 0.0
        detail = {"linked": found.linked, "overlap": found.overlap, "repetition": repetition}
        return graded(self.name, found.linked * (1 - repetition), self.passing, detail)


def _below(value: float | None, bound: float | None) -> bool:
    return value is not None and bound is not None and value < bound
