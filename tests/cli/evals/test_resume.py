"""`pilothouse evals resume`: a run that was stopped for its money goes on with more."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.evals import evals
from pilothouse.settings import Settings
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer
from pilothouse.types import Usage


def test_a_stopped_run_goes_on_with_more_money(
    tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with OpenAIServer(Answer(text="yes", usage=Usage(input_tokens=100, output_tokens=10))) as server:
        (tmp_path / "pilothouse.yaml").write_text(
            f'providers: {{wire: {{kind: openai, base_url: "{server.url}/v1", api_key: k}}}}\n'
            "prices: [{provider: wire, model: m, input: 2, output: 8}]\n"
        )
        suite = {"suite": "s", "data": "cases.jsonl", "task": {"model": "wire/m"}, "evaluators": ["exact"]}
        (tmp_path / "s.yaml").write_text(json.dumps({**suite, "concurrency": 1, "max_cost_usd": 0.0006}))
        (tmp_path / "cases.jsonl").write_text("\n".join(json.dumps({"input": i, "expected": "yes"}) for i in range(4)))
        context = Context(Settings(home=tmp_path / "home", models=models_dir), build)

        def invoke(*words: str) -> tuple[int, str]:
            done = CliRunner().invoke(evals, words, obj=context, standalone_mode=False)
            assert done.exception is None, done.exception
            return done.return_value, done.output

        code, said = invoke("run", "s.yaml", "--yes")
        assert (code, "over its cap" in said, "Go on with: pilothouse evals resume" in said) == (130, True, True)
        assert len(server.requests) == 2
        code, said = invoke("resume", "s", "--max-cost", "1")
        assert (code, "Paid: $0.0011" in said, len(server.requests)) == (0, True, 4)
