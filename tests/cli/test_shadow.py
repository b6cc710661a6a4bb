import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.app import build
from pilothouse.call import Call, Span
from pilothouse.cli.context import Context
from pilothouse.cli.shadow import shadow
from pilothouse.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with three compared calls, of which two agreed."""
    with build(Settings(home=tmp_path / "home")) as platform:
        for number in range(3):
            call = Call(platform.recorder)
            with call.step("chat fast", "llm") as (_, inner), inner.step("shadow new", "evaluator") as (span, _):
                told(span, agrees=number > 0, latency=1000 * number)
    return tmp_path / "home"


def told(span: Span, *, agrees: bool, latency: int) -> None:
    span.operation, span.request_model = "shadow", "fast"
    span.attributes |= {
        "shadow": True, "shadow_alias": "fast", "shadow_model": "new", "shadow_agrees": agrees, "shadow_cosine": 0.5,
        "shadow_overlap": 0.5, "shadow_length_ratio": 2.0, "live_latency_us": 5000, "shadow_latency_us": 5000 + latency,
        "live_cost_nano": None, "shadow_cost_nano": 7,
    }  # fmt: skip


def run(home: Path, *args: str) -> str:
    result = CliRunner().invoke(shadow, ["report", *args], obj=Context(Settings(home=home), build))
    assert result.exit_code == 0, result.output
    return result.output


def test_the_report_as_a_table_and_as_json(home: Path) -> None:
    (row,) = json.loads(run(home, "--json"))
    assert (row["calls"], row["agreed"], row["length_ratio"], row["cost_nano"]) == (3, 2, 2.0, None)
    assert row["latency_us"]["mean"] == 1000
    shown = run(home)
    assert "66.7%" in shown
    assert "+1 ms" in shown


def test_without_mirrored_calls_it_says_so(home: Path) -> None:
    assert "No calls were mirrored" in run(home, "--alias", "other")
