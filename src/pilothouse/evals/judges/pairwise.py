"""Which of two answers is better, asked in both orders: judges favour a place (Zheng and others 2023,
https://arxiv.org/abs/2306.05685). Only what they say in both orders counts; what flips is a tie, and is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.evals.judges.asking import Judge
from pilothouse.evals.judges.judging import Judging
from pilothouse.evals.judges.prompt import messages, passages, shown
from pilothouse.evals.judges.reading import choice, string
from pilothouse.evals.shapes import Case, Verdict
from pilothouse.types import Json

__all__ = ["Flips", "Pairwise", "position_flips"]

Better = Literal["mine", "other", "tie"]

_TASK = """\
Which of the two answers to the question is better{by}? Say "first", "second", or "tie" where neither is."""
_FORM = '{"explanation": "one or two sentences", "better": "first" or "second" or "tie"}'
_WORDS = ("first", "second", "tie")


@dataclass(frozen=True, kw_only=True)
class Pairwise(Judging):
    """Compares the output with another: the case's expected one, or what its metadata has under `against`.

    The score is 1 for a win, 0.5 for a tie and 0 for a loss, and passes from 0.5 on. `criteria` says in words what
    "better" means. `detail` has what the judge said in each order (`orders`), and whether that `flipped`: both times
    the answer in the same place was the better one.
    """

    name: str = "pairwise"
    passing: float = 0.5
    against: str = "expected"
    criteria: str = ""

    wording: ClassVar[tuple[str, ...]] = (_TASK, _FORM)

    def _lacking(self, case: Case) -> Verdict | None:
        if self._other(case) is not None:
            return None
        where = "'expected'" if self.against == "expected" else f"'{self.against}' in its metadata"
        return Verdict.skipped(self.name, f"The case has no {where} to compare its output with.")

    def _other(self, case: Case) -> str | None:
        found = case.expected if self.against == "expected" else case.metadata.get(self.against)
        return None if found is None else shown(found)

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        other = self._other(case) or ""
        if case.output == other:
            told: Json = {"orders": [], "flipped": False}
            return self._verdict("tie", "The two answers are the same; the judge was not asked.", told)
        first, why = await self._asked(case, judge, case.output, other)
        second, why_then = await self._asked(case, judge, other, case.output)
        mine = {"first": "mine", "second": "other", "tie": "tie"}[first]
        then = {"first": "other", "second": "mine", "tie": "tie"}[second]
        better: Better = "tie" if mine != then else mine  # type: ignore[assignment]
        detail: Json = {
            "orders": [first, second], "flipped": first == second != "tie", "explanations": [why, why_then],
        }  # fmt: skip
        return self._verdict(better, why, detail)

    async def _asked(self, case: Case, judge: Judge, first: str, second: str) -> tuple[str, str]:
        texts = {"question": shown(case.input), **passages(case.context), "first answer": first}
        by = f", by this criterion: {self.criteria.strip()}" if self.criteria.strip() else ""
        asked = messages(_TASK.format(by=by), {**texts, "second answer": second}, _FORM)
        return (await judge.ask(asked, _preference)).value

    def _verdict(self, better: Better, explanation: str, detail: Json) -> Verdict:
        score, label = {"mine": (1.0, "win"), "tie": (0.5, "tie"), "other": (0.0, "loss")}[better]
        return Verdict.ok(
            self.name, score, passed=score >= self.passing, label=label, explanation=explanation, detail=detail
        )


def _preference(given: Json) -> tuple[str, str]:
    better = choice(given, "better", _WORDS)
    return better, string(given, "explanation") or f'The judge said "{better}" and not why.'


@dataclass(frozen=True, slots=True)
class Flips:
    """How a judge's preferences followed the place: of `asked` pairs so many `flipped`, and of these so many to the
    `first` place. `rate` is None where no pair was asked about."""

    asked: int
    flipped: int
    first: int

    @property
    def rate(self) -> float | None:
        return self.flipped / self.asked if self.asked else None


def position_flips(verdicts: Iterable[Verdict]) -> Flips:
    """Over the verdicts of Pairwise that are ok and for which the judge was asked."""
    orders = [verdict.detail["orders"] for verdict in verdicts if verdict.status == "ok" and verdict.detail["orders"]]
    flipped = [first for first, second in orders if first == second != "tie"]
    return Flips(len(orders), len(flipped), flipped.count("first"))
