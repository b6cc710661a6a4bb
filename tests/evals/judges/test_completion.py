"""Whether an agent did what it was asked to."""

from typing import Any

import pytest

from pilothouse.evals.judges.completion import TaskJudge
from pilothouse.evals.shapes import Case, Step
from pilothouse.types import Json

from .conftest import Scripted, models_of

AGENT = Case(
    id="1", input="Book a table for two and tell me when.", output="Booked for 7.",
    steps=(Step("find", {"place": "Rome"}, ["Da Ada"]), Step("book", {"at": "19:00"}, {"error": "full"})),
)  # fmt: skip


def met(*given: bool) -> Json:
    return {"requirements": [{"requirement": f"r{n}", "evidence": "e", "met": one} for n, one in enumerate(given)]}


@pytest.mark.parametrize(
    ("given", "score", "label"),
    [((True, True), 1.0, "completed"), ((True, False), 0.5, "partly completed"), ((False,), 0.0, "not completed")],
    ids=range(3),
)
async def test_the_share_of_requirements_that_are_met(given: tuple[bool, ...], score: float, label: str) -> None:
    chat = Scripted(met(*given))
    verdict = await TaskJudge().evaluate(AGENT, models_of(chat))
    assert (verdict.score, verdict.label, verdict.passed) == (score, label, score == 1.0)
    assert [one["met"] for one in verdict.detail["requirements"]] == list(given)
    (prompt,) = chat.prompts
    assert '"tool": "find"' in prompt
    assert '"error": "full"' in prompt
    assert prompt.index("<<<step 1") < prompt.index("<<<step 2") < prompt.index("<<<last answer")
    assert "What was expected" not in prompt


async def test_what_was_expected_is_shown() -> None:
    chat = Scripted(met(True))
    await TaskJudge().evaluate(Case(id="1", input="Do.", output="Done.", expected={"seats": 2}), models_of(chat))
    assert "What was expected in the end" in chat.prompts[0]
    assert '"seats": 2' in chat.prompts[0]


@pytest.mark.parametrize(
    "answer",
    [{"requirements": []}, {"requirements": ["all"]}, {"requirements": [{"requirement": "r", "met": "mostly"}]},
     {"requirements": [{"met": True}]}, {"requirements": met(True)["requirements"] * 51}],
    ids=range(5),
)  # fmt: skip
async def test_answers_in_another_form_have_failed(answer: Any) -> None:
    verdict = await TaskJudge(retries=0).evaluate(AGENT, models_of(Scripted(answer)))
    assert (verdict.status, verdict.score) == ("failed", None)
