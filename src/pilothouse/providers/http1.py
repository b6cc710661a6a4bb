"""A client for HTTP/1.1 on httptools' parser: pooled connections, one write per request, bytes handed on as they come.

It exists for the hot path: a call costs a fifth of the CPU that aiohttp takes (benchmarks/upstream). It follows no
redirect, keeps no cookie, asks for no compression and knows nothing of vendors. RFC 9112; timeouts in seconds.
"""

import asyncio
import ssl
import time
import zlib
from collections.abc import Mapping
from typing import Any

import httptools
from yarl import URL

__all__ = ["BrokenOff", "Client", "Disconnected", "InvalidAnswer", "Response"]

_IDLE = 60.0
"""Seconds after which an unused connection is closed: less than the usual 75 of servers, so that we hang up first."""
_HIGH_WATER = 128 * 1024  # bytes that wait to be read, beside those of the last read of the loop
_LARGEST_HEAD = 256 * 1024
_MOST_PLAIN = 64 * 1024 * 1024  # of one piece, decompressed: a megabyte may hold a gigabyte
_CODINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Disconnected(ConnectionError):
    """The server closed the connection before the first byte of an answer: a pooled one may just have been stale."""


class BrokenOff(ConnectionError):
    """The connection ended in the middle of an answer."""


class InvalidAnswer(Exception):
    """What came is not HTTP/1.1, or holds more headers than any answer needs."""


class Response:
    """An answer whose head has come. Iterate over it for the pieces of its body; `release` it in the end.

    `headers` have lower-case names; of a header that came twice the values are joined by commas.
    """

    __slots__ = ("_connection", "_decoder", "headers", "status")

    def __init__(self, connection: "_Connection", status: int, headers: Mapping[str, str]) -> None:
        self._connection = connection
        self.status = status
        self.headers = headers
        coding = headers.get("content-encoding", "")
        self._decoder: Any = None
        if coding not in ("", "identity"):
            if coding not in _CODINGS:
                raise InvalidAnswer(f"the answer is compressed as '{coding}', which was not asked for")
            self._decoder = zlib.decompressobj(_CODINGS[coding])

    def __aiter__(self) -> "Response":
        return self

    async def __anext__(self) -> bytes:
        """The bytes that have come since the last ones. Raises BrokenOff, TimeoutError, InvalidAnswer."""
        while True:
            piece = await self._connection.next_piece()
            if not piece:
                raise StopAsyncIteration
            if self._decoder is not None:
                piece = self._decoded(piece)
            if piece:
                return piece

    @property
    def complete(self) -> bool:
        """Whether the whole body has come, read or not."""
        return self._connection.complete

    async def until_complete(self) -> None:
        """Read on and forget what comes, until the answer ends."""
        while await self._connection.next_piece():
            pass

    def release(self) -> None:
        """Give the connection back for the next request; one with an unfinished answer is closed."""
        self._connection.release()

    def _decoded(self, piece: bytes) -> bytes:
        try:
            plain: bytes = self._decoder.decompress(piece, _MOST_PLAIN)
        except zlib.error as error:
            raise InvalidAnswer(f"the answer is not compressed as it says ({error})") from None
        if self._decoder.unconsumed_tail:
            raise InvalidAnswer("the answer is compressed beyond any reason")
        return plain


class Client:
    """Connections to any number of servers, kept for the next request to the same one. Belongs to one event loop."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, str | None, int | None], list[_Connection]] = {}
        self._heads: dict[tuple[str, URL], tuple[Mapping[str, str], bytes]] = {}
        self._tls: ssl.SSLContext | None = None
        self._open: set[_Connection] = set()
        self.closed = False

    async def request(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes, *, connect_timeout: float,
        read_timeout: float, deadline: float | None = None,
    ) -> Response:  # fmt: skip
        """Send a request and wait for the head of its answer.

        `read_timeout` bounds each silence, `deadline` (on the clock of `time.monotonic`) the whole exchange. Raises
        OSError where there is no connection, Disconnected, BrokenOff, TimeoutError, InvalidAnswer, and ValueError for
        headers with line breaks.
        """
        head = self._head(method, url, headers)
        connection = await self._connection(url, connect_timeout)
        try:
            connection.send(b"%b%d\r\n\r\n%b" % (head, len(body), body), read_timeout, deadline)
            await connection.head()
            return Response(connection, connection.status, connection.headers)
        except BaseException:
            connection.abort()
            raise

    async def aclose(self) -> None:
        self.closed = True
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # one turn of the loop, in which the sockets close

    def _head(self, method: str, url: URL, headers: Mapping[str, str]) -> bytes:
        """Everything before the length of the body; kept while the same mapping is given for the same address."""
        known = self._heads.get((method, url))
        if known is not None and known[0] is headers:
            return known[1]
        lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"host: {url.host_port_subcomponent}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a header holds a line break")
        head = ("\r\n".join([*lines, "content-length: "])).encode("latin-1", "strict")
        if len(self._heads) < 256:
            self._heads[method, url] = (headers, head)
        return head

    async def _connection(self, url: URL, timeout: float) -> "_Connection":
        place = (url.scheme, url.raw_host, url.port)
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        try:
            async with asyncio.timeout(timeout):
                return await self._connect(url, place)
        except TimeoutError:
            raise TimeoutError(f"no connection to {url.host}:{url.port} within {timeout:g} s") from None

    async def _connect(self, url: URL, place: tuple[str, str | None, int | None]) -> "_Connection":
        loop, host = asyncio.get_running_loop(), url.raw_host or ""
        secure = url.scheme == "https"
        if secure and self._tls is None:
            self._tls = ssl.create_default_context()
        _, connection = await loop.create_connection(
            lambda: _Connection(loop, self._idle.setdefault(place, []), self._open),
            host,
            url.port or (443 if secure else 80),
            ssl=self._tls if secure else None,
            server_hostname=host if secure else None,
        )
        return connection


class _Connection(asyncio.Protocol):
    """One connection: at most one request at a time, whose answer the parser takes apart as it comes."""

    __slots__ = (
        "_deadline",
        "_failure",
        "_head_size",
        "_idle",
        "_keep",
        "_last",
        "_loop",
        "_open",
        "_parser",
        "_paused",
        "_pieces",
        "_read_timeout",
        "_size",
        "_sized",
        "_timer",
        "_transport",
        "_waiter",
        "complete",
        "headers",
        "in_use",
        "lost",
        "status",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, idle: list["_Connection"], opened: set["_Connection"]) -> None:
        self._loop = loop
        self._idle = idle
        self._open = opened
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport: Any = None
        self.lost = False
        self.in_use = False
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._size = self._head_size = 0
        self._failure: Exception | None = None
        self._paused = self._sized = self._keep = False
        self.headers: dict[str, str] = {}
        self.status = 0
        self.complete = False

    @property
    def usable(self) -> bool:
        return not self.lost and not self._transport.is_closing()

    def send(self, data: bytes, read_timeout: float, deadline: float | None) -> None:
        self._reset()
        self.in_use = True
        self._last = self._loop.time()
        self._read_timeout = read_timeout
        self._deadline = None if deadline is None else self._last + deadline - time.monotonic()
        deadline = self._deadline
        ends = self._last + read_timeout
        self._arm(ends if deadline is None else min(ends, deadline))
        self._transport.write(data)

    async def head(self) -> None:
        while self.status == 0:
            await self._wait()

    async def next_piece(self) -> bytes:
        """What has come of the body, empty at its end."""
        while not self._pieces:
            if self.complete:
                return b""
            await self._wait()
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return piece

    def release(self) -> None:
        """Back to the pool, or closed where that cannot be."""
        if not self.in_use:
            return
        self.in_use = False
        if self.complete and self._keep and self.usable:
            self._pieces.clear()
            if self._paused:
                self._transport.resume_reading()
            self._last = self._loop.time()
            self._arm(self._last + _IDLE)
            self._idle.append(self)
        else:
            self.abort()

    def abort(self) -> None:
        self.in_use = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport.abort()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._open.add(self)

    def data_received(self, data: bytes) -> None:
        self._last = self._loop.time()
        if not self.in_use or self.complete:
            self.abort()  # bytes that answer no request
            return
        if self.status == 0:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(InvalidAnswer(f"the answer is not HTTP/1.1 ({error})"))
        if self.status == 0 and self._head_size > _LARGEST_HEAD:
            self._fail(InvalidAnswer("the answer's headers have no end"))
        if self._size > _HIGH_WATER and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        if self.status and not self._sized and not self.complete and self._failure is None:
            self.complete = True  # a body without a length ends with its connection (RFC 9112, 6.3)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._open.discard(self)
        if self in self._idle:
            self._idle.remove(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.complete and self._failure is None:
            reason = f": {error}" if error else ""
            began = self.status or self._head_size
            self._failure = BrokenOff(f"the connection ended{reason}") if began else Disconnected("no answer" + reason)
        self._wake()

    # What the parser tells.

    def on_message_begin(self) -> None:
        if self.complete:  # a second answer to one request: neither read nor followed by another request
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.complete:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        status = self._parser.get_status_code()
        if status < 200:  # an interim answer, such as 100 or 103; the real one follows
            self.headers = {}
            return
        self._sized = "content-length" in self.headers or "transfer-encoding" in self.headers
        self.status = status

    def on_body(self, body: bytes) -> None:
        if self.complete:
            return
        self._pieces.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        if self.status and not self.complete:
            self.complete = True
            self._keep = self._parser.should_keep_alive()

    # Waiting, and its limits.

    async def _wait(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._transport.abort()
        self._wake()

    def _arm(self, when: float) -> None:
        """Look again at `when`. A timer that is due earlier is left: it puts itself off, so most requests set none."""
        if self._timer is None:
            self._timer = self._loop.call_at(when, self._look)
        elif self._timer.when() > when:
            self._timer.cancel()
            self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        if not self.in_use:
            due = self._last + _IDLE
        else:
            due = self._last + self._read_timeout
            due = due if self._deadline is None else min(due, self._deadline)
        if due > now + 0.001:
            self._timer = self._loop.call_at(due, self._look)
        elif not self.in_use:
            self.abort()
        elif self._deadline is not None and now >= self._deadline - 0.001:
            self._fail(TimeoutError("the deadline passed"))
        elif self._paused:
            self._last = now  # it is we who do not read
            self._look()
        else:
            self._fail(TimeoutError(f"nothing came for {self._read_timeout:g} s"))
