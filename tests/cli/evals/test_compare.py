"""`pilothouse evals compare`."""

import json

from pilothouse.cli.evals.compare import compare

from .conftest import Kept


def test_two_and_more_runs_case_by_case(kept: Kept) -> None:
    kept.add([True] * 30, "before")
    kept.add([True] * 20 + [False] * 10, "after")
    kept.add([True] * 29 + [False], "third")
    two = kept.call(compare, "before", "after")
    assert two.exit_code == 0, two.output
    lines = two.stdout.splitlines()
    assert lines[0].startswith("before (")
    row = next(line for line in lines if line.startswith("exact ")).split()
    assert row == ["exact", "1.000", "0.667", "-0.333", "-0.512", "to", "-0.152", "0.002", "worse"]
    assert "exact  lost  1.000 -> 0.000  c20  question�[31m 20" in lines
    three = json.loads(kept.call(compare, "before", "after", "third", "--json").stdout)
    chances = [one["comparison"]["metrics"]["exact"]["p_corrected"] for one in three]
    assert chances[0] == 2 * three[0]["comparison"]["metrics"]["exact"]["p"]
    assert chances[1] == 1.0
    marked = kept.call(compare, "before", "after", "third", "--format", "markdown").stdout
    assert marked.count("### ✅") == 2


def test_a_gate_decides_on_the_exit_code(kept: Kept) -> None:
    kept.add([True] * 30, branch="main")
    kept.add([True] * 20 + [False] * 10, "after")
    told = kept.call(compare, "branch:main", "after", "--fail-on", "exact drop > 0.1 ci")
    assert told.exit_code == 1
    assert told.stderr.startswith("Failed: exact drop > 0.1 ci: the drop of exact is 0.333")
    assert kept.call(compare, "branch:main", "after", "--fail-on", "exact drop > 0.6 ci").exit_code == 0


def test_a_run_is_not_compared_with_itself(kept: Kept) -> None:
    kept.add([True])
    assert "are one run" in str(kept.call(compare, "nightly", "nightly").exception)
