"""A benchmark as a suite."""

import json
from pathlib import Path

import pytest

from pilothouse.errors import ConfigError, InvalidRequest
from pilothouse.evals.benchmarks.suite import Benchmark
from pilothouse.evals.datasets.cases import read_cases


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    rows = [{"question": f"Is it {n}?", "answer": "A", "A": "yes", "B": "no", "subject": f"s{n % 2}"} for n in range(9)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_it_is_a_suite_whose_file_has_the_prompts(file: Path, tmp_path: Path) -> None:
    made = Benchmark(file=file, layout="table", model="m", shots=2, limit=5, seed=3)
    written = made.written(tmp_path / "kept", trials=2, baseline=None, gates=["choice < 0.5"])
    suite = written.suite
    assert (suite.suite, suite.kind, suite.task.model, suite.trials) == ("table:own", "benchmark", "m", 2)
    assert suite.task.params == {"temperature": 0}
    assert (suite.slices, suite.gates) == (["metadata.subject"], ["choice < 0.5"])
    assert suite.metadata == {"benchmark": "table", "file": "own.jsonl", "shots": "2", "seed": "3"}
    assert [one.name for one in written.evaluators()] == ["choice"]
    assert written.folder is not None
    cases = list(read_cases(written.folder / str(suite.data)))
    assert len(cases) == 5
    assert cases[0].input.count("Question:") == 3
    assert (cases[0].expected, cases[0].metadata["choices"]) == ("A", ["yes", "no"])
    assert made.written(tmp_path / "kept").suite.data == suite.data


def test_examples_of_another_file(file: Path, tmp_path: Path) -> None:
    examples = tmp_path / "dev.jsonl"
    examples.write_text('{"question": "Ready?", "answer": "B", "A": "no", "B": "yes"}')
    written = Benchmark(file=file, layout="table", model="m", shots=5, examples=examples).written(tmp_path)
    cases = list(read_cases(tmp_path / str(written.suite.data)))
    assert len(cases) == 9
    assert "Question: Ready?\nA. no\nB. yes\nAnswer: B\n\n" in cases[0].input
    assert written.suite.metadata["shots"] == "1"
    assert written.suite.metadata["examples"] == "dev.jsonl"


def test_what_cannot_be_asked_is_told(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="all 9 questions are examples"):
        Benchmark(file=file, layout="table", model="m", shots=9).written(tmp_path)
    with pytest.raises(ConfigError, match="rate"):
        Benchmark(file=file, layout="table", model="m").written(tmp_path, rate="often")
    file.write_text(file.read_text() + '\n{"question": "Who?", "answer": "Ada"}')
    with pytest.raises(InvalidRequest, match="with and without choices"):
        Benchmark(file=file, layout="table", model="m").written(tmp_path)
