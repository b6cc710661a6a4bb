"""Suite files: read whole, and each mistake told with file, line, key and the nearest name that there is."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.runs.suite import read_suite, suite_of

from .conftest import suited

WHOLE = """\
suite: support-answers
kind: regression
dataset: support@3
split: test
limit: 50
task:
  model: default
  messages: [{role: user, content: "{input.question} {context} {metadata.x}"}]
  params: {temperature: 0}
evaluators: [exact, {use: llm_judge, name: quality, criteria: {good: It is good.}}]
judge: default
judge_agreement: 0.6
trials: 3
concurrency: 4
rate: 600/min
max_cost_usd: 2
answer_tokens: 100
baseline: main
gates: ["quality < 0.8 ci", "errors > 0"]
slices: [metadata.topic]
metadata: {owner: ana}
"""


def test_a_whole_suite_is_read_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(WHOLE)
    written = read_suite(path)
    suite = written.suite
    assert (written.folder, suite.task.asks, suite.per_second, suite.cap_nano) == (tmp_path, "default", 10, 2 * 10**9)
    assert [one.name for one in written.evaluators()] == ["exact", "quality"]
    assert [gate.name for gate in written.gates()] == ["quality", "errors"]
    again = suite_of(suite.to_json()).suite
    assert again == suite
    assert again.hash == suite.hash
    other = suite.model_copy(update={"max_cost_usd": Decimal(9), "gates": [], "concurrency": 1})
    assert other.hash == suite.hash != suite.model_copy(update={"trials": 2}).hash
    assert suite_of(suited(task={"corpus": "handbook"}, rate="2/h")).suite.task.asks == "rag:handbook"
    assert suite_of(suited()).suite.per_second is suite_of(suited()).suite.cap_nano is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("  modl: x", "suite.yaml:4: task.modl: unknown key. Did you mean 'model'?"),
        ("trails: 2", "suite.yaml:4: trails: unknown key. Did you mean 'trials'?"),
        ("trials: 0", "suite.yaml:4: trials: Input should be greater than or equal to 1"),
        ("rate: fast", "suite.yaml:4: rate: String should match pattern"),
        ("  corpus: docs", "suite.yaml:2: task: name one of model, corpus, prompt, python, recorded; there is both"),
        ("  params: {stream: true}", "suite.yaml:2: task: params may not have 'stream'"),
        ("  messages: [{role: user, content: '{inptu}'}]", "task.messages.0: there is no {inptu}; .* mean '{input}'"),
        ("  messages: [{content: x}]", "task.messages.0: a message has a 'role'"),
        ("gates: [exact below 1]", "suite.yaml:4: gates.0: 'exact below 1' is no gate"),
        ("dataset: a\ndata: b", "suite: name 'dataset' or 'data', not both"),
        ("gates: exact", "suite.yaml:4: gates: Input should be a valid list"),
        ("trials: [", "suite.yaml:.*not valid YAML"),
    ],
    ids=lambda value: value.split("\n")[0][:24],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(f"suite: s\ntask:\n  model: m\n{line}\nevaluators: [exact]\n")
    with pytest.raises(ConfigError, match=told.replace("{", "\\{").replace("?", "\\?")):
        read_suite(path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"evaluators": []}, "evaluators: List should have at least 1 item"),
        ({"evaluators": [7]}, "evaluators.0: must hold keys with values"),
        ({"evaluators": [{"name": "x"}]}, "evaluators.0.use: is missing"),
        ({"task": {}}, "there is none of them"),
        ({"task": {"python": "a:b", "params": {"x": 1}}}, "'messages' and 'params' are for a model"),
        ({"task": {"python": "nonsense"}}, "task.python: String should match"),
    ],
    ids=str,
)
def test_json_is_held_to_the_same(changes: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        suite_of(suited(**changes))


def test_evaluators_that_cannot_be_made_or_told_apart_are_refused() -> None:
    for evaluators, told in (
        (["exct"], r"evaluators\.0: No pilothouse\.evaluators named 'exct'\. Did you mean 'exact'"),
        ([{"use": "length", "maxmum": 3}], r"evaluators\.0\.maxmum: .*Did you mean 'maximum'"),
        (["exact", "exact"], r"evaluators\.1: a second evaluator is named 'exact'"),
    ):
        with pytest.raises(ConfigError, match=told):
            suite_of(suited(evaluators=evaluators)).evaluators()


def test_no_file_and_no_text_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_suite(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"suite: \xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        read_suite(tmp_path / "latin.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(ConfigError, match="must hold keys"):
        read_suite(tmp_path / "empty.yaml")
