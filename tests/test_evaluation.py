"""Evaluation from Python: functions, models and recorded answers over cases, files and datasets; kept as runs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pilothouse import evaluate, evaluate_async, evaluate_response_sync
from pilothouse.cases import Case, Verdict
from pilothouse.errors import ConfigError, InvalidRequest, NotFound
from pilothouse.protocols import Evaluator, Models
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer

CASES = [{"id": "a", "input": "one", "expected": "one"}, {"id": "b", "input": "two", "expected": "2"}]


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings(home=tmp_path / "home", models=models_dir)


@dataclass(frozen=True)
class Shouts(Evaluator):
    name: str = "shouts"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return Verdict.ok(self.name, passed=case.output.isupper())


def test_a_function_over_cases_with_evaluators_of_ones_own(settings: Settings) -> None:
    heard = list[tuple[int, int, int]]()
    told: Any = {"gates": ["exact < 0.4"], "metadata": {"team": "x"}, "progress": lambda *now: heard.append(now)}
    result = evaluate(lambda case: case.input, CASES, ["exact", Shouts()], name="mine", settings=settings, **told)
    assert (result.passed, result.run.name, result.summary.metrics["exact"].mean) == (True, "mine", 0.5)
    assert [verdict.passed for verdict in result.outcomes[0].verdicts] == [True, False]
    assert heard[-1] == (2, 2, 0)
    assert "exact" in str(result)
    store = open_store(settings)
    kept = EvalRuns(store).get("default", "mine")
    store.close()
    assert (kept.done, kept.metadata["team"], result.gates[0].passed) == (2, "x", True)


async def test_a_model_over_a_dataset_in_a_running_loop(settings: Settings) -> None:
    store = open_store(settings)
    datasets = Datasets(store)
    datasets.change("default", datasets.create("default", "gold"), [NewItem(input="hello", expected="hello")])
    store.close()
    result = await evaluate_async("builtin/echo", "gold", ["exact"], trials=2, settings=settings)
    assert [one.case.output for one in result.outcomes] == ["hello", "hello"]

    async def answer(case: Case, chat: Any) -> str:
        told: str = (await chat(f"<{case.input}>", model="builtin/echo")).text
        return told

    asked = await evaluate_async(answer, "gold@1", ["exact"], settings=settings)
    assert asked.outcomes[0].case.output == "<hello>"


def test_answers_of_a_file_and_a_task_as_in_a_suite(settings: Settings, tmp_path: Path) -> None:
    rows = [{"id": "a", "input": "q", "expected": "yes", "output": "yes"}]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert evaluate(None, "data.jsonl", ["exact"], settings=settings).summary.metrics["exact"].mean == 1
    task = {"model": "builtin/echo", "messages": [{"role": "user", "content": "no {input}"}]}
    assert evaluate(task, tmp_path / "data.jsonl", ["exact"], settings=settings).outcomes[0].case.output == "no q"


def test_what_cannot_be_is_said_before_anything_is_asked(settings: Settings) -> None:
    for arguments, told in (
        ({"concurency": 3}, "evaluate\\(\\) takes no 'concurency'"),
        ({"trials": 0}, "trials: Input should be greater"),
        ({"evaluators": ["exat"]}, "Did you mean 'exact'"),
        ({"evaluators": [Shouts(), Shouts()]}, "evaluators.1: a second evaluator is named 'shouts'"),
        ({"data": None}, r"evaluate\(\) needs data"),
        ({"data": "nowhere"}, "dataset: There is no dataset 'nowhere'"),
    ):
        given: Any = {"data": CASES, "evaluators": ["exact"], **arguments}
        with pytest.raises(ConfigError, match=told):
            evaluate(len, settings=settings, **given)
    with pytest.raises(NotFound, match="There is no project 'nosuch'"):
        evaluate(len, CASES, ["exact"], project="nosuch", settings=settings)
    with pytest.raises(InvalidRequest, match="Case 1 has no 'input'"):
        evaluate(len, [{"expected": 1}], ["exact"], settings=settings)


def test_one_answer_is_scored_by_a_judge(settings: Settings, tmp_path: Path) -> None:
    scores = '{"faithfulness": 5, "relevance": 4, "completeness": 4, "clarity": 5, "explanation": "Fine."}'
    with OpenAIServer(Answer(text=scores)) as server:
        (tmp_path / "pilothouse.yaml").write_text(
            f'providers: {{wire: {{kind: openai, base_url: "{server.url}/v1", api_key: k}}}}\n'
        )
        verdict = evaluate_response_sync("Why?", ["Because."], "Because.", "wire/grader", settings=settings)
    assert (verdict.status, verdict.detail["scores"]["relevance"]) == ("ok", 4)
