"""Criteria in one's own words: a judge writes steps for them once, then scores each case by those.

After G-Eval (Liu and others 2023, https://arxiv.org/abs/2303.16634).
"""

import asyncio
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from pilothouse.errors import InvalidRequest
from pilothouse.evals.judges.asking import Judge, held
from pilothouse.evals.judges.judging import Judging
from pilothouse.evals.judges.levels import expected_level, level_probabilities
from pilothouse.evals.judges.prompt import messages, numbered, passages, shown
from pilothouse.evals.judges.reading import Malformed, sentences, string, whole
from pilothouse.evals.shapes import Case, Models, Verdict
from pilothouse.ids import content_hash
from pilothouse.types import Json

__all__ = ["GEval"]

_STEPS_TASK = """\
Answers of a program will be scored from {low} to {high} on this criterion:

{criteria}

Write the steps by which a judge is to look at an answer and come to a score: three to six, each one sentence, each \
something that can be checked on the texts themselves."""
_STEPS_FORM = '{"steps": ["...", "..."]}'
_TASK = """\
Score the answer from {low} (worst) to {high} (best), a whole number, on this criterion:

{criteria}

Go by these steps:

{steps}"""
_FORM = '{{"score": {low} to {high}, "explanation": "one or two sentences"}}'
_MOST_STEPS = 12


@dataclass(frozen=True, kw_only=True)
class GEval(Judging):
    """Scores by `criteria`, from `low` to `high` (digits). Without `steps` the judge writes them at the first case.

    `detail` has the `steps` and their `version`, the score as the judge said it (`said`), and in `scoring` whether the
    verdict's is "weighted" by the probabilities of the levels, or "plain" where the model does not tell them.
    """

    name: str = "g_eval"
    criteria: str
    steps: tuple[str, ...] = ()
    low: int = 1
    high: int = 5

    wording: ClassVar[tuple[str, ...]] = (_STEPS_TASK, _STEPS_FORM, _TASK, _FORM)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(bool(self.criteria.strip()), "criteria", "what to judge by, in words")
        self.check(0 <= self.low < self.high <= 9, "low", "less than high, both digits")

    async def prepared(self, models: Models) -> "GEval":
        """The same with its steps, so that its fingerprint tells them, and another process scores by the same ones.
        Raises InvalidRequest where the judge writes none."""
        if self.steps:
            return self
        written: list[str] = []

        async def work(judge: Judge) -> Verdict:
            written.extend(await self._written(judge))
            return Verdict.ok(self.name, label="prepared")

        models = replace(models, judge=self.judged_by(models.judge))
        if models.chat is None or models.judge is None:
            raise InvalidRequest(f"{self.name} has no judge that could write its steps.", param="judge")
        told = await held(self.name, models, self.manner, work)
        if not written:
            raise InvalidRequest(f"{self.name} has no steps. {told.explanation}", param="steps")
        return replace(self, steps=tuple(written))

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        steps = list(self.steps) or await self._written(judge)
        texts = {"question": shown(case.input), **passages(case.context)}
        if case.expected is not None:
            texts["expected answer"] = shown(case.expected)
        task = _TASK.format(low=self.low, high=self.high, criteria=self.criteria, steps=numbered(steps))
        form = _FORM.format(low=self.low, high=self.high)
        asked = messages(task, {**texts, "answer": case.output}, form)
        reply = await judge.ask(asked, self._scored, logprobs=True)
        said, explanation = reply.value
        detail: Json = {"said": said, "scoring": "plain", "steps": steps, "version": content_hash(steps)}
        level = float(said)
        if probabilities := level_probabilities(reply.said.logprobs, "score", self.low, self.high):
            level = expected_level(probabilities)
            told = {str(one): round(share, 6) for one, share in probabilities.items()}
            detail |= {"scoring": "weighted", "probabilities": told}
        score = (level - self.low) / (self.high - self.low)
        return Verdict.ok(self.name, score, passed=score >= self.passing, explanation=explanation, detail=detail)

    def _scored(self, given: Json) -> tuple[int, str]:
        score = whole(given, "score", self.low, self.high)
        return score, string(given, "explanation") or f"The judge said {score} and not why."

    async def _written(self, judge: Judge) -> list[str]:
        """The steps that this judge wrote: once for all cases, however many are judged at a time."""
        if judge.name not in self._steps:
            try:
                async with self._writing.setdefault(judge.name, asyncio.Lock()):
                    if judge.name not in self._steps:
                        task = _STEPS_TASK.format(low=self.low, high=self.high, criteria=self.criteria)
                        self._steps[judge.name] = (
                            await judge.of_no_case().ask(messages(task, {}, _STEPS_FORM), _steps)
                        ).value
            finally:
                self._writing.pop(judge.name, None)  # a lock belongs to its event loop, and the next may be another
        return self._steps[judge.name]

    @cached_property
    def _steps(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _writing(self) -> dict[str, asyncio.Lock]:
        return {}


def _steps(given: Json) -> list[str]:
    steps = sentences(given, "steps", _MOST_STEPS)
    if not steps:
        raise Malformed('"steps" is empty')
    return steps
