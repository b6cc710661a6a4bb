from typing import Any

import pytest
from pydantic import ValidationError

from pilothouse.errors import ConfigError
from pilothouse.guarding import ACTIONS, STAGES, GuardPolicy, GuardsConfig, GuardUse
from pilothouse.snapshot import config_of


def test_a_guard_is_a_name_or_a_name_with_options() -> None:
    policy = GuardPolicy.model_validate({"input": ["pii", {"use": "words", "action": "flag", "words": ["a"]}]})
    assert policy.at("input")[0] == GuardUse(use="pii")
    assert policy.input[1].options == {"words": ["a"]}
    assert policy.at("output") == []
    assert GuardsConfig.model_validate({"default": "strict"}).default == ["strict"]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"output": [{"use": "pii", "action": "rephrase"}]}, "output: 'rephrase' is not done there"),
        ({"input": [{"use": "pii", "action": "rephrase"}]}, "needs a 'rephraser'"),
        ({"input": [{"use": "pii", "action": "burn"}]}, "action"),
        ({"retries": 6}, "retries"),
    ],
    ids=["stage", "rephraser", "unknown", "retries"],
)
def test_what_cannot_be_done_is_refused(policy: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GuardPolicy.model_validate(policy)


def test_every_stage_has_its_actions() -> None:
    assert {*ACTIONS} == {*STAGES}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"guards": {"default": ["strct"], "policies": {"strict": {}}}}, "guards.default.0: no guard policy 'strct'"),
        ({"guards": {"policies": {"strict": {"rephraser": "fast"}}}}, "guards.policies.strict.rephraser: no model"),
        (
            {"models": {"m": {"deployments": [{"provider": "builtin", "model": "echo"}], "guards": ["strict"]}}},
            "models.m.guards.0: no guard policy 'strict'; there are: none",
        ),
    ],
    ids=["default", "rephraser", "alias"],
)
def test_what_a_configuration_names_must_be_there(config: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_of(config)
