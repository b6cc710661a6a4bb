"""What developers complained about elsewhere and must not find here, by the places where they did."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.judges.ragas import Faithfulness
from pilothouse.evals.judges.rubric import LlmJudge
from pilothouse.evals.reports.gates import check
from pilothouse.evals.reports.summary import summarise

from .judges.conftest import CASE, Scripted, models_of

HEAVY = (
    "torch",
    "transformers",
    "tensorflow",
    "langchain",
    "langchain_core",
    "litellm",
    "datasets",
    "pandas",
    "sklearn",
)

RULE_SUITE = """
import asyncio, json, sys

reached = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind"):
        reached.append(event)
sys.addaudithook(watch)

import pilothouse.evals
from pilothouse.evals.registry import Evaluators
from pilothouse.evals.shapes import Case, Models
from pilothouse.testing.record import new_call

case = Case(id="1", input="How long?", output="Within 14 days. The days begin at delivery.", expected="14 days")
names = ["exact", "normalised_match", "contains_expected", "keywords", "length", "format", "bleu", "rouge", "token_f1",
         "pii", "refusal", "coherence", "faithfulness"]
options = {"keywords": {"keywords": ["14 days"]}, "length": {"maximum": 9}}
models = Models(make_call=new_call)
verdicts = [asyncio.run(Evaluators().from_config(name, options.get(name)).evaluate(case, models)) for name in names]
modules = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"reached": reached, "modules": modules, "statuses": [one.status for one in verdicts]}))
"""


def test_no_telemetry_and_no_heavy_dependency_deepeval_1815_2092(tmp_path: Path) -> None:
    """A process that evaluates by rules speaks to nobody, and loads nothing that evaluating does not need."""
    env = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", RULE_SUITE], capture_output=True, text=True, check=True, env=env, cwd=tmp_path
    )
    told = json.loads(done.stdout)
    assert told["reached"] == []
    assert [name for name in told["modules"] if name in HEAVY] == []
    assert told["statuses"] == ["ok"] * 12 + ["skipped"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_number_is_no_verdict_ragas_733_1403(score: float) -> None:
    with pytest.raises(ValueError, match="is not a score"):
        Verdict.ok("any", score)
    with pytest.raises((ValueError, msgspec.ValidationError)):
        msgspec.json.decode(msgspec.json.encode({"evaluator": "any", "score": score}), type=Verdict)


def test_what_could_not_be_told_is_in_no_mean_and_is_counted_ragas_733() -> None:
    """Nine answers of which a judge failed at three and lacked something for two: the mean is over the other four."""
    verdicts = [Verdict.ok("quality", score, passed=score > 0.5) for score in (1.0, 0.5, 1.0, 0.75)]
    verdicts += [Verdict.failed("quality", "Prose only.")] * 3 + [Verdict.skipped("quality", "No context.")] * 2
    outcomes = [Outcome(case=Case(id=str(n), input="?"), verdicts=(one,)) for n, one in enumerate(verdicts)]
    summary = summarise(outcomes)
    metric = summary.metrics["quality"]
    assert (metric.n, metric.failed, metric.skipped, metric.mean) == (4, 3, 2, 0.8125)
    assert metric.why[0].count == 3
    assert "NaN" not in json.dumps(summary.to_json())
    told = {result.text: result for result in check(["quality < 0.5", "quality.failed > 20%"], summary)}
    assert told["quality < 0.5"].passed
    assert not told["quality.failed > 20%"].passed


def test_a_gate_over_nothing_fails_and_says_so_deepeval_3234() -> None:
    failed = Outcome(case=Case(id="1", input="?"), verdicts=(Verdict.failed("quality", "Prose only."),))
    summary = summarise([failed])
    assert summary.metrics["quality"].mean is None
    (result,) = check(["quality < 0.5"], summary)
    assert not result.passed
    assert "cannot be told" in result.sentence


@pytest.mark.parametrize(
    "answer",
    [
        '{"clarity": {"explanation": "x", "score": NaN}}',
        '{"clarity": {"explanation": "x", "score": Infinity}}',
        '{"clarity": {"explanation": "x", "score": null}}',
        '{"clarity": {"explanation": "x", "score": "n/a"}}',
    ],
    ids=["nan", "infinity", "null", "words"],
)
async def test_a_judge_that_says_nan_failed_deepeval_3234(answer: str) -> None:
    verdict = await LlmJudge(criteria={"clarity": "Plain."}).evaluate(CASE, models_of(Scripted(answer)))
    assert (verdict.status, verdict.score, verdict.passed) == ("failed", None, None)
    assert verdict.detail["reasked"] == 3


async def test_nothing_to_divide_by_is_no_nan_ragas_1403() -> None:
    """An answer in which a judge finds no claim has no share of supported ones."""
    verdict = await Faithfulness().evaluate(CASE, models_of(Scripted({"claims": []})))
    assert verdict.status != "ok" or verdict.score is not None


LOCAL_MODELS = {
    "fenced": '```json\n{"clarity": {"explanation": "Plain.", "score": 4}}\n```',
    "prose around": 'Sure! Here is my verdict:\n{"clarity": {"explanation": "Plain.", "score": 4}}\nHope this helps.',
    "thoughts": '<think>{"clarity": 1}? No.</think>{"clarity": {"explanation": "Plain.", "score": 4}}',
    "a comma too many": '{"clarity": {"explanation": "Plain.", "score": 4,},}',
    "digits in quotes": '{"clarity": {"explanation": "Plain.", "score": "4"}}',
    "broken lines": '{"clarity": {"explanation": "Plain\nand simple.", "score": 4}}',
    "no nesting": '{"clarity": 4, "explanation": "Plain."}',
}


@pytest.mark.parametrize("answer", LOCAL_MODELS.values(), ids=LOCAL_MODELS)
async def test_json_as_local_models_write_it_is_read_ragas_1997(answer: str) -> None:
    verdict = await LlmJudge(criteria={"clarity": "Plain."}).evaluate(CASE, models_of(Scripted(answer)))
    assert (verdict.status, verdict.score) == ("ok", 0.75)
    assert "reasked" not in verdict.detail


async def test_json_that_breaks_off_is_asked_about_again_ragas_1997() -> None:
    chat = Scripted('{"clarity": {"explanation": "Pl', '{"clarity": 4}')
    verdict = await LlmJudge(criteria={"clarity": "Plain."}).evaluate(CASE, models_of(chat))
    assert (verdict.status, verdict.score, verdict.detail["reasked"]) == ("ok", 0.75, 1)
    assert "broken" in chat.prompts[1]


async def test_json_that_stays_broken_failed_and_says_how_ragas_1997() -> None:
    chat: Any = Scripted('{"clarity": {"explanation": "Pl')
    verdict = await LlmJudge(criteria={"clarity": "Plain."}).evaluate(CASE, models_of(chat))
    assert (verdict.status, verdict.score) == ("failed", None)
    assert "no usable answer in 3 attempts" in verdict.explanation
