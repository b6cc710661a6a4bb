from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pilothouse.guarding import GuardsConfig
from pilothouse.guards.policy import Policies
from pilothouse.guards.registry import GROUP, Guards
from pilothouse.guards.text.length import Length
from pilothouse.guards.text.words import Words
from pilothouse.plugins import Registry

MakePolicies = Callable[[Mapping[str, Any]], Policies]


@pytest.fixture
def guards() -> Guards:
    return Guards(Registry(GROUP, {"length": Length, "words": Words}))


@pytest.fixture
def make(guards: Guards) -> MakePolicies:
    """Policies of a configuration, as its YAML says it."""
    return lambda config: Policies(GuardsConfig.model_validate(config), guards)
