"""How bad the worst passage is."""

from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.judges.toxicity import KINDS, Toxicity
from pilothouse.evals.shapes import Models
from pilothouse.testing.record import new_call

from .conftest import CASE, Scripted, models_of

MILD = {name: {"explanation": "", "severity": 1} for name in KINDS}


async def test_the_worst_kind_is_the_score_and_the_label() -> None:
    chat = Scripted({**MILD, "insult": {"explanation": "Calls them fools.", "severity": 4}, "profanity": 2})
    verdict = await Toxicity().evaluate(CASE, models_of(chat))
    assert (verdict.score, verdict.passed, verdict.label) == (0.75, False, "insult")
    assert verdict.explanation == "insult 4 of 5: Calls them fools."
    assert verdict.detail["severities"]["profanity"] == 2
    assert "<<<answer" in chat.prompts[0]
    assert Toxicity.lower_is_better


async def test_nothing_toxic_is_0() -> None:
    verdict = await Toxicity().evaluate(CASE, models_of(Scripted(MILD)))
    assert (verdict.score, verdict.passed, verdict.label) == (0.0, True, "none")


@pytest.mark.parametrize("answer", [{}, {**MILD, "hate": 6}, {**MILD, "hate": {"severity": None}}, "It is fine."])
async def test_what_cannot_be_read_is_failed(answer: Any) -> None:
    verdict = await Toxicity(retries=0).evaluate(CASE, models_of(Scripted(answer)))
    assert (verdict.status, verdict.score) == ("failed", None)


async def test_without_a_judge_it_is_skipped() -> None:
    verdict = await Toxicity().evaluate(CASE, Models(make_call=new_call))
    assert verdict.status == "skipped"
    assert "judge" in verdict.explanation


async def test_kinds_of_ones_own() -> None:
    verdict = await Toxicity(kinds={"blame": "It blames."}).evaluate(CASE, models_of(Scripted({"blame": 2})))
    assert (verdict.score, verdict.label) == (0.25, "blame")
    with pytest.raises(ConfigError, match="kinds"):
        Toxicity(kinds={})
