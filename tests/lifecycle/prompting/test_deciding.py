"""What is decided of two runs, from outcomes that are made up: each reason by itself, with its figures."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.reports.compare import compare
from pilothouse.evals.reports.gates import check
from pilothouse.evals.reports.summary import summarise
from pilothouse.evals.reports.told import Facts, Told
from pilothouse.lifecycle.prompting.deciding import Decision, decide
from pilothouse.prompting import Protected

PLAN = {"dataset": "d", "evaluators": ["exact"]}
RUN = Facts(id="r", name="p@2")


def outcomes(values: Sequence[Any], **fields: Any) -> list[Outcome]:
    """A case a value: a bool passes or fails, a number is a score, None a verdict that failed, a text an error."""
    found = []
    for place, value in enumerate(values):
        case = Case(id=f"c{place}", input=place, metadata={"must": place == 0}, **fields)
        if isinstance(value, str):
            found.append(Outcome(case=case, error=value))
            continue
        verdict = Verdict.failed("exact", "The judge gave no JSON.")
        if value is not None:
            verdict = Verdict.ok("exact", float(value), passed=value if isinstance(value, bool) else None)
        found.append(Outcome(case=case, verdicts=(verdict,)))
    return found


def decided(before: list[Outcome] | None, after: list[Outcome], gates: Sequence[str] = (), **rule: Any) -> Decision:
    comparison = None if before is None else compare(before, after)
    summary = summarise(after)
    told = Told(
        run=RUN, summary=summary, comparison=comparison, baseline=None if before is None else RUN,
        gates=tuple(check(gates, summary, comparison)),
    )  # fmt: skip
    return decide(Protected(suite=PLAN, **rule), "exact", told, after)


def test_a_version_that_wins_passes_and_one_that_loses_does_not() -> None:
    worse, better = outcomes([True] * 20 + [False] * 20), outcomes([True] * 40)
    won = decided(worse, better)
    assert won.passed
    (difference,) = [one for one in won.differences if one.name == "exact"]
    assert (difference.n, difference.won, difference.lost, difference.difference) == (40, 20, 0, 0.5)
    lost = decided(better, worse)
    assert "1.000 before, 0.500 now over 40 cases" in lost.reasons[0]
    assert "it got worse, and a loss of 0.020 is agreed to" in lost.reasons[0]


def test_an_interval_that_allows_a_loss_says_how_many_cases_would_tell() -> None:
    before, after = outcomes([True] * 38 + [False] * 2), outcomes([False] * 2 + [True] * 38)
    decision = decided(before, after)
    assert "allows a loss of" in decision.reasons[0]
    needed = decision.differences[0].needed
    assert needed is not None
    assert 1900 < needed < 2000  # flips of 10 %: (2.8 / 0.02)^2 * 0.1 = 1960
    assert f"About {needed:,} cases" in decision.reasons[0]
    assert decided(before, after, margin=0.2).passed


@pytest.mark.parametrize("value", [True, 0.7])
def test_cases_that_are_all_the_same_tell_by_their_number(value: Any) -> None:
    few, many = outcomes([value] * 30), outcomes([value] * 200)
    refused = decided(few, few)
    assert refused.differences[0].needed == 189  # Wilson's bound of 0 of 189 is 0.02
    assert "About 189 cases" in refused.reasons[0]
    assert decided(many, many).passed


def test_few_scores_tell_nothing() -> None:
    before, after = outcomes([0.5, 0.6, 0.4, 0.3]), outcomes([0.9, 0.8, 0.7, 0.9])
    assert "Too few cases" in decided(before, after).reasons[0]
    assert decided(before * 1, after, margin=0.0).reasons[0].endswith("agree to a small one.")


def test_what_must_pass_got_an_answer_and_was_judged() -> None:
    good = outcomes([True] * 40)
    failing = decided(good, outcomes([False] + [True] * 39), margin=0.5, must_pass="metadata.must")
    assert failing.reasons == ("1 of 1 cases that must pass fail: 'c0'.",)
    assert decided(good, good, margin=0.5, must_pass=["c1", "metadata.must"]).passed
    assert "No case has the id 'gone'" in decided(good, good, margin=0.5, must_pass="gone").reasons[0]
    scores = outcomes([0.5] * 40)
    assert "Add one with pass or fail" in decided(scores, scores, margin=0.5, must_pass="c0").reasons[0]
    broken = decided(good, outcomes(["No answer came."] + [True] * 39), margin=0.5, must_pass="c0")
    assert broken.reasons == (
        "1 of 40 cases got no answer: No answer came.", "1 of 1 cases that must pass fail: 'c0'.",
    )  # fmt: skip
    untold = decided(good, outcomes([None] + [True] * 39), margin=0.5)
    assert untold.reasons == ("'exact' could not judge 1 of 40 answers: The judge gave no JSON.",)


def test_cost_and_latency_may_grow_by_so_much() -> None:
    limits: dict[str, Any] = {"margin": 0.5, "cost_rise": 0.1, "latency_rise": 0.2}
    before = outcomes([True] * 20, cost_nano=1_000_000, latency_s=1.0)
    assert decided(before, outcomes([True] * 20, cost_nano=1_100_000, latency_s=1.2), **limits).passed
    dear = decided(before, outcomes([True] * 20, cost_nano=1_200_000, latency_s=1.5), **limits)
    assert dear.reasons == (
        "The cost of a case was $0.001000, and is $0.001200 now (+20.0%): more than 10.0% is not agreed to.",
        "The latency of a case was 1.000 s, and is 1.500 s now (+50.0%): more than 20.0% is not agreed to.",
    )
    unknown = decided(before, outcomes([True] * 20, latency_s=1.0), **limits)
    assert unknown.reasons == ("The cost could not be compared: no case has one in both runs that is known.",)


def test_a_first_version_is_judged_by_its_own_cases_and_gates() -> None:
    good = outcomes([True] * 3)
    assert decided(None, good, must_pass="c0").passed
    assert decided(None, good, gates=["exact < 0.9"]).passed
    refused = decided(None, outcomes([False] * 3), gates=["exact < 0.9"])
    assert refused.reasons == ("exact < 0.9: exact is 0.000 (0.000 to 0.561): below 0.900.",)


def test_a_run_that_did_not_end_and_a_judge_that_may_not_decide() -> None:
    good = outcomes([True] * 3)
    told = Told(
        run=msgspec.structs.replace(RUN, status="stopped", error="Its money was spent."), summary=summarise(good)
    )
    rule = Protected(suite=PLAN)
    stopped = decide(rule, "exact", told, good, lambda name: f"The judge of '{name}' has no card.")
    assert stopped.reasons == (
        "The run is stopped, with 0 of 0 outcomes: Its money was spent. Evaluate again.",
        "The judge of 'exact' has no card.",
    )
    trusted = decide(Protected(suite=PLAN, unvalidated=True), "exact", told, good, lambda name: "no card")
    assert len(trusted.reasons) == 1


def test_a_first_version_that_nothing_was_said_of_does_not_pass() -> None:
    silent = [Outcome(case=Case(id=f"c{n}", input=n)) for n in range(3)]
    assert decided(None, silent).reasons == ("'exact' could judge no case: see whether the cases have what it needs.",)


def test_of_a_first_version_most_pass_where_nothing_else_is_said() -> None:
    few = outcomes([True] * 2 + [False] * 3)
    assert decided(None, few).reasons[0].startswith("'exact' passes 40.0% of 5 cases. Of a first version most must")
    assert "say what fails it in the suite's 'gates', as 'exact.pass < 30%'" in decided(None, few).reasons[0]
    assert decided(None, outcomes([True] * 2 + [False] * 2)).passed
    assert decided(None, few, gates=["exact.pass < 30%"]).passed
    assert decided(None, few, must_pass="c0").passed
    assert decided(None, outcomes([0.0] * 3)).reasons[0].startswith("'exact' is 0 in all 3 cases.")
    assert decided(None, outcomes([0.0, 0.1])).passed
