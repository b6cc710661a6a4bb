"""Several judges on one case: their mean, or their majority; how far they are apart; and who could not tell.

After Verga and others 2024, https://arxiv.org/abs/2404.18796.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean, pstdev
from typing import Literal

from pilothouse.evals.judges.asking import Judge, JudgeFailed
from pilothouse.evals.judges.judging import Judging
from pilothouse.evals.judges.rubric import RUBRIC, LlmJudge
from pilothouse.evals.shapes import Case, Verdict
from pilothouse.ids import content_hash
from pilothouse.types import Json

__all__ = ["Jury"]


@dataclass(frozen=True, kw_only=True)
class Jury(Judging):
    """Each of `models` judges the case by `criteria`, as `llm_judge` does, or by another evaluator `by` with a `model`.

    By "mean" the score is that of the jurors, by "majority" the share of them for which the case passes; an even split
    neither passes nor fails. A juror that fails leaves the jury, and is named in `detail`; without `quorum` of them
    (more than half unless given) the verdict fails, too. `detail` has each juror's score and pass, the `spread` of the
    scores (greatest less least), their standard deviation, and whether they were of one mind on the pass.
    """

    name: str = "jury"
    models: tuple[str, ...]
    rule: Literal["mean", "majority"] = "mean"
    quorum: int | None = None
    criteria: Mapping[str, str] = field(default_factory=lambda: dict(RUBRIC))
    by: Judging | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(len(set(self.models)) == len(self.models) >= 2, "models", "at least two different models")
        self.check(self.quorum is None or 1 <= self.quorum <= len(self.models), "quorum", "from 1 to all of the jurors")

    @cached_property
    def jurors(self) -> dict[str, Judging]:
        """The same judge once for each model."""
        one = self.by or LlmJudge(
            criteria=self.criteria, retries=self.retries, timeout_s=self.timeout_s, passing=self.passing
        )
        return {model: replace(one, model=model) for model in self.models}

    @cached_property
    def fingerprint(self) -> str:
        """That of its rule and of each juror."""
        options = [self.name, self.rule, self.quorum, self.passing]
        return content_hash([type(self).__name__, options, [juror.fingerprint for juror in self.jurors.values()]])

    def judged_by(self, default: str | None) -> str | None:
        return ", ".join(self.models)

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        verdicts = {model: await juror.evaluate(case, judge.inside()) for model, juror in self.jurors.items()}
        if all(verdict.status == "skipped" for verdict in verdicts.values()):
            return Verdict.skipped(self.name, verdicts[self.models[0]].explanation)
        there = {model: verdict for model, verdict in verdicts.items() if verdict.score is not None}
        gone = {model: verdict.explanation for model, verdict in verdicts.items() if model not in there}
        quorum = self.quorum or len(self.models) // 2 + 1
        if len(there) < quorum:
            told = " ".join(f"{model}: {why}" for model, why in gone.items())
            raise JudgeFailed(f"Of {len(self.models)} jurors {len(there)} could tell, {quorum} must. {told}")
        scores = [verdict.score for verdict in there.values() if verdict.score is not None]
        votes = [verdict.passed for verdict in there.values() if verdict.passed is not None]
        detail: Json = {
            "jurors": {model: {"score": one.score, "passed": one.passed} for model, one in there.items()}, "left": gone,
            "spread": max(scores) - min(scores), "deviation": pstdev(scores), "agreed": len(set(votes)) == 1,
        }  # fmt: skip
        explanation = " ".join(f"{model}: {verdict.explanation}" for model, verdict in there.items())
        if self.rule == "mean":
            score = fmean(scores)
            return Verdict.ok(self.name, score, passed=score >= self.passing, explanation=explanation, detail=detail)
        share = sum(votes) / len(votes)
        passed = None if share == 0.5 else share > 0.5
        label = "split" if passed is None else "pass" if passed else "fail"
        return Verdict.ok(self.name, share, passed=passed, label=label, explanation=explanation, detail=detail)
