import json

from click.testing import CliRunner

from pilothouse.cli.evals.evaluators import evaluators
from pilothouse.evals.registry import DEFAULTS


def test_each_evaluator_is_listed_with_what_it_needs_and_speaks_for() -> None:
    rows = json.loads(CliRunner().invoke(evaluators, ["--json"]).output)
    found = {row["evaluator"]: row for row in rows}
    assert {row["default_for"]: row["evaluator"] for row in rows if row["default_for"]} == DEFAULTS
    assert found["faithfulness"]["needs"] == "context, judge"
    assert all(row["judges"] for row in rows)
