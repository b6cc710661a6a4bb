"""What would be asked, and what was asked before: outputs that are there, and judges' answers about them."""

import asyncio
from dataclasses import dataclass
from typing import Any

from pilothouse.cases import Case, Verdict
from pilothouse.evals.runs import probing
from pilothouse.evals.runs.prepare import Given, prepare
from pilothouse.evals.runs.probing import judged_before, made_before, probed
from pilothouse.evals.runs.suite import suite_of
from pilothouse.protocols import Evaluator, Models

from .conftest import Bench, P, case, suited
from .test_evaluate import GOOD, JUDGED


def judged(bench: Bench, cases: list[Case], **suite: Any) -> tuple[int, int]:
    """How many outputs are there, and how many of them were judged."""

    async def work() -> tuple[int, int]:
        prepared = await prepare(bench.rooms, P, suite_of(suited(**suite)), Given(cases=cases))
        made = await made_before(bench.rooms, P, prepared)
        return len(made), await judged_before(bench.rooms, P, prepared, prepared.evaluators[0], made)

    return asyncio.run(work())


def test_recorded_outputs_are_there_and_what_a_judge_said_of_them_is_found(bench: Bench, monkeypatch: Any) -> None:
    cases = [case(i, output=f"out {i}") for i in range(3)]
    suite: Any = {"task": {"recorded": True}, "evaluators": [GOOD], "judge": "judge"}
    assert judged(bench, cases, **suite) == (3, 0)
    bench.chat.answers = [lambda request: JUDGED]
    bench.run(cases[:2], **suite)
    assert judged(bench, cases, **suite) == (3, 2)
    assert judged(bench, [case(0, output="another"), *cases[1:]], **suite) == (3, 1)
    bench.version = "2"
    assert judged(bench, cases, **suite) == (3, 0)
    monkeypatch.setattr(probing, "MOST", 2)
    assert judged(bench, cases, **suite) == (0, 0)


@dataclass(frozen=True)
class Broken(Evaluator):
    name: str = "broken"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        raise ValueError(case.output)


async def test_an_evaluator_that_breaks_asks_nothing() -> None:
    assert (await probed(Broken(), case(1), "judge")).asked is None
