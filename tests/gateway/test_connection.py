"""Raw bytes over a real socket, to an application that sends back the body it got."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvicorn
from uvicorn.server import ServerState

from pilothouse.errors import PilothouseError
from pilothouse.gateway import connection, http
from pilothouse.gateway.connection import HEAD_BYTES, Connection
from pilothouse.gateway.http import Exchange, Receive, Scope, Send

Talk = Callable[..., Awaitable[bytes]]
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    exchange = Exchange(scope, receive, send)
    if scope["path"] == "/early":
        return await exchange.text(b"early", b"text/plain")
    if scope["path"] == "/bounded":
        try:
            return await exchange.json(await exchange.body(1_000_000), [])
        except PilothouseError as error:
            return await exchange.error(error, "r1", [])
    body = await exchange.body(1_000_000)
    if scope["path"] == "/broken":
        raise ZeroDivisionError
    if scope["path"] == "/slow":
        await asyncio.sleep(0.05)  # what comes behind it is read meanwhile
    if scope["path"] == "/stream":
        await exchange.start_events([])
        await exchange.event(body)
        await exchange.event(body)
        await exchange.end_events(body)
    else:
        await exchange.text(body, b"text/plain")


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    """Sends its arguments, each in a write of its own, and gives all that comes until the server closes."""
    config, state = uvicorn.Config(echo, lifespan="off", ws="none"), ServerState()
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def talk(*parts: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(30):
                return await reader.read()
        finally:
            writer.close()

    yield talk
    server.close()
    await server.wait_closed()


def post(body: bytes, extra: bytes = b"", *, last: bool = True) -> bytes:
    close = b"Connection: close\r\n" if last else b""
    return b"POST / HTTP/1.1\r\nHost: x\r\n%s%sContent-Length: %d\r\n\r\n%s" % (extra, close, len(body), body)


async def test_requests_on_one_connection(talk: Talk) -> None:
    answer = await talk(post(b"first", last=False), post(b"second")[:30], post(b"second")[30:])
    assert (answer.count(b"200 OK"), answer.count(b"first"), answer.count(b"second")) == (2, 1, 1)


@pytest.mark.parametrize("cut", [20, 60, 150, 190, 5000])
async def test_an_offer_to_upgrade_is_ignored_and_the_body_arrives(talk: Talk, cut: int) -> None:
    body = b"0123456789" * 1000
    request = post(body, OFFER, last=False)
    answer = await talk(request[:cut], request[cut:], post(b"the next one"))
    assert answer.count(b"200 OK") == 2
    assert body in answer
    assert answer.endswith(b"the next one")


async def test_an_offer_to_upgrade_with_a_body_in_chunks(talk: Talk) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\n" + OFFER + b"Transfer-Encoding: chunked\r\n\r\n"
    answer = await talk(head + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n" + post(b"the next one"))
    assert b"abcde" in answer
    assert answer.endswith(b"the next one")


@pytest.mark.parametrize(
    "request_",
    [
        post(b"", b"X-Large: " + b"a" * HEAD_BYTES + b"\r\n"),
        post(b"", b"X: a\r\n" * (HEAD_BYTES // 6 + 1)),
        b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Endless: " + b"a" * HEAD_BYTES,
    ],
    ids=["header", "headers", "url", "endless"],
)
async def test_a_large_head_is_refused(talk: Talk, request_: bytes) -> None:
    answer = await talk(*(request_[i : i + 10_000] for i in range(0, len(request_), 10_000)))
    assert answer.startswith(b"HTTP/1.1 431 ")
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert error["message"] == "The head of the request is larger than 65536 bytes."


@pytest.mark.parametrize("request_", [b"\x16\x03\x01\x02garbage", b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n"])
async def test_what_is_no_request_is_refused(talk: Talk, request_: bytes) -> None:
    answer = await talk(request_)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"] == "Invalid HTTP request received."


async def test_who_speaks_http_1_0_gets_no_chunks(talk: Talk) -> None:
    head, _, body = (await talk(b"POST /stream HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")).partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert b"connection: close" in head.lower()
    assert body == b"data: hi\n\n" * 3
    assert (await talk(b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")).endswith(b"\r\n\r\nhi")
    assert b"chunked" in await talk(post(b"hi").replace(b"POST /", b"POST /stream"))


GARBAGE = b"\x16\x03\x01\r\n\r\n"


@pytest.mark.parametrize("garbage", [GARBAGE, post(b"", b"X-Large: " + b"a" * HEAD_BYTES + b"\r\n")])
async def test_what_is_refused_takes_no_answer_from_what_came_before(talk: Talk, garbage: bytes) -> None:
    slow = post(b"first", last=False).replace(b"POST /", b"POST /slow")
    assert (await talk(slow + garbage)).endswith(b"\r\n\r\nfirst")
    answer = await talk(slow + post(b"second", last=False) + garbage)
    assert (answer.count(b"HTTP/1.1 "), answer.count(b"first")) == (2, 1)
    assert answer.endswith(b"second")


async def test_a_body_that_breaks_after_its_answer_gets_no_second_one(talk: Talk) -> None:
    head = b"POST /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await talk(head + b"3\r\nabc\r\n", b"no chunk\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    broken = await talk(head.replace(b"/early", b"/") + b"3\r\nabc\r\n", b"no chunk\r\n")
    assert broken.startswith(b"HTTP/1.1 400 ")


async def test_an_error_in_the_application_ends_the_connection(talk: Talk) -> None:
    for version in (b"1.0", b"1.1"):
        answer = await talk(b"POST /broken HTTP/%b\r\nHost: x\r\nContent-Length: 0\r\n\r\n" % version)
        assert answer.startswith(b"HTTP/1.1 500 ")


async def test_http_1_0_is_not_told_to_continue(talk: Talk) -> None:
    request = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
    assert b"100 Continue" not in await talk(request)
    assert (await talk(post(b"hi", b"Expect: 100-continue\r\n"))).startswith(b"HTTP/1.1 100 Continue")


@pytest.mark.parametrize("expects", [b"", b"Expect: 100-continue\r\n"])
async def test_a_body_that_is_too_large_is_not_waited_for(
    talk: Talk, expects: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application here says nothing of its own on that: its error ends the connection."""
    monkeypatch.setattr(http, "DISCARD_TIMEOUT", 0.01)
    answer = await talk(b"POST / HTTP/1.1\r\nHost: x\r\n%bContent-Length: 2000000\r\n\r\n" % expects)
    assert answer.startswith(b"HTTP/1.1 500 ")


CUT = [b"Content-Length: 9\r\n\r\nhi", b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"]


@pytest.mark.parametrize("cut", CUT)
async def test_a_body_that_stays_away_gets_its_answer_and_the_connection_ends(
    talk: Talk, cut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`talk` reads until the server closes, and gives up long before a connection without requests would end."""
    monkeypatch.setattr(http, "BODY_TIMEOUT", 0.01)
    answer = await talk(b"POST /bounded HTTP/1.1\r\nHost: x\r\n" + cut)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer


@pytest.mark.parametrize("cut", CUT)
async def test_a_silent_body_ends_where_the_application_waits_without_a_bound(
    talk: Talk, cut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.01)
    answer = await talk(post(b"first", last=False) + b"POST / HTTP/1.1\r\nHost: x\r\n" + cut)
    assert (answer.count(b"first"), answer.count(b"stopped arriving")) == (1, 1)
    early = await talk(b"POST /early HTTP/1.1\r\nHost: x\r\n" + cut)
    assert early.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", post(b"whole", last=False) + b"POST / "])
async def test_who_takes_too_long_for_a_head_is_hung_up_on(
    talk: Talk, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    answer = await talk(sent)
    assert answer.count(b"whole") == sent.count(b"whole")


async def test_a_request_leaves_nothing_for_the_collector() -> None:
    """What is written at once, too: a ring from the scope to the connection would wait for a full collection."""

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        await exchange.json(await exchange.body(1_000_000), [])

    config, state = uvicorn.Config(respond, lifespan="off", ws="none"), ServerState()
    config.load()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())

    async def ask(times: int) -> None:
        for _ in range(times):
            writer.write(post(b"asked", last=False))
            await reader.readuntil(b"asked")

    await ask(2)
    gc.collect()
    gc.disable()
    try:
        await ask(50)
        assert gc.collect() < 50
    finally:
        gc.enable()
        writer.close()
        server.close()
        await server.wait_closed()
