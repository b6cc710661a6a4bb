"""What people see of configurations: no secrets, and what differs."""

from typing import Any

import pytest

from pilothouse.config import Config
from pilothouse.errors import ConfigError
from pilothouse.storage.configs import differences, hidden, revealed

SECRET: dict[str, Any] = {
    "providers": {
        "openai": {"api_key": "sk-1", "api_keys": ["sk-2", "${KEY_3}"], "headers": {"x-team": "blue"}},
        "azure": {"api_key": "${AZURE_KEY}", "headers": {"authorization": "Bearer ${TOKEN}"}},
        "pool": {
            "kind": "openai",
            "base_url": "https://me:pass@pool/v1",
            "options": {"region": "eu", "auth": {"client_secret": "s", "keys": ["k"]}},
        },
    }
}


def config(**fields: Any) -> Config:
    return Config.model_validate(fields)


def test_secrets_are_hidden_and_references_are_not() -> None:
    shown = hidden(config(**SECRET))["providers"]
    assert shown["openai"] == {
        "api_key": "(hidden)",
        "api_keys": ["(hidden)", "${KEY_3}"],
        "headers": {"x-team": "(hidden)"},
    }
    assert shown["azure"] == {"api_key": "${AZURE_KEY}", "headers": {"authorization": "Bearer ${TOKEN}"}}
    assert shown["pool"]["base_url"] == "https://(hidden)@pool/v1"
    assert shown["pool"]["options"] == {"region": "eu", "auth": {"client_secret": "(hidden)", "keys": ["(hidden)"]}}


def test_what_was_shown_can_be_sent_back() -> None:
    current = config(**SECRET)
    assert Config.model_validate(revealed(hidden(current), current)) == current
    with pytest.raises(ConfigError, match=r"providers\.new\.api_key: no secret is kept there"):
        revealed({"providers": {"new": {"api_key": "(hidden)"}}}, current)
    with pytest.raises(ConfigError, match="no secret is kept there"):
        revealed({"providers": {"pool": {"base_url": "https://(hidden)@elsewhere/v1"}}}, current)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("base_url", "https://elsewhere/v1"),
        ("base_url", None),
        ("kind", "anthropic"),
        ("headers", {"x-team": "(hidden)", "host": "elsewhere"}),
        ("headers", {"x-team": "red"}),
        ("options", {"control_url": "https://elsewhere"}),
    ],
)
def test_a_hidden_secret_goes_nowhere_else(key: str, value: Any) -> None:
    provider = {"kind": "openai", "base_url": "https://pool/v1", "api_key": "sk-1", "headers": {"x-team": "blue"}}
    current = config(providers={"pool": provider})
    given = hidden(current)
    given["providers"]["pool"][key] = value
    with pytest.raises(ConfigError, match=rf"only where '{key}' of its provider stays as it is") as caught:
        revealed(given, current)
    assert caught.value.param in ("providers.pool.api_key", "providers.pool.headers.x-team")
    given["providers"]["pool"] |= {"api_key": "sk-2", "headers": {}}
    assert revealed(given, current)["providers"]["pool"]["api_key"] == "sk-2"


def test_a_secret_stays_where_nothing_but_its_limits_changed() -> None:
    current = config(providers={"openai": {"api_key": "sk-1", "headers": {"x-team": "blue"}, "timeout": 3}})
    given = {"api_key": "(hidden)", "kind": "openai", "headers": {"x-team": "blue"}, "base_url": None, "timeout": 9}
    assert revealed({"providers": {"openai": given}}, current)["providers"]["openai"]["api_key"] == "sk-1"


def test_differences_name_keys_and_tell_no_secret() -> None:
    old = config(
        providers={"openai": {"api_key": "sk-1"}},
        models={
            "smart": {
                "deployments": [{"provider": "openai", "model": "a"}, {"provider": "openai", "model": "b", "weight": 2}]
            },
            "gone": {"deployments": [{"provider": "openai", "model": "a"}]},
        },
    )
    new = config(
        providers={"openai": {"api_key": "sk-2", "timeout": 5}},
        models={
            "smart": {
                "deployments": [
                    {"provider": "openai", "model": "b", "weight": 3},
                    {"provider": "openai", "model": "a"},
                ],
                "fallbacks": ["smart"],
            }
        },
    )
    assert [str(d) for d in differences(old, new)] == [
        "models.gone.deployments.openai/a.model: a -> (not set)",
        "models.gone.deployments.openai/a.provider: openai -> (not set)",
        "models.smart.deployments.openai/b.weight: 2.0 -> 3.0",
        "models.smart.fallbacks.any: (not set) -> ['smart']",
        "providers.openai.api_key: (hidden) -> (hidden)",
        "providers.openai.timeout: (not set) -> 5.0",
    ]
    assert differences(new, new) == []
    assert differences(None, config(rag={"top_k": 3})) == differences(Config(), config(rag={"top_k": 3}))
