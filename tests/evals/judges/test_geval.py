"""Criteria in words: steps once, then scores by them."""

import asyncio
from typing import Any

import pytest

from pilothouse.errors import ConfigError, InvalidRequest
from pilothouse.evals.judges.geval import GEval
from pilothouse.ids import content_hash

from .conftest import CASE, Scripted, models_of, said
from .test_levels import token

STEPS = {"steps": ["Look at the  facts.", "Compare."]}
POLITE = GEval(criteria="It is polite.", steps=("Read it.",))


def weighed(*shares: float) -> bytes:
    tokens = [token('{"score": '), token("4", **{f"_{n}": share for n, share in enumerate(shares, 1)}), token("}")]
    return said({"score": 4}, logprobs={"content": tokens})


async def test_the_judge_writes_the_steps_once_for_all_cases() -> None:
    chat = Scripted(STEPS, {"score": 4, "explanation": "Kind."})
    judge = GEval(criteria="It is polite.")
    models = models_of(chat)
    verdicts = await asyncio.gather(*(judge.evaluate(CASE, models) for _ in range(3)))
    assert [verdict.score for verdict in verdicts] == [0.75] * 3
    assert sorted(verdict.cost_nano or 0 for verdict in verdicts) == [7, 7, 14]
    assert ["Write the steps" in prompt for prompt in chat.prompts].count(True) == 1
    assert "1. Look at the facts.\n2. Compare." in chat.prompts[-1]
    detail = verdicts[0].detail
    assert detail["steps"] == ["Look at the facts.", "Compare."]
    assert detail["version"] == content_hash(detail["steps"])
    assert (detail["scoring"], detail["said"], verdicts[0].explanation) == ("plain", 4, "Kind.")


def test_it_goes_on_in_another_event_loop() -> None:
    chat = Scripted(lambda request: STEPS if "Write the steps" in request.last_user_text() else {"score": 4})
    judge = GEval(criteria="It is polite.")

    async def judged(model: str) -> set[str]:
        models = models_of(chat, judge=model)
        return {one.status for one in await asyncio.gather(*(judge.evaluate(CASE, models) for _ in range(3)))}

    assert [asyncio.run(judged(model)) for model in ("wise", "wiser")] == [{"ok"}, {"ok"}]
    assert len(chat.asked) == 8


async def test_another_model_writes_steps_of_its_own() -> None:
    chat = Scripted(STEPS, {"score": 4}, {"steps": ["Other."]}, {"score": 4})
    judge = GEval(criteria="It is polite.")
    first = await judge.evaluate(CASE, models_of(chat))
    second = await judge.evaluate(CASE, models_of(chat, judge="wiser"))
    assert first.detail["version"] != second.detail["version"]


async def test_levels_are_weighed_where_the_model_tells_their_probabilities() -> None:
    chat = Scripted(weighed(0.01, 0.01, 0.08, 0.5, 0.4))
    verdict = await POLITE.evaluate(CASE, models_of(chat))
    assert chat.asked[0].body["logprobs"] is True
    assert verdict.detail["scoring"] == "weighted"
    assert verdict.detail["said"] == 4
    assert verdict.detail["probabilities"]["4"] == 0.5
    assert verdict.score == pytest.approx((0.01 + 0.02 + 0.24 + 2.0 + 2.0 - 1) / 4)


async def test_other_ranges() -> None:
    judge = GEval(criteria="c", steps=("s",), low=0, high=9)
    assert (await judge.evaluate(CASE, models_of(Scripted({"score": 9})))).score == 1.0
    assert (await judge.evaluate(CASE, models_of(Scripted({"score": 0})))).score == 0.0
    failed = await GEval(criteria="c", steps=("s",)).evaluate(CASE, models_of(Scripted({"score": 0})))
    assert failed.status == "failed"


async def test_prepared_it_tells_its_steps_by_its_fingerprint() -> None:
    chat = Scripted(STEPS, {"score": 5})
    judge = GEval(criteria="It is polite.")
    ready = await judge.prepared(models_of(chat))
    assert ready.steps == ("Look at the facts.", "Compare.")
    assert ready.fingerprint != judge.fingerprint
    assert await ready.prepared(models_of(chat)) is ready
    assert (await ready.evaluate(CASE, models_of(chat))).score == 1.0
    assert len(chat.asked) == 2


@pytest.mark.parametrize("answer", [{"steps": []}, {"steps": "Read."}, {"steps": [""]}, {"steps": ["x"] * 13}, "prose"])
async def test_without_steps_there_is_no_score(answer: Any) -> None:
    judge = GEval(criteria="It is polite.", retries=0)
    assert (await judge.evaluate(CASE, models_of(Scripted(answer)))).status == "failed"
    with pytest.raises(InvalidRequest, match="has no steps"):
        await judge.prepared(models_of(Scripted(answer)))
    with pytest.raises(InvalidRequest, match="has no judge"):
        await judge.prepared(models_of(Scripted(answer), judge=None))


@pytest.mark.parametrize("options", [{"criteria": " "}, {"low": 5}, {"high": 10}, {"low": -1}], ids=range(4))
def test_options_that_cannot_be_are_refused(options: Any) -> None:
    with pytest.raises(ConfigError):
        GEval(**{"criteria": "c", **options})
