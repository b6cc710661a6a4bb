"""Texts taken apart into claims, and each claim held against others' words: supported, contradicted or not found.

In the words of inference: entailment, contradiction, neutral. What a share of claims means is for who asks to say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from pilothouse.evals.judges.asking import Judge
from pilothouse.evals.judges.judging import Judging
from pilothouse.evals.judges.prompt import messages, numbered, passages, shown
from pilothouse.evals.judges.reading import by_number, choice, sentences, string
from pilothouse.evals.shapes import Case, Need, Verdict
from pilothouse.types import Json

__all__ = [
    "NO_CLAIMS", "WORDING", "Checked", "NliFaithfulness", "check_claims", "claims_of", "share_of", "summary_of",
]  # fmt: skip

_CLAIMS_TASK = """\
Take the text apart into the claims that it makes. Each claim is one sentence that states one thing and can be checked \
by itself: put names in place of "it" and "they", and take from the question what the text leaves out because the \
question says it. Leave out questions, greetings, opinions about the question, and statements that something is not \
known. Do not add, judge or correct anything; a claim that is wrong is a claim. A text that claims nothing has none."""
_CLAIMS_FORM = '{"claims": ["...", "..."]}'
_CHECK_TASK = """\
Hold each of the numbered claims against the other texts, and nothing else; what you know yourself does not count. A \
question, where there is one, tells what an answer is about, and states nothing.

- "supported": the texts say it, or it follows from what they say.
- "contradicted": the texts say something that cannot be true together with it.
- "not found": neither."""
_CHECK_FORM = '{"verdicts": [{"claim": 1, "reason": "one short sentence", "verdict": "supported" or "contradicted" or \
"not found"}, ...]}, one verdict for each claim'
_LABELS = ("supported", "contradicted", "not found")
_MOST_CLAIMS = 200
_AT_ONCE = 25  # claims in one question: of more, judges lose count

WORDING = (_CLAIMS_TASK, _CLAIMS_FORM, _CHECK_TASK, _CHECK_FORM)
"""The words of the questions about claims."""
NO_CLAIMS = "The output makes no claim that could be checked."


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim, its label (supported, contradicted, not found), and the judge's reason."""

    claim: str
    label: str
    reason: str

    @property
    def supported(self) -> bool:
        return self.label == "supported"

    def told(self) -> Json:
        """For a verdict's detail."""
        return {"claim": self.claim, "label": self.label, "reason": self.reason}


async def claims_of(judge: Judge, question: str, text: str) -> list[str]:
    """The claims that a text makes, at most 200; none for a text without words, which no judge is asked about."""
    if not text.strip():
        return []
    asked = messages(_CLAIMS_TASK, {"question": question, "text": text}, _CLAIMS_FORM)
    return (await judge.ask(asked, _claims)).value


async def check_claims(judge: Judge, claims: Sequence[str], evidence: Mapping[str, str]) -> list[Checked]:
    """Each claim held against the evidence: texts by the names of their markers. In the order of the claims."""
    found: list[Checked] = []
    for begin in range(0, len(claims), _AT_ONCE):
        some = claims[begin : begin + _AT_ONCE]
        asked = messages(_CHECK_TASK, {**evidence, "claims": numbered(some)}, _CHECK_FORM)
        labels = (await judge.ask(asked, partial(_labels, len(some)))).value
        found += [Checked(claim, *label) for claim, label in zip(some, labels, strict=True)]
    return found


def share_of(checked: Sequence[Checked]) -> float:
    """The share of claims that are supported. There must be one."""
    return sum(one.supported for one in checked) / len(checked)


@dataclass(frozen=True, kw_only=True)
class NliFaithfulness(Judging):
    """Each claim of the output held against the case's passages. The score is the share of supported claims; it passes
    where that reaches `passing` and no claim is contradicted. The label is "entailment" where all are supported,
    "contradiction" where one is contradicted, else "neutral"."""

    name: str = "nli_faithfulness"

    needs: ClassVar[frozenset[Need]] = frozenset({"judge", "context"})
    wording: ClassVar[tuple[str, ...]] = WORDING

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        claims = await claims_of(judge, shown(case.input), case.output)
        if not claims:
            return Verdict.skipped(self.name, NO_CLAIMS)
        checked = await check_claims(judge, claims, passages(case.context))
        contradicted = any(one.label == "contradicted" for one in checked)
        score = share_of(checked)
        label = "contradiction" if contradicted else "entailment" if score == 1 else "neutral"
        passed = score >= self.passing and not contradicted
        detail: Json = {"claims": [one.told() for one in checked]}
        return Verdict.ok(self.name, score, passed=passed, label=label, explanation=summary_of(checked), detail=detail)


def summary_of(checked: Sequence[Checked]) -> str:
    """How many claims are supported, and which are not."""
    left = [f'"{one.claim}" ({one.label})' for one in checked if not one.supported]
    told = f"{len(checked) - len(left)} of {len(checked)} claims are supported"
    return f"{told}; not: {', '.join(left)}." if left else f"{told}."


# ---- answers, read


def _claims(given: Json) -> list[str]:
    return list(dict.fromkeys(sentences(given, "claims", _MOST_CLAIMS)))


def _labels(count: int, given: Json) -> list[tuple[str, str]]:
    return by_number(given, "verdicts", "claim", count, _label)


def _label(given: Json) -> tuple[str, str]:
    return choice(given, "verdict", _LABELS), string(given, "reason")
