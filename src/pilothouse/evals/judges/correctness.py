"""Whether an answer is right: by what was expected, and by what a corpus knows."""

from dataclasses import dataclass
from typing import ClassVar

from pilothouse.evals.judges.asking import Judge
from pilothouse.evals.judges.claims import (
    NO_CLAIMS,
    WORDING,
    Checked,
    check_claims,
    claims_of,
    share_of,
    summary_of,
)
from pilothouse.evals.judges.judging import Judging
from pilothouse.evals.judges.prompt import shown
from pilothouse.evals.shapes import Case, Need, Verdict
from pilothouse.types import Json

__all__ = ["Correctness", "KnowledgeBase", "f1"]

_ASK_CORPUS = "{question}\n\nWhat do the documents say about this: {claim}"


@dataclass(frozen=True, kw_only=True)
class Correctness(Judging):
    """The output's claims held against the expected output (precision), the expected claims against the output
    (recall); the score is their F1. An expected output without claims is skipped, an output without any is wrong."""

    name: str = "correctness"

    needs: ClassVar[frozenset[Need]] = frozenset({"judge", "expected"})
    wording: ClassVar[tuple[str, ...]] = WORDING

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        question, expected = shown(case.input), shown(case.expected)
        wanted = await claims_of(judge, question, expected)
        if not wanted:
            return Verdict.skipped(self.name, "The expected output makes no claim to compare with.")
        said = await claims_of(judge, question, case.output)
        right: list[Checked] = []
        reached: list[Checked] = []
        if said:
            texts = {"question": question}
            right = await check_claims(judge, said, {**texts, "expected answer": expected})
            reached = await check_claims(judge, wanted, {**texts, "answer": case.output})
        precision, recall = (share_of(right), share_of(reached)) if said else (0.0, 0.0)
        score = f1(precision, recall)
        detail: Json = {
            "precision": precision, "recall": recall,
            "claims": [one.told() for one in right], "expected_claims": [one.told() for one in reached],
        }  # fmt: skip
        explanation = f"Said: {summary_of(right)} Expected: {summary_of(reached)}" if said else NO_CLAIMS
        return Verdict.ok(self.name, score, passed=score >= self.passing, explanation=explanation, detail=detail)


@dataclass(frozen=True, kw_only=True)
class KnowledgeBase(Judging):
    """The share of the output's claims that a corpus supports. The corpus is a model (`rag:<name>`) that is asked about
    each claim, of at most `most_claims`; the judge holds them against what it answered, with its citations in `detail`.
    """

    name: str = "knowledge_base"
    corpus: str
    most_claims: int = 20

    wording: ClassVar[tuple[str, ...]] = (*WORDING, _ASK_CORPUS)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(bool(self.corpus.strip()), "corpus", "the name of a corpus")
        self.check(1 <= self.most_claims <= 200, "most_claims", "from 1 to 200")

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        question = shown(case.input)
        claims = await claims_of(judge, question, case.output)
        if not claims:
            return Verdict.skipped(self.name, NO_CLAIMS)
        corpus = self.corpus if self.corpus.startswith("rag:") else f"rag:{self.corpus}"
        evidence: dict[str, str] = {}
        sources: list[str] = []
        for number, claim in enumerate(claims[: self.most_claims], 1):
            text = _ASK_CORPUS.format(question=question, claim=claim)
            said = await judge.say([{"role": "user", "content": text}], corpus)
            evidence[f"documents {number}"] = said.text
            sources += [place for place in said.sources if place not in sources]
        checked = await check_claims(judge, claims[: self.most_claims], evidence)
        score = share_of(checked)
        detail: Json = {"corpus": corpus, "claims": [one.told() for one in checked], "sources": sources}
        if len(claims) > self.most_claims:
            detail["unchecked"] = len(claims) - self.most_claims
        return Verdict.ok(
            self.name, score, passed=score >= self.passing, explanation=summary_of(checked), detail=detail
        )


def f1(precision: float, recall: float) -> float:
    """The harmonic mean of both; 0 where both are."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
