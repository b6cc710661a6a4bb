from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import pytest_asyncio

from pilothouse.settings import Settings
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer

from .batching import House, serving


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def standing_settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`settings` of one home for the tests of a module that leave nothing behind."""
    with ExitStack() as stack:
        lent = request.getfixturevalue("_lent").one if request.param == "postgres" else None
        url = stack.enter_context(lent()) if lent else None
        yield Settings(home=tmp_path_factory.mktemp("standing") / "home", database_url=url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(standing_settings: Any, models_dir: Any) -> AsyncIterator[House]:
    """A house for the tests of a module that are refused: they share it, and mark themselves with its loop."""
    async with (
        OpenAIServer() as upstream,
        AnthropicServer() as claude,
        serving(standing_settings, models_dir, upstream, claude) as house,
    ):
        yield house
