"""What the mark takes."""

from typing import Any

import pytest

from pilothouse.evals.cards.planned import planned
from pilothouse.evals.judges.rubric import LlmJudge
from pilothouse.evals.registry import Evaluators
from pilothouse.evals.rules.matching import ExactMatch
from pilothouse.pytest_plugin.marks import EvalMark, PassRate, evaluators_of, mark_of, used

from ..evals.test_every_evaluator import OPTIONS


def marked(*args: Any, **given: Any) -> EvalMark:
    return mark_of(pytest.mark.eval(*args, **given).mark)


def test_its_arguments() -> None:
    mark = marked(trials=20, pass_rate="0.8 ci", evaluators=["exact"], judge="gpt", suite="faq", data="cases.jsonl")
    assert (mark.trials, mark.pass_rate, mark.judge, mark.suite) == (20, PassRate(0.8, True), "gpt", "faq")
    assert mark.to_json() == {"trials": 20, "evaluators": ["exact"], "pass_rate": "0.8 ci", "judge": "gpt"}
    assert mark_of(None) == EvalMark() == marked()
    assert marked(trials=5).pass_rate == PassRate(1.0)
    assert marked(trials=5, pass_rate="ci").pass_rate == PassRate(0.5, True)


@pytest.mark.parametrize(
    ("rate", "passed", "trials", "holds"),
    [
        (PassRate(0.8), 4, 5, True),
        (PassRate(0.8), 3, 5, False),
        (PassRate(0.5, True), 4, 5, False),  # Wilson: 0.376
        (PassRate(0.5, True), 5, 5, True),  # 0.566
        (PassRate(0.8, True), 16, 16, True),
        (PassRate(0.8, True), 15, 15, False),
        (PassRate(0.8), 0, 0, False),
    ],
    ids=range(7),
)
def test_a_rate_holds(rate: PassRate, passed: int, trials: int, holds: bool) -> None:
    assert rate.holds(passed, trials) is holds


def test_evaluators_by_name_by_options_or_made() -> None:
    made = evaluators_of(["exact", {"use": "length", "maximum": 9, "name": "short"}, ExactMatch(name="mine")])
    assert [one.name for one in made] == ["exact", "short", "mine"]
    assert evaluators_of("exact") == evaluators_of({"use": "exact"}) == evaluators_of(ExactMatch()) == (ExactMatch(),)


def test_evaluators_are_told_as_a_suite_names_them() -> None:
    """So that a judge's card is found, whose gate a run of tests may be."""
    made = evaluators_of(["exact", {"use": "length", "maximum": 9, "name": "short"}, LlmJudge(passing=0.5)])
    told = [used(one, "gpt") for one in made]
    assert told == [
        {"use": "exact"}, {"use": "length", "maximum": 9, "name": "short"},
        {"use": "llm_judge", "passing": 0.5, "model": "gpt"},
    ]  # fmt: skip
    found = planned({"suite": {"evaluators": told}})
    assert (found["llm_judge"].judge.model, found["llm_judge"].judged, found["exact"].judged) == ("gpt", True, False)


def test_what_is_told_makes_the_same_evaluator_again() -> None:
    known = Evaluators()
    for name in known.names():
        for options in OPTIONS.get(name, [{}]):
            one = known.from_config(name, options)
            assert evaluators_of([used(one)]) == (one,)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"trails": 5}, "takes trials, pass_rate, evaluators, judge, suite, data: 'trails' is none of them"),
    ({"trials": 0}, "trials is a number from 1 to 1000, not 0"),
    ({"trials": True}, "trials is a number"),
    ({"pass_rate": 0.8}, "give 'trials', too"),
    ({"trials": 5, "pass_rate": 80}, "a share as 0.8, or '0.8 ci', not 80"),
    ({"trials": 5, "pass_rate": "most"}, "not 'most'"),
    ({"trials": 5, "pass_rate": ""}, "not ''"),
    ({"trials": 5, "pass_rate": "0.8 ci"}, "5 trials can not show a pass_rate of '0.8 ci': it takes 16 at least"),
    ({"trials": 5, "pass_rate": "1 ci"}, "no number of them could"),
    ({"evaluators": ["exakt"]}, "exact"),
    ({"evaluators": [{"use": "length", "maximum": "many"}]}, "length.maximum"),
    ({"evaluators": [{"name": "x"}]}, "'use' must name an evaluator"),
    ({"evaluators": ["exact", "exact"]}, "Two evaluators are named 'exact'"),
    ({"evaluators": 7}, "are a list of names"),
    ({"evaluators": [7]}, "7 is no evaluator"),
    ({"judge": ""}, "judge is a name"),
    ({"suite": 3}, "suite is a name"),
]


@pytest.mark.parametrize(("given", "told"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(pytest.UsageError) as caught:
        marked(**given)
    assert told in str(caught.value)


def test_arguments_have_names() -> None:
    with pytest.raises(pytest.UsageError, match="they have names"):
        marked(5)
