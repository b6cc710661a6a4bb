"""The four metrics of RAGAS, by their formulas.

Faithfulness and answer relevance are of the paper (Es and others 2023, https://arxiv.org/abs/2309.15217, section 3),
context precision and recall of the package's documentation (https://docs.ragas.io, as of its version 0.4). Where the
package has no number (NaN), such as for an answer without claims, the verdict here is `skipped`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import ClassVar

from pilothouse.errors import ModelFilesError
from pilothouse.evals.judges.asking import Judge
from pilothouse.evals.judges.claims import NO_CLAIMS, WORDING, check_claims, claims_of, share_of, summary_of
from pilothouse.evals.judges.judging import Judging
from pilothouse.evals.judges.prompt import messages, passages, shown
from pilothouse.evals.judges.reading import Malformed, by_number, flag, listed, string
from pilothouse.evals.shapes import Case, Need, Verdict
from pilothouse.types import Json

__all__ = ["AnswerRelevance", "ContextPrecision", "ContextRecall", "Faithfulness", "average_precision"]

_QUESTIONS_TASK = """\
The text is an answer to a question that you do not see. Write {count} questions to which it would be the answer: \
different in their words, each complete in itself. For each say whether the text, as an answer to it, is noncommittal: \
evasive or vague, such as "I do not know"."""
_QUESTIONS_FORM = '{{"questions": [{{"question": "...", "noncommittal": true or false}}, ...]}}, {count} of them'
_USEFUL_TASK = """\
For each of the numbered passages say whether it was of use in coming to the answer to the question."""
_USEFUL_FORM = (
    '{"verdicts": [{"passage": 1, "reason": "one short sentence", "useful": true or false}, ...]}, one verdict \
for each passage'
)


@dataclass(frozen=True, kw_only=True)
class Faithfulness(Judging):
    """The share of the output's claims that its passages support. An output without claims is skipped."""

    name: str = "faithfulness"

    needs: ClassVar[frozenset[Need]] = frozenset({"judge", "context"})
    wording: ClassVar[tuple[str, ...]] = WORDING

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        claims = await claims_of(judge, shown(case.input), case.output)
        if not claims:
            return Verdict.skipped(self.name, NO_CLAIMS)
        checked = await check_claims(judge, claims, passages(case.context))
        score, detail = share_of(checked), {"claims": [one.told() for one in checked]}
        return Verdict.ok(
            self.name, score, passed=score >= self.passing, explanation=summary_of(checked), detail=detail
        )


@dataclass(frozen=True, kw_only=True)
class AnswerRelevance(Judging):
    """How near the question is to the `questions` that a judge makes up from the answer alone: the mean cosine of the
    embedded encoder's vectors, so from -1 to 1. It is 0 where the answer is noncommittal for all of them, and for an
    empty output."""

    name: str = "answer_relevance"
    questions: int = 3

    needs: ClassVar[frozenset[Need]] = frozenset({"judge", "encoder"})
    wording: ClassVar[tuple[str, ...]] = (_QUESTIONS_TASK, _QUESTIONS_FORM)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(1 <= self.questions <= 20, "questions", "from 1 to 20")

    def _lacking(self, case: Case) -> Verdict | None:
        if not shown(case.input).strip():
            return Verdict.skipped(self.name, "The case has no question.")
        if case.output.strip():
            return None
        return Verdict.ok(self.name, 0.0, passed=self.passing <= 0, label="empty", explanation="The output is empty.")

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        assert judge.encode is not None
        try:
            (asked,) = await judge.encode([shown(case.input)])
        except ModelFilesError as error:
            return Verdict.skipped(self.name, error.message)
        task, form = (text.format(count=self.questions) for text in (_QUESTIONS_TASK, _QUESTIONS_FORM))
        made = (await judge.ask(messages(task, {"text": case.output}, form), partial(_made, self.questions))).value
        questions = [question for question, _ in made]
        cosines = [float(row @ asked) for row in await judge.encode(questions)]
        evasive = all(noncommittal for _, noncommittal in made)
        score = 0.0 if evasive else fmean(cosines)
        detail: Json = {
            "questions": [
                {"question": question, "noncommittal": noncommittal, "cosine": round(cosine, 6)}
                for (question, noncommittal), cosine in zip(made, cosines, strict=True)
            ]
        }
        explanation = "The answer is noncommittal." if evasive else f"It answers, by the judge: {' '.join(questions)}"
        return Verdict.ok(
            self.name, score, passed=score >= self.passing, label="noncommittal" if evasive else None,
            explanation=explanation, detail=detail,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ContextPrecision(Judging):
    """Whether the passages that are of use stand first: the average precision of their order. Use is judged by the
    expected output, by the output itself where there is none (`detail["by"]`)."""

    name: str = "context_precision"

    needs: ClassVar[frozenset[Need]] = frozenset({"judge", "context"})
    wording: ClassVar[tuple[str, ...]] = (_USEFUL_TASK, _USEFUL_FORM)

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        by, answer = ("output", case.output) if case.expected is None else ("expected", shown(case.expected))
        texts = {"question": shown(case.input), "answer": answer, **passages(case.context)}
        count = len(case.context)
        verdicts = (await judge.ask(messages(_USEFUL_TASK, texts, _USEFUL_FORM), partial(_useful, count))).value
        useful = [is_useful for is_useful, _ in verdicts]
        score = average_precision(useful)
        detail: Json = {"by": by, "passages": [{"useful": one, "reason": why} for one, why in verdicts]}
        places = ", ".join(str(place) for place, one in enumerate(useful, 1) if one) or "none"
        explanation = f"Of {count} passages, these are of use: {places}."
        return Verdict.ok(self.name, score, passed=score >= self.passing, explanation=explanation, detail=detail)


@dataclass(frozen=True, kw_only=True)
class ContextRecall(Judging):
    """The share of the expected output's claims that the passages support."""

    name: str = "context_recall"

    needs: ClassVar[frozenset[Need]] = frozenset({"judge", "context", "expected"})
    wording: ClassVar[tuple[str, ...]] = WORDING

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        claims = await claims_of(judge, shown(case.input), shown(case.expected))
        if not claims:
            return Verdict.skipped(self.name, "The expected output makes no claim that could be looked for.")
        checked = await check_claims(judge, claims, passages(case.context))
        score, detail = share_of(checked), {"claims": [one.told() for one in checked]}
        return Verdict.ok(
            self.name, score, passed=score >= self.passing, explanation=summary_of(checked), detail=detail
        )


def average_precision(useful: Sequence[bool]) -> float:
    """The mean, over the passages that are of use, of the precision at their place; 0 where none is.

    Sum over k of precision@k times v_k, by the sum of v_k, with v_k 1 for a passage of use and else 0.
    """
    found, total = 0, 0.0
    for place, one in enumerate(useful, 1):
        if one:
            found += 1
            total += found / place
    return total / found if found else 0.0


def _made(count: int, given: Json) -> list[tuple[str, bool]]:
    questions = listed(given, "questions", count)
    if len(questions) != count or not all(isinstance(one, dict) for one in questions):
        raise Malformed(f'"questions" must be a list of {count} objects')
    made = [(string(one, "question"), flag(one, "noncommittal")) for one in questions]
    if not all(question for question, _ in made):
        raise Malformed('each of "questions" must have a "question"')
    return made


def _useful(count: int, given: Json) -> list[tuple[bool, str]]:
    return by_number(given, "verdicts", "passage", count, lambda one: (flag(one, "useful"), string(one, "reason")))
