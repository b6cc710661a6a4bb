"""Whether an agent did what it was asked to: its task taken apart into requirements, each met or not."""

from dataclasses import dataclass
from typing import ClassVar

from pilothouse.evals.judges.asking import Judge
from pilothouse.evals.judges.judging import Judging
from pilothouse.evals.judges.prompt import messages, shown
from pilothouse.evals.judges.reading import Malformed, flag, listed, string
from pilothouse.evals.shapes import Case, Verdict
from pilothouse.types import Json

__all__ = ["TaskJudge"]

_TASK = """\
An agent was given a task. Take the task apart into the requirements that it states or plainly implies, as few as \
cover it, and say of each whether the agent has met it in the end. Go by what its steps returned and what its last \
answer holds; that it says it did something, without a step that did it, meets nothing. An attempt that failed meets \
nothing, either.{expected}"""
_EXPECTED = " What was expected in the end is given, too: a result that differs from it does not meet the task."
_FORM = '{"requirements": [{"requirement": "...", "evidence": "one short sentence", "met": true or false}, ...]}'
_MOST = 50


@dataclass(frozen=True, kw_only=True)
class TaskJudge(Judging):
    """The share of the task's requirements that were met, by the steps of the case and its output. It passes where that
    reaches `passing`: all of them unless told otherwise."""

    name: str = "task_judge"
    passing: float = 1.0

    wording: ClassVar[tuple[str, ...]] = (_TASK, _EXPECTED, _FORM)

    async def _judge(self, case: Case, judge: Judge) -> Verdict:
        texts = {"task": shown(case.input)}
        if case.expected is not None:
            texts["expected"] = shown(case.expected)
        for place, step in enumerate(case.steps, 1):
            texts[f"step {place}"] = shown({"tool": step.name, "arguments": step.arguments, "result": step.result})
        texts["last answer"] = case.output
        task = _TASK.format(expected="" if case.expected is None else _EXPECTED)
        found = (await judge.ask(messages(task, texts, _FORM), _requirements)).value
        left = [one["requirement"] for one in found if not one["met"]]
        score = 1 - len(left) / len(found)
        told = f"{len(found) - len(left)} of {len(found)} requirements are met"
        explanation = f"{told}; not: {'; '.join(left)}." if left else f"{told}."
        label = "completed" if not left else "not completed" if len(left) == len(found) else "partly completed"
        return Verdict.ok(
            self.name, score, passed=score >= self.passing, label=label, explanation=explanation,
            detail={"requirements": found},
        )  # fmt: skip


def _requirements(given: Json) -> list[Json]:
    found = listed(given, "requirements", _MOST)
    if not found or not all(isinstance(one, dict) and string(one, "requirement") for one in found):
        raise Malformed('"requirements" must be a list of objects with a "requirement" each')
    return [
        {name: string(one, name) for name in ("requirement", "evidence")} | {"met": flag(one, "met")} for one in found
    ]
