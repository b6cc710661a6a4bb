"""A gateway under another configuration."""

import asyncio
from contextlib import aclosing

import pytest

from pilothouse.app import Platform
from pilothouse.call import Call
from pilothouse.config import Config
from pilothouse.errors import ConfigError
from pilothouse.lifecycle.diff.beside import Beside
from pilothouse.types import ChatRequest

OTHER = Config.model_validate({
    "models": {"new": {"deployments": [{"provider": "builtin", "model": "echo"}]}},
    "prices": [{"provider": "x", "model": "m", "input": 1, "output": 2}],
})  # fmt: skip


def test_it_answers_by_its_own_models_and_records_which_configuration_that_was(platform: Platform) -> None:
    async def ask() -> None:
        beside = Beside(platform, OTHER, 7)
        try:
            request = ChatRequest.check({"model": "new", "messages": [{"role": "user", "content": "hello"}]})
            async with aclosing(beside.gateway.chat(request, Call(platform.recorder))) as chunks:
                assert [chunk.data["choices"][0]["message"]["content"] async for chunk in chunks] == ["hello"]
        finally:
            await beside.aclose()

    serving = platform.gateway.runtime
    platform.run(ask())
    assert platform.gateway.runtime is serving
    assert "new" not in platform.snapshot.config.models
    platform.drainer.flush()
    (row,) = platform.traces.list("default", 5).rows
    trace = platform.traces.get(row.trace_id)
    assert trace.root.versions["snapshot"].startswith("7-")


def test_a_configuration_that_could_not_serve_is_refused(platform: Platform) -> None:
    config = Config.model_validate({"providers": {"p": {"kind": "nobody"}}})

    async def make() -> None:
        Beside(platform, config)

    with pytest.raises(ConfigError, match=r"providers\.p\.kind"):
        asyncio.run(make())
