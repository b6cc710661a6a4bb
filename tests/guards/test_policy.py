from typing import Any

import pytest

from pilothouse.errors import ConfigError
from tests.guards.conftest import MakePolicies

_WORDS = {"use": "words", "words": ["acme"]}


def _config(**policy: Any) -> dict[str, Any]:
    return {"policies": {"strict": policy}}


def test_policies_of_default_key_and_alias_hold_together_each_once(make: MakePolicies) -> None:
    policies = make({"policies": {"a": {"input": [_WORDS]}, "b": {"output": [{"use": "length", "at_most": 9}]}},
                     "default": "a"})  # fmt: skip
    assert [one.policy for one in policies.of().placed] == ["a"]
    both = policies.of(["b"], ("a", "b"))
    assert [one.policy for one in both.placed] == ["a", "b"]
    assert [one.guard.name for one in both.at("output")] == ["length"]
    assert both is policies.of(["b"])


def test_the_version_of_a_policy_is_its_content(make: MakePolicies) -> None:
    first, same, other = (
        make(_config(input=[{**_WORDS, "action": action}])).of(["strict"]).version
        for action in ("block", "block", "flag")
    )
    assert first == same != other
    assert first.startswith("strict@")
    assert make({}).of().version == ""


@pytest.mark.parametrize(
    ("policy", "param", "message"),
    [
        ({"input": [{"use": "words", "words": []}]}, "guards.policies.strict.input.0.words", "is empty"),
        ({"output": [_WORDS, {"use": "length", "atmost": 1}]}, "guards.policies.strict.output.1.atmost", "at_most"),
        ({"input": ["nothing"]}, "guards.policies.strict.input.0", "named 'nothing'"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(
    make: MakePolicies, policy: dict[str, Any], param: str, message: str
) -> None:  # fmt: skip
    with pytest.raises(ConfigError, match=message) as caught:
        make(_config(**policy))
    assert caught.value.param == param
    assert caught.value.message.startswith(f"{param}: ")


def test_a_policy_that_is_not_there_is_told(make: MakePolicies) -> None:
    with pytest.raises(ConfigError, match=r"no guard policy 'loose'. There are: strict"):
        make(_config(input=[_WORDS])).of(["loose"])
