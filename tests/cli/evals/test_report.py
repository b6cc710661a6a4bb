"""`pilothouse evals report`."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pilothouse.cli.evals.report import report
from pilothouse.errors import NotFound

from .conftest import Kept


def test_what_a_run_showed_as_text(kept: Kept) -> None:
    kept.add([True] * 30, branch="main")
    kept.add([True] * 20 + [False] * 10, plan={"suite": {"gates": ["exact < 0.5"]}})
    told = kept.call(report, "nightly", "--baseline", "branch:main", "--slice", "topic")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0].startswith("nightly (")
    assert lines[0].endswith("): The gate held.")
    assert "  held   exact < 0.5: exact is 0.667 (0.488 to 0.808): not below 0.500." in lines
    assert "exact  0.667  0.488 to 0.808   66.7%  30       0        0" in lines
    assert "10 cases flipped, the worst first:" in lines
    assert "30 cases, 0 failed. Cost $0.0000." in lines
    assert "\x1b" not in told.stdout


def test_a_gate_that_fails_ends_with_1_and_a_sentence(kept: Kept) -> None:
    kept.add([True, False], plan={"suite": {"gates": ["exact < 0.9"]}})
    assert kept.call(report, "nightly").exit_code == 0  # it tells; --fail-on decides
    told = kept.call(report, "nightly", "--fail-on", "exact < 0.9", "--fail-on", "errors > 0")
    assert told.exit_code == 1
    assert told.stderr == "Failed: exact < 0.9: exact is 0.500 (0.095 to 0.905): below 0.900.\n"
    assert "FAILED exact < 0.9" in told.stdout
    wrong = kept.call(report, "nightly", "--fail-on", "exact")
    assert wrong.exit_code == 2
    assert "is no gate" in wrong.stderr


def test_a_judge_without_a_card_may_not_gate(kept: Kept) -> None:
    suite = {"evaluators": [{"use": "llm_judge", "name": "exact"}], "judge": "fast"}
    plan = {"suite": suite, "evaluators": suite["evaluators"], "judge": "fast", "judge_agreement": 0.4}
    kept.add([True, True], plan=plan)
    told = kept.call(report, "nightly", "--fail-on", "exact < 0.1")
    assert told.exit_code == 1, told.output
    assert "it was never held against people" in told.stderr
    assert kept.call(report, "nightly", "--fail-on", "exact < 0.1 unvalidated ok").exit_code == 0


def test_as_markdown_junit_and_json(kept: Kept, tmp_path: Path) -> None:
    kept.add([True, False])
    assert kept.call(report, "nightly", "--format", "markdown").stdout.startswith("### ✅ nightly: The run is done.")
    file = tmp_path / "junit.xml"
    assert kept.call(report, "nightly", "--format", "junit", "-o", str(file)).stdout == ""
    assert [len(test) for test in ET.parse(file).iter("testcase")] == [0, 1]
    found = json.loads(kept.call(report, "nightly", "--json").stdout)
    assert (found["run"]["name"], found["summary"]["metrics"]["exact"]["mean"]) == ("nightly", 0.5)


def test_no_such_run(kept: Kept) -> None:
    with pytest.raises(NotFound, match="There is no run 'nobody'"):
        raise kept.call(report, "nobody").exception or AssertionError
