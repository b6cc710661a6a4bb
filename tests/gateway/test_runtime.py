"""From one Snapshot to the next: what is kept, what is replaced, and when that is closed."""

from typing import Any

import pytest

from pilothouse.config import Config, ProviderConfig
from pilothouse.errors import ConfigError
from pilothouse.gateway.runtime import Runtime, RuntimeBuilder, make_provider
from pilothouse.snapshot import Snapshot

from .scripted import Scripted


class Closing(Scripted):
    def __init__(self, name: str, settings: ProviderConfig) -> None:
        super().__init__()
        self.name = name
        self.settings = settings
        self.was_closed = False

    async def aclose(self) -> None:
        self.was_closed = True


def config(**urls: str) -> Config:
    models = {name: {"deployments": [{"provider": name, "model": "m"}]} for name in urls}
    providers = {name: {"kind": "openai", "base_url": url} for name, url in urls.items()}
    return Config.model_validate({"providers": providers, "models": models})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def builder(clock: Clock) -> RuntimeBuilder:
    return RuntimeBuilder(Closing, {"builtin": Closing("builtin", ProviderConfig())}, grace=10, clock=clock)


def step(builder: RuntimeBuilder, number: int, wanted: Config) -> Runtime:
    return builder.commit(builder.prepare(wanted), Snapshot(number, wanted))


def test_an_unchanged_provider_goes_on_and_a_changed_one_is_new(builder: RuntimeBuilder) -> None:
    first = step(builder, 1, config(a="http://one", b="http://one"))
    second = step(builder, 2, config(a="http://one", b="http://two"))
    assert second.providers["a"] is first.providers["a"]
    assert second.providers["b"] is not first.providers["b"]
    assert second.providers["builtin"] is first.providers["builtin"]
    assert second.router.version.startswith("2-")
    held = {d.id: d.provider for d in first.router.deployments()}
    assert held["b/m"] is first.providers["b"], "who began with it keeps it"


async def test_what_was_replaced_is_closed_after_the_grace(builder: RuntimeBuilder, clock: Clock) -> None:
    first = step(builder, 1, config(a="http://one", b="http://one"))
    old_b: Any = first.providers["b"]
    step(builder, 2, config(a="http://one", b="http://two"))
    clock.now = 9
    step(builder, 3, config(a="http://one"))
    await builder.sweep()
    assert not old_b.was_closed
    clock.now = 10
    await builder.sweep()
    assert old_b.was_closed
    assert not first.providers["a"].was_closed  # type: ignore[attr-defined]
    await builder.aclose()
    assert first.providers["a"].was_closed  # type: ignore[attr-defined]
    assert first.providers["builtin"].was_closed  # type: ignore[attr-defined]


def test_what_was_only_prepared_changes_nothing(builder: RuntimeBuilder) -> None:
    first = step(builder, 1, config(a="http://one"))
    builder.prepare(config(a="http://other"))
    assert step(builder, 2, config(a="http://one")).providers["a"] is first.providers["a"]


@pytest.mark.parametrize(
    ("name", "settings", "param"),
    [
        ("x", ProviderConfig(kind="opnai"), "providers.x.kind"),
        ("openai", ProviderConfig(api_key="${NOT_SET_ANYWHERE}"), "providers.openai.api_key"),
    ],
)
def test_a_provider_that_cannot_be_made_names_the_key(name: str, settings: ProviderConfig, param: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_provider(name, settings)
    assert caught.value.param == param
    assert caught.value.message.startswith(param)
