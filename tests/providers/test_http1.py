"""The upstream client against raw sockets: every way in which an answer can come, stop and go wrong."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from pilothouse.providers import http1
from pilothouse.providers.http1 import BrokenOff, Client, Disconnected, InvalidAnswer, Response

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[URL]:
    tasks = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            await serve(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    made = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with made:
        yield URL(f"http://127.0.0.1:{made.sockets[0].getsockname()[1]}/path?x=1")
        _, waiting = await asyncio.wait(tasks, timeout=0.05) if tasks else (set(), set())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client()
    yield made
    await made.aclose()
    await asyncio.sleep(0)


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


def answers(*parts: bytes, wait: asyncio.Event | None = None) -> Serve:
    """Sends each part on its own, then hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if wait is not None:
            await wait.wait()

    return serve


async def ask(client: Client, url: URL, body: bytes = b"{}", **more: Any) -> Response:
    limits = {"connect_timeout": 2.0, "read_timeout": 2.0, **more}
    return await client.request("POST", url, {"authorization": "Bearer x"}, body, **limits)


async def whole(response: Response) -> bytes:
    try:
        return b"".join([piece async for piece in response])
    finally:
        response.release()


async def test_a_request_says_what_it_should(client: Client) -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(OK)

    async with server(serve) as url:
        response = await ask(client, url, b'{"a":1}')
        assert (response.status, response.headers["content-length"]) == (200, "5")
        assert await whole(response) == b"hello"
    head, body = seen[0]
    assert head.startswith(b"POST /path?x=1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nauthorization: Bearer x\r\n" in head
    assert body == b'{"a":1}'


async def test_a_connection_is_used_again(client: Client) -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while not reader.at_eof():
            await read_request(reader)
            writer.write(OK)

    async with server(serve) as url:
        for _ in range(3):
            assert await whole(await ask(client, url)) == b"hello"
        assert len(connections) == 1


@pytest.mark.parametrize("head", [b"connection: close\r\n", b"x: y\r\n"])
async def test_a_server_that_hangs_up_is_met_anew(client: Client, head: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + head + b"content-length: 2\r\n\r\nok"
    async with server(answers(answer)) as url:
        assert await whole(await ask(client, url)) == b"ok"
        for _ in range(100):  # until the end of the connection has been seen
            await asyncio.sleep(0.001)
            if not client._open:
                break
        assert await whole(await ask(client, url)) == b"ok"


async def test_a_stale_connection_is_told_from_a_broken_answer(client: Client) -> None:
    async with server(answers()) as url:
        with pytest.raises(Disconnected):
            await ask(client, url)


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\ncontent-le",),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",),
    ],
)
async def test_half_an_answer_is_broken_off(client: Client, parts: tuple[bytes, ...]) -> None:
    async with server(answers(*parts)) as url:
        with pytest.raises(BrokenOff):
            await whole(await ask(client, url))


async def test_what_came_before_the_break_can_be_read(client: Client) -> None:
    async with server(answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")) as url:
        response = await ask(client, url)
        assert await anext(response) == b"half"
        with pytest.raises(BrokenOff):
            await anext(response)
        response.release()


async def test_a_body_without_length_ends_with_the_connection(client: Client) -> None:
    async with server(answers(b"HTTP/1.1 200 OK\r\n\r\nall ", b"of it")) as url:
        assert await whole(await ask(client, url)) == b"all of it"


async def test_an_interim_answer_is_passed_over(client: Client) -> None:
    async with server(answers(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", OK)) as url:
        response = await ask(client, url)
        assert response.status == 200
        assert "link" not in response.headers
        assert await whole(response) == b"hello"


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9\r\n\r\n", b"HTTP/9.9 nonsense\r\n\r\n", b"\x16\x03\x01\x00"])
async def test_what_is_no_http_is_said_to_be_none(client: Client, answer: bytes) -> None:
    async with server(answers(answer)) as url:
        with pytest.raises(InvalidAnswer):
            await ask(client, url)


async def test_headers_without_end_are_not_waited_for(client: Client) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b"x-filler: " + b"y" * 1000 + b"\r\n")
                await writer.drain()

    async with server(serve) as url:
        with pytest.raises(InvalidAnswer):
            await ask(client, url)


@pytest.mark.parametrize(
    ("coding", "packed"), [("gzip", gzip.compress(b"hello", mtime=0)), ("deflate", zlib.compress(b"hello"))]
)
async def test_a_compressed_answer_is_unpacked(client: Client, coding: str, packed: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {len(packed)}\r\n\r\n".encode()
    async with server(answers(head, packed[:7], packed[7:])) as url:
        assert await whole(await ask(client, url)) == b"hello"


async def test_a_compression_that_nobody_asked_for_is_refused(client: Client) -> None:
    async with server(answers(b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx")) as url:
        with pytest.raises(InvalidAnswer, match="br"):
            await ask(client, url)


async def test_what_a_small_answer_unpacks_to_is_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "_MOST_PLAIN", 1000)
    packed = zlib.compress(bytes(1001))
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: %d\r\n\r\n" % len(packed)
    async with server(answers(head + packed)) as url:
        with pytest.raises(InvalidAnswer, match="beyond any reason"):
            await whole(await ask(client, url))


async def test_nobody_there() -> None:
    client = Client()
    with pytest.raises(OSError, match="Connect"):
        await ask(client, URL("http://127.0.0.1:9/"))
    await client.aclose()


async def test_silence_is_bounded_before_and_within_an_answer(client: Client) -> None:
    never = asyncio.Event()
    async with server(answers(wait=never)) as url:
        with pytest.raises(TimeoutError, match="nothing came"):
            await ask(client, url, read_timeout=0.05)
    async with server(answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", wait=never)) as url:
        response = await ask(client, url, read_timeout=0.25)
        with pytest.raises(TimeoutError, match="nothing came"):
            await whole(response)


async def test_a_deadline_bounds_the_whole(client: Client) -> None:
    import time

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b"1\r\nx\r\n")
                await writer.drain()
                await asyncio.sleep(0.005)

    async with server(drip) as url:
        with pytest.raises(TimeoutError, match="deadline"):
            await whole(await ask(client, url, deadline=time.monotonic() + 0.1))


async def test_leaving_early_closes_the_connection(client: Client) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        gone.set()

    async with server(serve) as url:
        response = await ask(client, url)
        assert await anext(response) == b"x"
        response.release()
        async with asyncio.timeout(30):
            await gone.wait()


async def test_a_cancelled_request_hangs_up(client: Client) -> None:
    came, gone = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        came.set()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        gone.set()

    async with server(serve) as url:
        asking = asyncio.create_task(ask(client, url))
        await came.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        async with asyncio.timeout(30):
            await gone.wait()


async def test_a_reader_that_lags_stops_the_sender_and_gets_everything(client: Client) -> None:
    piece = b"y" * 65536
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(piece) * 400))
        for _ in range(400):
            writer.write(piece)
            sent += 1
            await writer.drain()

    async with server(serve) as url:
        response = await ask(client, url)
        await asyncio.sleep(0.1)
        assert sent < 400
        assert len(await whole(response)) == len(piece) * 400


async def test_bytes_on_an_idle_connection_end_it(client: Client) -> None:
    async with server(answers(OK, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")) as url:
        assert await whole(await ask(client, url)) == b"hello"
        async with asyncio.timeout(20):
            while client._open:  # noqa: ASYNC110 - what the socket brings
                await asyncio.sleep(0.001)
        assert await whole(await ask(client, url)) == b"hello"


async def test_a_header_with_a_line_break_is_not_sent(client: Client) -> None:
    with pytest.raises(ValueError, match="line break"):
        await client.request(
            "POST", URL("http://127.0.0.1:9/"), {"x": "a\r\nb: c"}, b"", connect_timeout=1, read_timeout=1
        )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 90), max_size=12))
async def test_an_answer_may_be_cut_anywhere(cuts: list[int]) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        b"6\r\nhello \r\n5;ext=1\r\nworld\r\n0\r\n\r\n"
    )
    places = sorted({0, len(answer), *(min(cut, len(answer)) for cut in cuts)})
    parts = [answer[a:b] for a, b in pairwise(places)]
    client = Client()
    async with server(answers(*parts)) as url:
        assert await whole(await ask(client, url)) == b"hello world"
    await client.aclose()


async def test_what_waits_to_be_read_is_little(client: Client) -> None:
    held_up, read = asyncio.Event(), asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * 1024 * 1024))
        for _ in range(1024):
            writer.write(bytes(64 * 1024))
            if not (await asyncio.wait([draining := asyncio.ensure_future(writer.drain())], timeout=0.1))[0]:
                held_up.set()
            await draining
        await read.wait()

    async with server(flood) as url:
        response = await client.request("POST", url, {}, b"", connect_timeout=5, read_timeout=20)
        await asyncio.wait_for(held_up.wait(), 30)
        pieces = [len(piece) async for piece in response]
        read.set()
        response.release()
    assert sum(pieces) == 64 * 1024 * 1024
    assert pieces[0] <= http1._HIGH_WATER + 256 * 1024
    assert http1._HIGH_WATER <= 256 * 1024
