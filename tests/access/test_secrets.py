"""Who may say where the secrets of the machine are sent."""

from typing import Any

import pytest

from pilothouse.access.secrets import demand_same_places
from pilothouse.config import Config
from pilothouse.errors import Forbidden
from pilothouse.principal import Principal, Role

NOW: dict[str, Any] = {
    "openai": {"api_key": "${KEY}", "headers": {"x-org": "${ORG}"}},
    "pool": {"kind": "openai", "base_url": "https://pool/v1", "api_key": "${KEY}"},
    "aws": {"kind": "bedrock", "options": {"region": "eu-west-1"}},
}


def change(providers: dict[str, Any], role: Role = "editor") -> None:
    old, new = (Config.model_validate({"providers": each}) for each in (NOW, providers))
    demand_same_places(Principal("default", "k", role), old, new)


@pytest.mark.parametrize(
    ("provider", "key"),
    [
        ({"kind": "openai", "base_url": "https://evil", "api_key": "${KEY}"}, "api_key"),
        ({"kind": "openai", "base_url": "https://evil", "api_key": "x${KEY}y"}, "api_key"),
        ({"kind": "openai", "base_url": "https://evil", "api_keys": ["mine", "${KEY}"]}, "api_keys.1"),
        ({"kind": "openai", "base_url": "https://evil/${KEY}"}, "base_url"),
        ({"kind": "openai", "base_url": "https://evil", "headers": {"x": "${ORG}"}}, "headers.x"),
        ({"kind": "anthropic", "base_url": "https://pool/v1", "api_key": "${KEY}"}, "api_key"),
        ({"kind": "openai", "base_url": "https://pool/v1", "api_key": "${OTHER}"}, "api_key"),
        ({"kind": "openai", "base_url": "https://pool/v1", "api_key": "${KEY}", "headers": {"host": "e"}}, "api_key"),
        ({"kind": "openai", "api_key": "${KEY}", "options": {"rerank_path": "//evil"}}, "api_key"),
        ({"kind": "bedrock", "base_url": "https://evil", "options": {"region": "eu-west-1"}}, None),
        ({"kind": "bedrock", "options": {"region": "evil/"}}, None),
        ({"kind": "bedrock", "options": {"region": "r", "aws_access_key_id": "mine"}}, None),
    ],
)
def test_only_an_administrator_sends_a_secret_elsewhere(provider: dict[str, Any], key: str | None) -> None:
    with pytest.raises(Forbidden, match="which only an administrator may do") as caught:
        change(NOW | {"new": provider})
    assert caught.value.param == ("providers.new" if key is None else f"providers.new.{key}")
    change(NOW | {"new": provider}, "admin")


def test_what_editors_may_change() -> None:
    change(NOW)
    change({})
    change({"openai": NOW["openai"] | {"kind": "openai", "timeout": 9, "api_keys": ["mine"]}})
    change({"renamed": NOW["pool"] | {"api_key": None, "api_keys": ["${KEY}"]}})
    change(NOW | {"new": {"kind": "openai", "base_url": "https://anywhere", "api_key": "mine"}})
    change({"aws": NOW["aws"] | {"timeout": 9}})
    mine = {"region": "us-east-1", "aws_access_key_id": "mine", "aws_secret_access_key": "mine"}
    change({"aws": {"kind": "bedrock", "base_url": "https://anywhere", "options": mine}})
