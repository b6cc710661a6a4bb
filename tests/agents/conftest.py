from collections.abc import Callable

import pytest

from pilothouse.agents.scripted import Scripted


@pytest.fixture
def scripted() -> Callable[..., Scripted]:
    """A model that gives these answers in order."""
    return lambda *answers, cost_nano=0: Scripted(answers, cost_nano)
