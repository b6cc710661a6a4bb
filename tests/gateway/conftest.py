from collections.abc import Callable

import pytest

from pilothouse.call import Call
from pilothouse.gateway import Gateway, Router
from pilothouse.observe import Prices
from pilothouse.protocols import Provider
from pilothouse.snapshot import Config, Snapshot

from .scripted import Recording


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def call(recording: Recording) -> Call:
    return Call(recording)


Make = Callable[..., Gateway]


@pytest.fixture
def make_gateway() -> Make:
    """A gateway over providers by name, with an alias `m` over all of them in this order, each the fallback."""

    def make(**providers: Provider) -> Gateway:
        names = list(providers)
        models = {
            ("m" if i == 0 else name): {
                "deployments": [{"provider": name, "model": f"{name}-model"}],
                "fallbacks": [names[i + 1]] if i + 1 < len(names) else [],
            }
            for i, name in enumerate(names)
        }
        config = Config.model_validate({"providers": {name: {"kind": "openai"} for name in names}, "models": models})
        return Gateway(Router(Snapshot(1, config), providers), Prices())

    return make
