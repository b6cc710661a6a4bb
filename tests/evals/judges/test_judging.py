"""What all judges have in common: made by name and options, skipped without a judge, failed by what cannot be read."""

import json
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.judges.judging import Judging
from pilothouse.evals.registry import GROUP, Evaluators
from pilothouse.evals.shapes import Case, Step
from pilothouse.plugins import Registry

from .conftest import CASE, HashedWords, Scripted, models_of

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
POINTS = {
    name: place.split(":")
    for name, place in PROJECT["entry-points"][GROUP].items()
    if place.startswith("pilothouse.evals.judges.")
}
ANYTHING = {
    "score": 1, "better": "first", "claims": ["Half a pair: \ud83d."], "steps": ["\ud83d"],
    **dict.fromkeys(("faithfulness", "relevance", "completeness", "clarity", "helpfulness"), 1),
    "harmlessness": {"score": 1, "explanation": "\ud83d"}, "coherence": 1,
    "verdicts": [{"claim": 1, "verdict": "not found", "passage": 1, "useful": False, "reason": "\ud83d"}],
    "questions": [{"question": "\ud83d?", "noncommittal": False}] * 3,
    "requirements": [{"requirement": "\ud83d", "met": False}],
}  # fmt: skip
"""An answer in every form at once."""
ODD = (
    Case(id="1", input={"a": ["\ud83d", float("nan"), 10**400]}, output="\ud83d", expected=[None], context=("\ud83d",)),
    Case(id="2", input=[{"role": "user", "content": "\ud83d"}], output="x" * 300_000, expected={}, context=("\0",)),
    Case(id="3", input="", output="", expected="", context=("",), steps=(Step("\ud83d", {"a": "\ud83d"}, {1}),)),
)  # fmt: skip
NEEDED: dict[str, Any] = {
    "g_eval": {"criteria": "It is polite.", "steps": ["Read it."]},
    "jury": {"models": ["a", "b"]},
    "knowledge_base": {"corpus": "docs"},
}


@pytest.fixture(scope="module")
def evaluators() -> Evaluators:
    """The judges that the package declares, also where an older version of it is installed."""
    found = {name: getattr(import_module(module), kind) for name, (module, kind) in POINTS.items()}
    return Evaluators(Registry(GROUP, found))


@pytest.mark.parametrize("name", sorted(POINTS))
async def test_every_judge_is_made_by_its_name(name: str, evaluators: Evaluators) -> None:
    judge = evaluators.from_config(name, NEEDED.get(name))
    assert isinstance(judge, Judging)
    assert (judge.name, "judge" in judge.needs) == (name, True)
    assert judge.wording or name == "jury", "its fingerprint depends on its prompts, a jury's on its jurors"
    again = evaluators.from_config(name, {**NEEDED.get(name, {}), "retries": 0, "name": "mine"})
    assert isinstance(again, Judging)
    assert (again.name, again.retries, again.fingerprint != judge.fingerprint) == ("mine", 0, True)
    with pytest.raises(ConfigError, match=rf"^{name}.passing: must be a score from 0 to 1"):
        evaluators.from_config(name, {**NEEDED.get(name, {}), "passing": 7})


@pytest.mark.parametrize("name", sorted(POINTS.keys() - {"jury"}))
async def test_without_a_judge_or_a_gateway_it_is_skipped(
    name: str, evaluators: Evaluators, encode: HashedWords
) -> None:
    judge = evaluators.from_config(name, NEEDED.get(name))
    verdict = await judge.evaluate(CASE, models_of(Scripted("never asked"), judge=None, encode=encode))
    assert (verdict.status, verdict.evaluator) == ("skipped", name)
    assert "No judge model is set" in verdict.explanation


@pytest.mark.parametrize("name", sorted(POINTS))
async def test_whatever_a_judge_says_is_a_score_or_a_reason(
    name: str, evaluators: Evaluators, encode: HashedWords
) -> None:
    judge = evaluators.from_config(name, {**NEEDED.get(name, {}), "retries": 1})
    for answer in ("", "No.", "{}", '{"score": NaN}', "[]", '{"claims": [null]}', '{"verdicts": 1}', b"\xff", b"null"):
        verdict = await judge.evaluate(CASE, models_of(Scripted(answer), encode=encode))
        assert (verdict.status, verdict.score, verdict.passed) == ("failed", None, None), answer
        assert verdict.explanation
        assert verdict.cost_nano == (28 if name == "jury" else 14), answer


@pytest.mark.parametrize("name", sorted(POINTS))
async def test_whatever_the_case_there_is_a_verdict_that_can_be_kept(
    name: str, evaluators: Evaluators, encode: HashedWords
) -> None:
    judge = evaluators.from_config(name, NEEDED.get(name))
    for case in ODD:
        chat = Scripted(json.dumps(ANYTHING))
        verdict = await judge.evaluate(case, models_of(chat, encode=encode))
        assert msgspec.json.encode(verdict)
        assert verdict.explanation
        assert all(msgspec.json.encode(request.body) for request in chat.asked)
