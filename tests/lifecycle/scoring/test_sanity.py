from typing import Any

import pytest

from pilothouse.config import Config
from pilothouse.lifecycle.scoring.sanity import scoring_concerns

ALIASES: dict[str, Any] = {
    "m": {"deployments": [{"provider": "builtin", "model": "echo"}]},
    "auto": {"strategy": "complexity", "simple": "m", "complex": "m"},
}


def told(**evals: Any) -> list[str]:
    config = Config.model_validate({"models": ALIASES, "evals": evals})
    return [f"{'!' if c.grave else ''}{'.'.join(map(str, c.place))}: {c.text}" for c in scoring_concerns(config)]


def test_sound_rules_raise_none() -> None:
    rule = {"evaluators": ["refusal", {"use": "llm_judge", "model": "m"}, "helpfulness"], "judge": "builtin/echo"}
    assert told(online={"r": rule}) == []
    assert told() == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"evaluators": ["helpfulness"]}, "evals.online.r.evaluators.0: 'helpfulness' needs a 'judge'"),
        ({"evaluators": ["refusal"], "judge": "x"}, "!evals.online.r.judge: no model is called 'x'"),
        ({"evaluators": ["refusl"]}, "!evals.online.r.evaluators: No pilothouse.evaluators named 'refusl'"),
        ({"evaluators": ["refusal"], "share": 0}, "evals.online.r.share: is 0"),
    ],
    ids=["no judge", "judge", "evaluator", "share"],
)
def test_a_rule_that_does_nothing(rule: dict[str, Any], words: str) -> None:
    (concern,) = told(online={"r": rule})
    assert concern.startswith(words)
