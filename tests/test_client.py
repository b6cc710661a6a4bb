import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.client import AsyncClient, Client, Loop
from pilothouse.errors import NotFound, ProviderError, ProviderUnavailable, Unauthenticated, UnknownModel
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings
from pilothouse.testing import Answer
from pilothouse.testing.openai_server import OpenAIServer


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Embedded]:
    embedded = Embedded(Settings(home=tmp_path_factory.mktemp("home"), models=models_dir))
    yield embedded
    embedded.close()


def test_sync_calls_give_what_was_asked(platform: Embedded) -> None:
    answer = platform.client.chat("builtin/echo", "hello there", temperature=0)
    assert answer.text.strip() == "hello there"
    assert len(answer.trace_id) == 32
    assert len(platform.client.embed("builtin/minilm", ["a", "b"])) == 2
    assert platform.client.request("GET", "/api/rag/corpora") == []


def test_a_stream_can_be_read_whole_or_left(platform: Embedded) -> None:
    words = " ".join(str(n) for n in range(2000))
    assert "".join(chunk.text for chunk in platform.client.stream("builtin/echo", words)).split() == words.split()
    stream = platform.client.stream("builtin/echo", words)
    assert next(stream).text
    stream.close()  # type: ignore[attr-defined]
    assert platform.client.chat("builtin/echo", "and again").text.strip() == "and again"


def test_failures_are_errors_of_the_tree(platform: Embedded) -> None:
    with pytest.raises(UnknownModel) as unknown:
        platform.client.chat("nope", "x")
    assert unknown.value.param == "model"
    with pytest.raises(NotFound):
        platform.client.request("GET", "/api/jobs/none")
    with Client(platform.address, "wrong") as stranger, pytest.raises(Unauthenticated):
        stranger.chat("builtin/echo", "x")
    with Client("http://127.0.0.1:9") as nobody, pytest.raises(ProviderUnavailable, match="cannot be reached"):
        nobody.chat("builtin/echo", "x")


async def test_a_stream_that_fails_midway_raises() -> None:
    async with OpenAIServer() as server, AsyncClient(server.url, "key") as client:
        server.say(Answer(text="some words", fault="error_event"), Answer(text="some words", fault="reset_midway"))
        for kind in (ProviderError, ProviderUnavailable):
            stream = client.stream("wire-model", "x")
            with pytest.raises(kind):
                async for _ in stream:
                    pass
            assert not stream.finished


async def test_what_is_not_json_is_told_as_it_came() -> None:
    async with OpenAIServer() as server, AsyncClient(server.url, "key") as client:
        server.say(Answer(fault="html"))
        with pytest.raises(ProviderError, match="Bad Gateway"):
            await client.chat("wire-model", "x")


def test_the_background_loop_hands_on_results_errors_and_interrupts() -> None:
    loop = Loop()

    async def work(fail: bool) -> int:
        await asyncio.sleep(0)
        if fail:
            raise ValueError("no")
        return 7

    assert loop.run(work(False)) == 7
    with pytest.raises(ValueError, match="no"):
        loop.run(work(True))
    loop.close()
