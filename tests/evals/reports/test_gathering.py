"""Outcomes by metric and case."""

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.reports.gathering import case_means, gather, most_frequent
from tests.evals.reports.conftest import Make


def test_reasons_that_differ_in_numbers_and_quotations_are_one() -> None:
    texts = ["no JSON in 'a b'", "no JSON in 'c'", "Timed out after 3 s", "Timed out after 12 s", "Timed out after 1 s"]
    found = most_frequent([*texts, "x" * 1000], most=3)
    assert [(one.text, one.count) for one in found[:2]] == [("Timed out after 3 s", 3), ("no JSON in 'a b'", 2)]
    assert len(found[2].text) == 300


def test_trials_come_in_their_order_whatever_order_they_are_read_in(make: Make) -> None:
    outcomes = make("exact", [[True, False, False]])
    for order in (outcomes, outcomes[::-1]):
        assert gather(order).metrics["exact"].passes == {"c0": [True, False, False]}


def test_a_mean_is_of_scores_where_there_are_some_and_of_passes_elsewhere() -> None:
    scored = Verdict.ok("quality", 0.4, passed=False)
    alone = Verdict.ok("format", passed=True)
    found = gather([Outcome(case=Case(id="1", input="q"), verdicts=(scored, alone))])
    assert case_means(found.metrics["quality"]) == {"1": 0.4}
    assert case_means(found.metrics["format"]) == {"1": 1.0}


def test_what_was_kept_is_counted() -> None:
    found = gather([Outcome(case=Case(id=str(one), input="q", cost_nano=one), cached=one > 0) for one in range(3)])
    assert (found.cached, found.cost_nano, found.costs) == (2, 3, {"0": [0], "1": [1], "2": [2]})
