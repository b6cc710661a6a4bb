from importlib.metadata import EntryPoint

import pytest

from pilothouse.errors import ConfigError, MissingExtra
from pilothouse.plugins import Registry


def test_built_ins_come_in_by_entry_points() -> None:
    registry = Registry("pilothouse.providers")
    assert {"openai", "anthropic", "google", "bedrock", "cohere", "builtin"} <= set(registry.names())
    assert registry.get("openai").__name__ == "OpenAIProvider"


def test_an_unknown_name_tells_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'openai'"):
        Registry("pilothouse.providers").get("opnai")


def test_a_plugin_that_fails_is_named_and_hurts_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "no_such_module:Thing", "pilothouse.providers")
    good = EntryPoint("good", "json:loads", "pilothouse.providers")
    monkeypatch.setattr("pilothouse.plugins.entry_points", lambda group: [broken, good])
    registry = Registry("pilothouse.providers")
    with pytest.raises(ConfigError, match=r"plugin 'broken' \(no_such_module:Thing\) does not import"):
        registry.get("broken")
    assert registry.get("good")("[1]") == [1]


def test_a_missing_extra_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: EntryPoint) -> None:
        raise MissingExtra("Bedrock", "bedrock")

    monkeypatch.setattr(EntryPoint, "load", refuse)
    with pytest.raises(MissingExtra, match="bedrock"):
        Registry("pilothouse.providers").get("openai")


def test_objects_can_be_handed_in() -> None:
    registry = Registry("pilothouse.tasks", {"mine": 7})
    assert registry.get("mine") == 7
    assert "mine" in registry.names()
