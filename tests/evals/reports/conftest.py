"""Outcomes for tests of reports."""

from collections.abc import Sequence
from typing import Any

import pytest

from pilothouse.cases import Case, Outcome, Verdict


class Make:
    """Makes outcomes: `make("exact", [1, 0, 1])` has a case for each value, `[[1, 0], [1, 1]]` two trials of each.

    A bool is a pass with its score, a number a score alone, a string a label; None failed and "skip" was skipped.
    """

    def __call__(self, metric: str, values: Sequence[Any], **fields: Any) -> list[Outcome]:
        found = []
        for place, value in enumerate(values):
            for trial, one in enumerate(value if isinstance(value, list) else [value]):
                own = {key: told[place] if isinstance(told, list) else told for key, told in fields.items()}
                case = Case(**{"id": f"c{place}", "input": f"question {place}", "output": f"answer {one}", **own})
                found.append(Outcome(case=case, trial=trial, verdicts=(self.verdict(metric, one),)))
        return found

    def verdict(self, metric: str, value: Any) -> Verdict:
        if value is None:
            return Verdict.failed(metric, "The judge gave no JSON.", cost_nano=5)
        if value == "skip":
            return Verdict.skipped(metric, "The case has no context.")
        if isinstance(value, bool):
            return Verdict.ok(metric, float(value), passed=value, explanation=f"it was {value}")
        return Verdict.ok(metric, label=value) if isinstance(value, str) else Verdict.ok(metric, value)


@pytest.fixture
def make() -> Make:
    return Make()
