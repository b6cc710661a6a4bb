"""Conditions that fail a run."""

import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.errors import ConfigError
from pilothouse.evals.reports.compare import compare
from pilothouse.evals.reports.gates import GateResult, check, parse
from pilothouse.evals.reports.summary import summarise
from tests.evals.reports.conftest import Make


def one(text: str, outcomes: list[Outcome], before: list[Outcome] | None = None, trials: int = 1) -> GateResult:
    lower = {"latency", "ter"}
    comparison = None if before is None else compare(before, outcomes, lower_is_better=lower)
    return check([text], summarise(outcomes, trials=trials, lower_is_better=lower), comparison)[0]


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("exact < 0.7", True), ("exact < 0.8", False), ("exact < 80%", False), ("exact <= 0.75", False),
        ("exact>=0.75", False), ("exact > 0.75", True), ("exact.mean < .7", True), ("exact.pass < 90%", False),
        ("exact < 0.7 ci", False), ("exact < 0.5 ci", True), ("exact < 0.8 sure", True), ("exact < 0.95 sure", False),
        ("exact > 0.8 ci", False), ("exact > 0.95 ci", True), ("exact > 0.5 sure", False), ("exact > 0.7 sure", True),
        ("cases < 40", True), ("cases < 41", False), ("errors > 0", True), ("failed > 0%", True), ("flaky > 0", True),
        ("exact.failed > 0", True), ("exact.skipped > 5%", True), ("failed > 5% ci", False), ("failed > 20% ci", True),
    ],
)  # fmt: skip
def test_a_condition_fails_the_run_where_it_holds(make: Make, text: str, passed: bool) -> None:
    assert one(text, make("exact", [True] * 30 + [False] * 10)).passed is passed


def test_the_sentence_has_the_figures(make: Make) -> None:
    outcomes = make("exact", [True] * 30 + [False] * 10)
    assert one("exact < 0.8", outcomes).sentence == "exact is 0.750 (0.598 to 0.858): below 0.800."
    assert one("exact < 0.7 ci", outcomes).sentence == (
        "exact is 0.750 (0.598 to 0.858, 40 cases): it may be below 0.700."
    )
    assert one("exact < 0.5 ci", outcomes).sentence == (
        "exact is 0.750 (0.598 to 0.858, 40 cases): surely not below 0.500."
    )
    assert one("exact < 0.8 sure", outcomes).sentence == (
        "exact is 0.750 (0.598 to 0.858, 40 cases): not surely below 0.800."
    )
    assert one("errors > 0", outcomes).sentence == "errors is 0.000: not above 0.000."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("quality < 0.5", "quality has no score: 2 verdicts failed and 1 were skipped, most often: The judge gave no"),
        ("quality.pass < 0.5", "says no pass or fail"),
        ("speed < 0.5", "no evaluator 'speed' said anything in this run; there are: quality."),
        ("quality.best < 0.5", "has no part 'best'"),
        ("quality.pass@3 < 0.5", "has no pass@3"),
        ("quality drop > 0.02", "there is no run to compare with"),
        ("cost rise > 10%", "there is no run to compare with"),
        ("latency.p95 > 3", "no answer has a latency"),
        ("cost > 1", "the cost of 3 answers or verdicts is not known; what is known is 0.0000 USD"),
    ],
)
def test_what_cannot_be_told_fails_and_says_why(make: Make, text: str, why: str) -> None:
    told = one(text, make("quality", [None, None, "skip"]))
    assert not told.passed
    assert told.sentence.startswith("It cannot be told: ")
    assert why in told.sentence


def test_a_mean_without_an_interval_does_not_pass_a_gate_that_asks_for_one(make: Make) -> None:
    told = one("seconds > 9 ci", make("seconds", [5.0, 5.0, 5.0]))
    assert not told.passed
    assert "without an interval: all 3 values are equal" in told.sentence


def test_worse_than_the_baseline_by_more_than_allowed(make: Make) -> None:
    before, after = make("exact", [True] * 60), make("exact", [True] * 54 + [False] * 6)
    assert not one("exact drop > 0.02", after, before).passed
    assert one("exact drop > 0.15", after, before).passed
    assert not one("exact drop > 0.15 ci", after, before).passed  # up to 0.20
    assert one("exact drop > 0.3 ci", after, before).passed
    assert one("exact drop > 0.09 sure", after, before).passed
    assert not one("exact drop > 0 sure", after, before).passed
    assert not one("exact.pass drop > 2%", after, before).passed
    assert not one("exact.lost > 5", after, before).passed
    assert one("exact.lost > 6", after, before).passed
    assert "the drop of exact is 0.100" in one("exact drop > 0.02", after, before).sentence
    assert not one("exact rise < 0", after, before).passed
    assert not one("exact drop > 0", after, make("other", [True])).passed


def test_a_drop_is_for_the_worse_also_where_less_is_better(make: Make) -> None:
    slow, fast = make("ter", [0.4] * 10 + [0.5] * 10), make("ter", [0.2] * 10 + [0.5] * 10)
    assert not one("ter drop > 0.05", slow, fast).passed
    assert one("ter drop > 0.05", fast, slow).passed
    assert "0.100" in one("ter drop > 0.05", slow, fast).sentence


def test_trials(make: Make) -> None:
    outcomes = make("exact", [[True, False]] * 10 + [[True, True]] * 10)
    assert one("exact.pass@2 < 1", outcomes, trials=2).passed
    assert not one("exact.pass^2 < 0.6", outcomes, trials=2).passed
    assert not one("flaky > 25%", outcomes, trials=2).passed


def test_cost_and_time_of_the_whole_run_and_against_the_baseline() -> None:
    def run(nano: int, seconds: float) -> list[Outcome]:
        return [
            Outcome(
                case=Case(id=str(n), input="q", cost_nano=nano, latency_s=seconds + n),
                verdicts=(Verdict.ok("cost", 5.0),),
            )
            for n in range(10)
        ]

    before, after = run(100_000_000, 1.0), run(150_000_000, 2.0)
    assert not one("cost > 1.4", after).passed  # the whole run, not the evaluator of that name
    assert one("cost > 1.5", after).passed
    assert one("cost.mean > 5", after).passed
    assert not one("latency.p95 > 10", after).passed
    assert not one("latency.p50 > 5.9", after).passed
    assert not one("cost rise > 40%", after, before).passed
    assert one("cost rise > 50%", after, before).passed
    assert not one("latency.p50 rise > 0.5", after, before).passed
    assert one("cost drop > 0", after, before).passed


def test_a_judge_that_is_not_validated_decides_nothing_unless_allowed(make: Make) -> None:
    outcomes = make("quality", [0.9, 0.8, 0.95])
    asked: list[str] = []

    def may_gate(name: str) -> str | None:
        asked.append(name)
        return f"The judge '{name}' agrees too little with people."

    told = check(
        ["quality < 0.5", "errors > 0", "quality < 0.5 unvalidated ok"], summarise(outcomes), may_gate=may_gate
    )
    assert [one.passed for one in told] == [False, True, True]
    assert told[0].sentence == "The judge 'quality' agrees too little with people."
    assert asked == ["quality"]


@pytest.mark.parametrize(
    "text", ["", "exact", "exact = 1", "exact < ", "exact < many", "< 0.5", "exact < 0.8 perhaps", "exact < 0.8 < 1"]
)
def test_what_is_no_gate_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no gate\. Write it as"):
        parse(text)


def test_names_with_dots_and_spaces(make: Make) -> None:
    outcomes = make("tone of voice.v2", [True, True, False])
    assert not one("tone of voice.v2 < 0.9", outcomes).passed
    assert not one("tone of voice.v2.pass < 0.9", outcomes).passed
