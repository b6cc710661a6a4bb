"""`pilothouse diff` over a real platform of builtin models."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pilothouse.app import Platform
from pilothouse.cli.context import Context
from pilothouse.cli.diff import diff
from pilothouse.errors import ConfigError
from tests.lifecycle.diff.conftest import dataset, platform, recorded

__all__ = ["dataset", "platform", "recorded"]

Call = Callable[..., Result]


@pytest.fixture
def call(platform: Platform) -> Call:
    class Open:
        def __enter__(self) -> Platform:
            return platform

        def __exit__(self, *_: object) -> None:
            return None

    def run(*arguments: str, catch: bool = True) -> Result:
        context = Context(platform.settings, lambda _: Open())  # type: ignore[arg-type, return-value]
        return CliRunner().invoke(diff, arguments, obj=context, catch_exceptions=catch)

    return run


def test_an_impact_report(call: Call, dataset: str, tmp_path: Path) -> None:
    sides = ("model:default", "model:short", "--dataset", dataset, "--evaluator", "exact")
    told = call(*sides, "--slice", "half")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("model:default -> model:short (")
    assert "12 cases flipped, the worst first:" in told.stdout
    assert "model:short: short: 12 calls, 0 kept, $0.0000" in told.stderr
    file = tmp_path / "impact.md"
    again = call(*sides, "--format", "markdown", "-o", str(file), "--fail-on", "exact.lost > 5")
    assert again.exit_code == 1
    assert again.stderr.endswith("Failed: exact.lost > 5: exact.lost is 6.000: above 5.000.\n")
    assert file.read_text().startswith("### ❌ model:default -&#62; model:short: 1 of 1 gates failed.")
    assert json.loads(call(*sides, "--json").stdout)["comparison"]["shared"] == 12


def test_recorded_traffic_with_a_suite(call: Call, recorded: Callable[..., None], tmp_path: Path) -> None:
    recorded("one two", "three four")
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "suite: s\ndata: x.jsonl\ntask: {recorded: true}\nevaluators: [refusal]\ngates: ['errors > 0']\ntrials: 2\n"
    )
    told = call("recorded", "model:short", "--suite", str(suite), "--since", "1h", "--model", "default", "--limit", "9")
    assert told.exit_code == 0, told.output
    assert "held   errors > 0" in told.stdout
    assert "2 cases x 2 trials" in told.stdout


def test_nothing_is_asked_before_it_is_clear_what_for(call: Call, dataset: str) -> None:
    assert "Say what tells a good answer" in call("model:a", "model:b", "--dataset", dataset).stderr
    two = call("model:a", "model:b", "--dataset", dataset, "--since", "1d", "--evaluator", "exact")
    assert (two.exit_code, "not both" in two.stderr) == (2, True)
    wrong = call("a", "model:b", "--evaluator", "exact")
    assert isinstance(wrong.exception, ConfigError)
    dry = call("model:default", "model:short", "--dataset", dataset, "--evaluator", "exact", "--dry-run")
    assert (dry.exit_code, dry.stdout) == (0, "")
    assert "12 calls" in dry.stderr
    assert "exact: 12 cases tell its mean to ±0.246 and show no change at all" in dry.stderr


def test_money_is_spent_with_consent_and_within_the_cap(call: Call, platform: Platform, dataset: str) -> None:
    path = platform.settings.config
    path.write_text(
        "providers: {far: {kind: openai, base_url: 'http://127.0.0.1:9/v1', api_key: x}}\n"
        "models:\n"
        "  default: {deployments: [{provider: builtin, model: echo}]}\n"
        "  far: {deployments: [{provider: far, model: m}]}\n"
        "prices: [{provider: far, model: m, input: 1000000, output: 1000000}]\n"
    )
    platform.live.check()
    platform.live.reload()
    platform.live.check()
    sides = ("model:default", "model:far", "--dataset", dataset, "--evaluator", "exact")
    dear = call(*sides, "--yes")
    assert "the cap is $5.0: raise it with --max-cost" in str(dear.exception)
    asked = call(*sides, "--max-cost", "100000")
    assert "Nobody is there to answer: say --yes" in str(asked.exception)
