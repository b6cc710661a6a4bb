"""Who judges in a run, from its plan."""

from pilothouse.config import Config
from pilothouse.evals.cards.planned import named_by, planned

from .kept import PLAN

CONFIG = Config.model_validate({
    "providers": {"openai": {"api_key": "k"}},
    "models": {
        "default": {"deployments": [{"provider": "openai", "model": "gpt-4o"}]},
        "cheap": {"deployments": [{"provider": "openai", "model": "gpt-4o-mini"}]},
        "auto": {"strategy": "complexity", "simple": "cheap", "complex": "default"},
    },
})  # fmt: skip


def test_evaluators_of_a_plan() -> None:
    found = planned(PLAN)
    assert list(found) == ["exact", "quality", "pairwise"]
    assert (found["exact"].judge.model, found["exact"].judged) == ("", False)
    assert (found["quality"].judge.model, found["quality"].criteria) == ("gpt-4o", ("clarity",))
    assert (found["pairwise"].against, found["quality"].against) == ("baseline", None)
    assert planned({}) == {}
    assert planned({"suite": PLAN, "lower_is_better": []}) == found
    assert list(planned({"evaluators": ["exact", {"use": "helpfulness", "model": "m"}]})) == ["exact", "helpfulness"]


def test_a_judge_is_the_same_whatever_a_suite_calls_it() -> None:
    one, other, third, jury = planned({"judge": "m", "evaluators": [
        {"use": "helpfulness"}, {"use": "helpfulness", "name": "useful", "model": "m"},
        {"use": "helpfulness", "name": "strict", "passing": 0.9}, {"use": "jury", "models": ["a", "b"]},
    ]}).values()  # fmt: skip
    assert (one.judge.model, one.judge.options) == (other.judge.model, other.judge.options)
    assert third.judge.options != one.judge.options
    assert jury.judge.model == "a, b"


def test_an_alias_is_named_with_what_it_stands_for() -> None:
    named = named_by(CONFIG)
    assert [named(name) for name in ("default", "auto", "openai/gpt-4o")] == [
        "default (openai/gpt-4o)", "auto (cheap, default)", "openai/gpt-4o",
    ]  # fmt: skip
    jury = planned({"evaluators": [{"use": "jury", "models": ["default", "cheap"]}]}, named)["jury"]
    assert jury.judge.model == "default (openai/gpt-4o), cheap (openai/gpt-4o-mini)"
