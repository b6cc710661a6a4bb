import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.background import Loop
from pilothouse.client import AsyncClient, Client, Outcome
from pilothouse.errors import (
    InvalidRequest,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    Unauthenticated,
    UnknownModel,
)
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings
from pilothouse.testing import Answer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import ChatResponse


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


def joined(outcomes: list[Outcome]) -> str:
    return "+".join(outcome.text for outcome in outcomes if isinstance(outcome, ChatResponse))


def test_independent_prompts_are_asked_at_once_and_answered_in_order(platform: Embedded) -> None:
    body = {"messages": [{"role": "user", "content": "three"}], "model": "builtin/echo"}
    one, two, three, lost, empty = platform.client.parallel(
        ["one", [{"role": "user", "content": "two"}], body, {**body, "model": "nowhere"}, {}],
        model="builtin/echo", limit=2, temperature=0,
    )  # fmt: skip
    assert [answer.text.strip() for answer in (one, two, three)] == ["one", "two", "three"]
    assert isinstance(lost, UnknownModel)
    assert isinstance(empty, InvalidRequest)
    assert platform.client.parallel(["a", "b"], model="builtin/echo", join=joined) == "a+b"
    with pytest.raises(InvalidRequest, match="at least 1"):
        platform.client.parallel(["a"], model="builtin/echo", limit=0)


async def test_no_more_prompts_run_at_once_than_the_limit() -> None:
    running, most, three = 0, 0, asyncio.Event()

    class Counting(AsyncClient):
        async def chat(self, model: str, messages: object, **params: object) -> ChatResponse:
            nonlocal running, most
            running += 1
            most = max(most, running)
            if running == 3:
                three.set()
            await three.wait()
            running -= 1
            return ChatResponse({"model": model})

    async with asyncio.timeout(30):
        answers = await Counting("http://127.0.0.1:1").parallel([str(n) for n in range(9)], model="m", limit=3)
    assert (len(answers), most) == (9, 3)


def test_a_server_that_is_not_there_is_a_failure_of_each() -> None:
    with Client("http://127.0.0.1:9") as client:
        (lost,) = client.parallel(["x"], model="m")
    assert isinstance(lost, ProviderUnavailable)


@pytest.mark.parametrize(
    ("url", "key", "error"),
    [
        ("http://bob:secret@127.0.0.1:1", None, ProviderUnavailable),
        ("http://bob:secret@127.0.0.1:1", "k", InvalidRequest),
        ("http://bob:se/cr@secret@host", None, ProviderUnavailable),
        ("bob:secret@127.0.0.1", None, ProviderUnavailable),
    ],
)
def test_a_password_in_the_address_is_not_told(url: str, key: str | None, error: type[Exception]) -> None:
    with Client(url, key) as client, pytest.raises(error, match="/api/x cannot be") as raised:
        client.request("GET", "/api/x")
    assert not any(word in str(raised.value) for word in ("secret", "se/cr", "bob"))
