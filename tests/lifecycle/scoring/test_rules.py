import pytest

from pilothouse.errors import ConfigError
from pilothouse.lifecycle.scoring.rules import Pace, Rules, check_online, made
from pilothouse.scoring import EvalsConfig, EvaluatorUse


def config(*evaluators: object, **rule: object) -> EvalsConfig:
    return EvalsConfig.model_validate({"online": {"r": {"evaluators": list(evaluators), "share": 1, **rule}}})


def test_evaluators_with_options_and_names_of_their_own() -> None:
    uses = [EvaluatorUse.model_validate(one) for one in ("refusal", {"use": "regex", "name": "polite", "pattern": "x"})]
    assert [one.name for one in made(uses, "here")] == ["refusal", "polite"]


@pytest.mark.parametrize(
    ("evaluators", "words"),
    [(["refusl"], "refusal"), ([{"use": "regex"}], "regex.pattern: is missing"), (["refusal"] * 2, "is there twice")],
)
def test_what_cannot_be_made_is_named_by_its_key(evaluators: list[object], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        check_online(config(*evaluators))
    assert (caught.value.param or "").startswith("evals.online.r.evaluators.")


def test_a_rule_keeps_what_was_learnt_of_it_until_it_is_another() -> None:
    now = [config("refusal")]
    rules = Rules(lambda: now[0], lambda: 0)
    (one,) = rules.ready()
    one.spent_day = 7
    assert rules.ready()[0] is one
    now[0] = config("refusal", usd_per_day=5)
    assert rules.ready()[0].spent_day == -1
    for off in ({"enabled": False}, {"share": 0}):
        now[0] = config("refusal", **off)
        assert rules.on() == {}
        assert rules.ready() == []


def test_a_pace_gives_a_minutes_worth_at_once_and_then_fills_again() -> None:
    now = [0]
    pace = Pace(60, lambda: now[0])
    assert pace.left == 60
    for _ in range(60):
        pace.take()
    assert pace.left == 0
    now[0] += 2_500_000
    assert pace.left == 2
    now[0] += 3_600_000_000
    assert pace.left == 60
