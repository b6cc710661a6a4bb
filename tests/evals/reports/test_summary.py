"""What a run says in figures."""

import json
import math

import msgspec
import numpy as np
import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.reports.gates import check
from pilothouse.evals.reports.summary import Summary, quantiles, summarise
from pilothouse.stats.intervals import bootstrap_mean, wilson
from tests.evals.reports.conftest import Make


def test_a_share_has_wilsons_bounds_and_a_mean_of_scores_those_of_a_bootstrap(make: Make) -> None:
    one = summarise(make("exact", [True] * 30 + [False] * 10)).metrics["exact"]
    told = wilson(30, 40)
    assert (one.mean, one.low, one.high, one.method, one.n, one.cases) == (0.75, told.low, told.high, "wilson", 40, 40)
    assert (one.pass_rate, one.pass_low, one.pass_high) == (0.75, told.low, told.high)
    scores = [place / 20 for place in range(20)]
    other = summarise(make("chrf", scores)).metrics["chrf"]
    boot = bootstrap_mean(scores, np.random.default_rng(0), bounds=(0.0, 1.0))
    assert (other.mean, other.low, other.high, other.method) == (boot.value, boot.low, boot.high, "bca")
    assert other.pass_rate is None


def test_what_failed_or_was_skipped_is_in_no_mean_and_is_counted_with_its_reasons(make: Make) -> None:
    summary = summarise(make("quality", [1.0, 0.5, None, None, "skip"]))
    one = summary.metrics["quality"]
    assert (one.mean, one.n, one.failed, one.skipped, one.cases) == (0.75, 2, 2, 1, 2)
    assert [(reason.text, reason.count) for reason in one.why] == [
        ("The judge gave no JSON.", 2), ("The case has no context.", 1),
    ]  # fmt: skip
    none = summarise(make("quality", [None, "skip"])).metrics["quality"]
    assert (none.mean, none.low, none.high, none.method) == (None, None, None, "none")
    assert "NaN" not in json.dumps(summary.to_json())


def test_trials_of_a_case_are_one_value_however_many_there_are(make: Make) -> None:
    once = summarise(make("exact", [True] * 6 + [False] * 6), trials=1).metrics["exact"]
    often = summarise(make("exact", [[True] * 5] * 6 + [[False] * 5] * 6), trials=5).metrics["exact"]
    assert (often.mean, often.low, often.high) == (once.mean, once.low, once.high)
    assert (often.n, often.cases) == (60, 12)


def test_of_k_trials_at_least_one_or_all(make: Make) -> None:
    summary = summarise(make("exact", [[True, False, False], [True, True, True], [False, None, False]]), trials=3)
    one = summary.metrics["exact"]
    assert [round(one.pass_at_k[k].value, 6) for k in (1, 2, 3)] == [
        round((1 / 3 + 1 + 0) / 3, 6), round((2 / 3 + 1 + 0) / 3, 6), 1.0,  # the third case has two trials
    ]  # fmt: skip
    assert [one.pass_at_k[k].n for k in (1, 2, 3)] == [3, 3, 2]
    assert math.isclose(one.pass_hat_k[3].value, 0.5)
    assert [(case.case_id, case.passed, case.trials) for case in summary.flaky] == [("c0", 1, 3)]
    assert summary.flaky_cases == 1
    assert list(summarise(make("exact", [[True] * 20] * 2), trials=20).metrics["exact"].pass_at_k) == [1, 2, 5, 10, 20]


def test_a_task_that_failed_is_an_error_and_no_zero() -> None:
    good = Outcome(case=Case(id="1", input="q", latency_s=2.0, cost_nano=7), verdicts=(Verdict.ok("exact", 1.0),))
    bad = [Outcome(case=Case(id=str(place), input="q", latency_s=9.0), error=f"Timed out after {place} s.")
           for place in (2, 3)]  # fmt: skip
    summary = summarise([good, *bad])
    assert (summary.cases, summary.outcomes, summary.errors, summary.metrics["exact"].mean) == (3, 3, 2, 1.0)
    assert [(one.text, one.count) for one in summary.why_errors] == [("Timed out after 2 s.", 2)]
    assert (summary.latency.n, summary.latency.p95) == (1, 2.0)


def test_unknown_costs_are_no_zeros() -> None:
    judged = Verdict.ok("quality", 1.0, cost_nano=3)
    unknown = Verdict.ok("quality", 1.0, cost_nano=None)
    known = Outcome(case=Case(id="1", input="q", cost_nano=10), verdicts=(judged,))
    other = Outcome(case=Case(id="2", input="q", cost_nano=None), verdicts=(unknown,))
    both = summarise([known, other])
    assert (both.cost_nano, both.task_nano, both.judge_nano, both.unpriced) == (13, 10, 3, 2)
    assert (both.metrics["quality"].cost_nano, both.metrics["quality"].unpriced) == (3, 1)
    neither = summarise([other])
    assert (neither.cost_nano, neither.task_nano, neither.judge_nano, neither.unpriced) == (None, None, None, 2)


def test_slices_have_the_worst_first_and_are_corrected_for_the_metrics(make: Make) -> None:
    topics = [{"topic": "tax" if place < 20 else "other", "deep": {"lang": place % 2}} for place in range(80)]
    values = [place % 4 == 0 for place in range(20)] + [True] * 60
    cut = summarise(make("exact", values, metadata=topics), slices=["metadata.topic", "deep.lang", "none.at.all"])
    assert next((one.key, one.value, one.n) for one in cut.slices) == ("metadata.topic", "tax", 20)
    assert cut.slices[0].p < 0.001
    assert {one.key for one in cut.slices} == {"metadata.topic", "deep.lang"}
    assert summarise(make("exact", values, metadata=topics)).slices == ()
    twice = [
        Outcome(case=one.case, verdicts=(*one.verdicts, Verdict.ok("latency", float(not one.verdicts[0].passed))))
        for one in make("exact", values, metadata=topics)
    ]
    both = summarise(twice, slices=["topic"], lower_is_better={"latency"})
    assert [(one.metric, one.value) for one in both.slices[:2]] == [("exact", "tax"), ("latency", "tax")]
    alone = summarise(make("exact", values, metadata=topics), slices=["topic"])
    assert both.slices[0].p == 2 * alone.slices[0].p
    slow = both.slices[1]
    assert slow.difference > 0
    assert slow.low is not None
    assert slow.high is not None
    assert slow.low < slow.mean < slow.high


def test_small_slices_are_counted(make: Make) -> None:
    cut = summarise(make("exact", [True, False] * 10, metadata=[{"id": str(n)} for n in range(20)]), slices=["id"])
    assert (cut.slices, cut.small_slices) == ((), {"id": 20})


def test_a_summary_is_json_and_back_and_the_same_each_time(make: Make) -> None:
    outcomes = make("exact", [[True, False, True]] * 12, metadata={"topic": ["a", "b"]}, latency_s=1.5)
    summary = summarise(outcomes, trials=3, slices=["topic"])
    assert Summary.from_json(json.loads(json.dumps(summary.to_json()))) == summary
    assert summarise(list(reversed(outcomes)), trials=3, slices=["topic"]).metrics["exact"].mean == pytest.approx(2 / 3)
    with pytest.raises(msgspec.ValidationError):
        Summary.from_json({"cases": "many"})


def test_a_judge_of_several_criteria_is_told_by_each_of_them() -> None:
    levels = [{"faithfulness": 5, "clarity": n % 5 + 1} for n in range(20)]
    outcomes = [
        Outcome(case=Case(id=str(n), input="q"), verdicts=(Verdict.ok("quality", 0.5, detail={"scores": one}),))
        for n, one in enumerate(levels)
    ]
    summary = summarise([*outcomes, Outcome(case=Case(id="x", input="q"), verdicts=(Verdict.failed("quality", "no"),))])
    found = summary.metrics["quality"].criteria
    assert (found["faithfulness"].value, found["clarity"].value, found["clarity"].n) == (5.0, 3.0, 20)
    assert found["faithfulness"].low is not None
    assert found["faithfulness"].low < 5
    held, failed, unknown = check(["quality.faithfulness < 4", "quality.clarity < 3.5 ci", "quality.tone < 3"], summary)
    assert (held.passed, failed.passed, unknown.passed) == (True, False, False)
    assert "lost, faithfulness, clarity." in unknown.sentence
    assert (
        check(["quality.clarity < 1"], summary, may_gate=lambda name: f"{name} may not.")[0].sentence
        == "quality may not."
    )
    assert Summary.from_json(json.loads(json.dumps(summary.to_json()))) == summary


def test_labels_are_counted_and_no_mean_is_made_of_them(make: Make) -> None:
    one = summarise(make("intent", ["refund", "refund", "other"])).metrics["intent"]
    assert (one.labels, one.mean, one.n) == ({"refund": 2, "other": 1}, None, 3)


def test_quantiles_of_nothing_and_of_some() -> None:
    assert quantiles([]).p50 is None
    told = quantiles(float(n) for n in range(1, 101))
    assert (told.n, told.p50, told.p95) == (100, 50.0, 95.0)


def test_a_run_of_nothing() -> None:
    summary = summarise([])
    assert (summary.cases, summary.metrics, summary.cost_nano) == (0, {}, 0)
