from collections.abc import Callable
from typing import Any

import pytest

from pilothouse.access.audit import Actor
from pilothouse.prompts.content import content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import Version
from pilothouse.storage import Store

ANA = Actor("key-ana (Ana)", "api")
Make = Callable[..., Version]


@pytest.fixture
def prompts(store: Store) -> Prompts:
    return Prompts(store.control)


@pytest.fixture
def make(prompts: Prompts) -> Make:
    """Makes a version of this template."""

    def made(name: str, template: Any = "x", **more: Any) -> Version:
        said = {name: more.pop(name) for name in ("syntax", "variables") if name in more}
        content = content_of({"template": template, **said})
        return prompts.create("default", name, content, by=ANA, **more)

    return made
