"""Two runs over the same cases."""

import json

import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.reports.compare import Comparison, compare, compare_all
from pilothouse.stats.multiple import holm
from pilothouse.stats.paired import compare_passes, mcnemar
from tests.evals.reports.conftest import Make


def test_passes_are_compared_by_the_cases_that_flip(make: Make) -> None:
    before, after = [True] * 20 + [False] * 20, [True] * 12 + [False] * 26 + [True] * 2
    one = compare(make("exact", before), make("exact", after)).metrics["exact"]
    told = compare_passes(before, after)
    assert (one.difference, one.low, one.high, one.p) == (told.difference.value, told.difference.low,
                                                          told.difference.high, mcnemar(2, 8))  # fmt: skip
    assert one.passes is not None
    assert (one.passes.won, one.passes.lost, one.passes.before, one.passes.after) == (2, 8, 0.5, 0.35)
    assert one.verdict == "no difference seen"
    assert one.detectable is not None
    assert 0.15 < one.detectable < 0.3


def test_scores_are_compared_case_by_case(make: Make) -> None:
    before = [place % 10 / 10 for place in range(50)]
    after = [value + 0.05 + (place % 3) / 100 for place, value in enumerate(before)]
    one = compare(make("chrf", before), make("chrf", after)).metrics["chrf"]
    assert one.verdict == "better"
    assert one.low is not None
    assert one.high is not None
    assert 0.05 < one.low < one.difference < one.high < 0.07
    assert one.effect is not None
    assert one.effect > 5
    assert one.passes is None
    lower = compare(make("ter", before), make("ter", after), lower_is_better={"ter"}).metrics["ter"]
    assert (lower.verdict, lower.gain) == ("worse", -lower.difference)


def test_p_values_are_corrected_for_all_metrics_and_runs(make: Make) -> None:
    def both(values: list[bool], others: list[bool]) -> list[Outcome]:
        return [
            Outcome(case=one.case, verdicts=one.verdicts + other.verdicts)
            for one, other in zip(make("exact", values), make("format", others), strict=True)
        ]

    base = both([True] * 30, [True] * 30)
    runs = [both([True] * 24 + [False] * 6, [True] * 29 + [False]), both([False] * 9 + [True] * 21, [True] * 30)]
    told = compare_all(base, runs)
    raw = [change.p for one in told for change in one.metrics.values()]
    assert [change.p_corrected for one in told for change in one.metrics.values()] == holm(raw).tolist()
    alone = compare(base, runs[0]).metrics["exact"]
    assert alone.p_corrected < told[0].metrics["exact"].p_corrected


def test_cases_of_one_run_alone_are_left_out_and_counted(make: Make) -> None:
    before, after = make("exact", [True, True, None, False]), make("exact", [True, None, False, False, True])
    told = compare(before, after)
    one = told.metrics["exact"]
    assert (told.cases_before, told.cases_after, told.shared) == (4, 5, 4)
    assert (one.n, one.only_before, one.only_after) == (2, 1, 2)
    assert "0 cases are only in the run before, 1 only in the one after: they are left out." in told.untold
    assert "exact: 3 cases could be told in one run only; they are left out." in told.untold


def test_runs_over_datasets_of_other_ids_are_matched_by_input(make: Make) -> None:
    before = make("exact", [True, False, True], id=["x", "y", "z"])
    told = compare(before, make("exact", [False, False, True]))
    assert (told.by, told.shared, told.metrics["exact"].n) == ("input", 3, 3)
    assert told.flips[0].case_id == "c0"
    assert any("matched by their input" in one for one in told.untold)


def test_other_questions_under_the_same_id_are_told(make: Make) -> None:
    told = compare(make("exact", [True]), make("exact", [False], input="another"))
    assert any("another input under the same id" in one for one in told.untold)


def test_runs_without_anything_in_common(make: Make) -> None:
    told = compare(make("exact", [True], id="a", input="1"), make("other", [True], id="b", input="2"))
    assert (told.shared, told.metrics, told.flips) == (0, {}, ())
    assert "exact: only the run before has it." in told.untold
    assert "other: only the run after has it." in told.untold
    assert compare([], []).metrics == {}


def test_trials_of_a_case_are_one_value(make: Make) -> None:
    before, after = (
        make("exact", [[True, True, True]] * 10),
        make("exact", [[True, False, False]] * 5 + [[True] * 3] * 5),
    )
    one = compare(before, after).metrics["exact"]
    assert (one.n, one.before) == (10, 1.0)
    assert one.after == pytest.approx(2 / 3)
    assert one.passes is not None
    assert (one.passes.lost, one.passes.won) == (5, 0)


def test_cost_and_latency_are_paired_and_errors_are_counted() -> None:
    def run(nano: int | None, seconds: float, error: str | None = None) -> list[Outcome]:
        good = [
            Outcome(
                case=Case(id=str(n), input=n, cost_nano=nano, latency_s=seconds + n), verdicts=(Verdict.ok("a", 1),)
            )
            for n in range(12)
        ]
        return [*good, Outcome(case=Case(id="e", input="e"), error=error)] if error else good

    told = compare(run(10**9, 1.0), run(2 * 10**9, 1.5, "Timed out."))
    assert told.cost is not None
    assert (told.cost.before, told.cost.after, told.cost.difference) == (1.0, 2.0, 1.0)
    assert told.latency is not None
    assert told.latency.difference == pytest.approx(0.5)
    assert told.errors == (0, 1)
    assert "1 of 13 outcomes of the run after failed and have no verdicts." in told.untold
    unknown = compare(run(10**9, 1.0), run(None, 1.0))
    assert unknown.cost is None
    assert "The cost of 12 answers of the run after is not known." in unknown.untold


def test_slices_of_the_change_have_the_worst_first(make: Make) -> None:
    metadata = [{"topic": "tax" if n < 20 else "other"} for n in range(60)]
    before = make("exact", [True] * 60, metadata=metadata)
    after = make("exact", [n >= 12 for n in range(60)], metadata=metadata)
    told = compare(before, after, slices=["topic"])
    assert [(one.value, one.n, round(one.mean, 2)) for one in told.slices] == [("tax", 20, -0.6), ("other", 40, 0.0)]


def test_a_comparison_is_json_and_back(make: Make) -> None:
    told = compare(make("exact", [True, False] * 8), make("exact", [False, True] * 8), slices=["topic"])
    kept = json.loads(json.dumps(told.to_json()))
    assert kept["metrics"]["exact"]["verdict"] == "no difference seen"
    assert Comparison.from_json(kept) == told
