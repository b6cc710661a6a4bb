from typing import Any

import pytest

from pilothouse.config import Config
from pilothouse.lifecycle.scoring.sanity import scoring_concerns

PROVIDERS = {"pool": {"kind": "openai", "base_url": "http://10.0.0.5/v1"}}
ALIASES: dict[str, Any] = {
    "m": {"deployments": [{"provider": "builtin", "model": "echo"}]},
    "auto": {"strategy": "complexity", "simple": "m", "complex": "m"},
}


def told(**evals: Any) -> list[str]:
    config = Config.model_validate({"providers": PROVIDERS, "models": ALIASES, "evals": evals})
    return [f"{'!' if c.grave else ''}{'.'.join(map(str, c.place))}: {c.text}" for c in scoring_concerns(config)]


def test_sound_rules_raise_none() -> None:
    rule = {"evaluators": ["refusal", {"use": "llm_judge", "model": "m"}, "helpfulness"], "judge": "builtin/echo"}
    asks = {"models": ["m", "builtin/echo"], "prompts": ["Who?"], "schedule": "30 6 * * mon"}
    assert told(online={"r": rule}, sentinel=asks) == []
    assert told() == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"evaluators": ["helpfulness"]}, "evals.online.r.evaluators.0: 'helpfulness' needs a 'judge'"),
        ({"evaluators": ["refusal"], "judge": "x"}, "!evals.online.r.judge: no model is called 'x'"),
        ({"evaluators": ["refusal"], "judge": "pool/x"}, "!evals.online.r.judge: pool/x has no known price"),
        ({"evaluators": ["refusl"]}, "!evals.online.r.evaluators: No pilothouse.evaluators named 'refusl'"),
        ({"evaluators": ["refusal"], "share": 0}, "evals.online.r.share: is 0"),
    ],
    ids=["no judge", "judge", "price", "evaluator", "share"],
)
def test_a_rule_that_does_nothing(rule: dict[str, Any], words: str) -> None:
    (concern,) = told(online={"r": rule})
    assert concern.startswith(words)


@pytest.mark.parametrize(
    ("asks", "words"),
    [
        ({"models": ["x"]}, "!evals.sentinel.models.0: no model is called 'x'"),
        ({"models": ["pool/x"]}, "!evals.sentinel.models.0: pool/x has no known price"),
        ({"models": ["auto"]}, "evals.sentinel.models.0: 'auto' has no deployments"),
        ({"models": ["m"], "schedule": "hourly"}, "!evals.sentinel.schedule: 'hourly' is no cron expression"),
    ],
    ids=["model", "price", "no deployments", "schedule"],
)
def test_a_sentinel_that_asks_nobody(asks: dict[str, Any], words: str) -> None:
    (concern,) = told(sentinel={"prompts": ["Who?"], **asks})
    assert concern.startswith(words)
