"""The HTTP exchange itself: deadlines, connections that break, redirects."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest

from pilothouse import errors
from pilothouse.config import ProviderConfig
from pilothouse.providers import base
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.testing import chat_request, new_call

ANSWER = b'{"id":"c","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}'
PIECE = 40
HTTP = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


async def say(
    provider: OpenAIProvider, seconds: float | None = 10, patience: tuple[float, float] | None = None
) -> str:  # fmt: skip
    call = new_call(seconds)
    call.patience = patience
    return "".join([chunk.text async for chunk in provider.chat(chat_request(), call)])


@asynccontextmanager
async def scripted(*answers: bytes) -> AsyncIterator[tuple[OpenAIProvider, list[bytes]]]:
    """A server that answers the n-th connection's request with the n-th bytes, piece by piece, and closes it."""
    requests: list[bytes] = []
    serving: set[asyncio.Task[Any] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        answer = answers[min(len(requests), len(answers) - 1)]
        requests.append(await reader.readuntil(b"}]"))
        with suppress(ConnectionError):
            for at in range(0, len(answer), PIECE):
                writer.write(answer[at : at + PIECE])
                for _ in range(5):  # turns of the loop, in which the client reads the piece
                    await asyncio.sleep(0)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aclosing(OpenAIProvider("p", ProviderConfig(base_url=f"http://127.0.0.1:{port}"))) as provider:
        yield provider, requests
    await asyncio.gather(*filter(None, serving))


async def test_a_connection_closed_before_any_answer_is_tried_once_more():
    async with scripted(b"", HTTP % len(ANSWER) + ANSWER) as (provider, requests):
        assert await say(provider) == "Hi"
        assert len(requests) == 2
        assert requests[0] == requests[1]


async def test_a_server_that_never_answers_is_unavailable():
    async with scripted(b"") as (provider, requests):
        with pytest.raises(errors.ProviderUnavailable, match="broke off"):
            await say(provider)
        assert len(requests) == 2


async def test_who_hangs_up_late_is_not_asked_again(monkeypatch):
    monkeypatch.setattr(base, "_AT_ONCE", 0.0)
    async with scripted(b"", HTTP % len(ANSWER) + ANSWER) as (provider, requests):
        with pytest.raises(errors.ProviderUnavailable, match="broke off"):
            await say(provider)
        assert len(requests) == 1


@pytest.mark.parametrize("missing", [0, 1])
async def test_an_error_that_comes_in_pieces_or_not_whole(missing):
    body = b'{"error":{"message":"Too long: %b","code":"context_length_exceeded"}}' % (b"x" * 3 * PIECE)
    head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    async with scripted(head % len(body) + body[: len(body) - missing]) as (provider, requests):
        with pytest.raises(errors.ContextTooLong, match="Too long: xxx") as caught:
            await say(provider)
        assert caught.value.upstream_status == 400
        assert len(requests) == 1


async def test_a_connection_is_used_again_after_an_error(upstream):
    upstream.json('{"error":{"message":"Slow down."}}', 429)
    async with aclosing(OpenAIProvider("p", ProviderConfig(base_url=upstream.url))) as provider:
        for _ in range(3):
            with pytest.raises(errors.RateLimited):
                await say(provider)
    assert len(set(upstream.peers)) == 1


async def test_an_answer_cut_short_is_not_asked_for_again():
    async with scripted(HTTP % (len(ANSWER) + 1) + ANSWER) as (provider, requests):
        with pytest.raises(errors.ProviderUnavailable, match="broke off") as caught:
            await say(provider)
        assert caught.value.retryable
        assert len(requests) == 1


async def test_an_answer_that_is_not_http():
    async with scripted(b"hello, this is not HTTP\r\n\r\n") as (provider, _):
        with pytest.raises(errors.ProviderUnavailable):
            await say(provider)


async def test_redirects_are_not_followed():
    moved = b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/elsewhere\r\ncontent-length: 0\r\n\r\n"
    async with scripted(moved) as (provider, requests):
        with pytest.raises(errors.ProviderRejected, match="307"):
            await say(provider)
        assert len(requests) == 1


async def test_no_time_left_asks_nobody():
    async with scripted(ANSWER) as (provider, requests):
        with pytest.raises(errors.ProviderTimeout, match="No time was left"):
            await say(provider, 0)
        assert requests == []


@pytest.mark.parametrize(("given", "own"), [(0.02, None), (60.0, (5.0, 0.02))])
async def test_read_timeout_of_the_provider_or_the_calls_own(given: float, own: tuple[float, float] | None):
    release = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config = ProviderConfig(base_url=f"http://127.0.0.1:{port}", read_timeout=given)
    async with server, aclosing(OpenAIProvider("p", config)) as provider:
        with pytest.raises(errors.ProviderTimeout, match="did not answer in time"):
            await say(provider, None, own)
        release.set()


async def test_a_calls_own_time_for_the_connection():
    """The address takes connections, but its backlog of one is full: more wait until they give up."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    address = full.getsockname()
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(address)
    try:
        config = ProviderConfig(base_url=f"http://127.0.0.1:{address[1]}", connect_timeout=60)
        async with aclosing(OpenAIProvider("p", config)) as provider:
            with pytest.raises(errors.ProviderTimeout, match=r"no connection to .* within 0.02 s"):
                await say(provider, None, (0.02, 60.0))
    finally:
        for one in (full, *waiting):
            one.close()


async def test_closing_twice_and_before_any_call_is_fine():
    provider = OpenAIProvider("p", ProviderConfig())
    await provider.aclose()
    await provider.aclose()
