"""A client's connection, over uvicorn's: request heads are bounded in size and in time, no upgrade is granted, and an
answer that is there as a whole is written at once.

Knows nothing of what is asked. Overrides methods of uvicorn's protocol, which it documents as replaceable (`http=`).
"""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

__all__ = ["HANG_UP", "WHOLE", "Connection"]

WHOLE = "pilothouse.whole"
"""The ASGI extension `(status, headers, body) -> bool`: writes an answer, or says that it has to be sent as usual.

uvicorn looks at each header with two regular expressions, which for ours costs 15 us an answer."""

HANG_UP = "pilothouse.hang_up"
"""The ASGI extension `() -> None`: ends the connection at once. uvicorn would first wait until the client has read all
that was written, which may be never."""

HEAD_BYTES = 64 * 1024  # as h11, uvicorn's other parser; nginx takes 32 KiB
HEAD_SECONDS = 30.0
BODY_SECONDS = 75.0  # of silence within a body: later than rooms that have a bound, and a request id, of their own
_INVALID = "Invalid HTTP request received."
_CUT = "The request body stopped arriving before its end."
_TOO_LARGE = f"The head of the request is larger than {HEAD_BYTES} bytes."


class Connection(HttpToolsProtocol):
    """Closes on a request whose head is larger than 64 KiB or takes longer than 30 s, and on one whose body stays away
    for 75 s.

    `Upgrade` is ignored, as RFC 9110 (7.8) allows. uvicorn would drop the body of such a request, and Java's HTTP
    client offers an upgrade to HTTP/2 with each first request (https://github.com/Kludex/uvicorn/issues/2722).
    """

    _in_head = True
    _head = 0
    _in_body = False
    _refused = False
    _heard = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._refused:
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(_TOO_LARGE if self._head > HEAD_BYTES else _INVALID)
        if self._in_head:
            self._head += len(data)
            self._bound_head()
        elif self._in_body:
            self._heard = self.loop.time()
            if self._timer is None:
                self._timer = self.loop.call_later(BODY_SECONDS, self._bound_silence)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._stop_timer()
        self._head = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if self._head > HEAD_BYTES:
            self._in_body = False
            raise ValueError(_TOO_LARGE)  # the parser makes an HttpParserError of it
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # which knows no such answer
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._stop_timer()
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        cycle.scope["extensions"] = {WHOLE: partial(self._whole, cycle), HANG_UP: partial(self._hang_up, cycle)}
        if cycle.scope["http_version"] == "1.0":
            app = partial(_unframed, cycle, app)
        super()._start_asgi_task(cycle, app)

    def _whole(self, cycle: Any, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """`headers` have lower-case names, the length among them, and neither a transfer coding nor `connection`."""
        if (
            cycle.disconnected or cycle.response_started or self.flow.write_paused or not cycle.keep_alive
            or cycle.scope["method"] == "HEAD"
        ):  # fmt: skip
            return False
        lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *headers)]
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            raise ValueError("a header holds a line break")
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], head, body))
        cycle.message_event.set()
        cycle.on_response()
        return True

    def _hang_up(self, cycle: Any) -> None:
        cycle.disconnected = True
        self.transport.abort()

    def _bound_head(self) -> None:
        if self._head > HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _bound_silence(self) -> None:
        """Looked at once in a while, not set anew with each piece of an upload. Whom we keep from sending on is not
        silent."""
        left = self._heard + BODY_SECONDS - self.loop.time()
        if left > 0 or self.flow.read_paused:
            self._timer = self.loop.call_later(max(left, 1.0), self._bound_silence)
        else:
            self._refuse(_CUT)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read the head again, without the offer, and then what follows it."""
        kept = [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        if len(kept) == len(self.headers):  # CONNECT
            return self._refuse(_INVALID)
        line = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([line, *kept, b"", rest]))

    def _refuse(self, why: str) -> None:
        """Answer with an error and hang up, but never into an answer that is under way, nor twice to one request."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self.logger.warning("%s", why)
        cycle = self.cycle
        if self._in_body and cycle.response_started:
            self.transport.close()
        elif self._in_body or cycle is None or cycle.response_complete:
            self.send_400_response(why)
        else:  # the requests before it are whole, and get their answers
            cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """uvicorn's own would be plain text, which clients of models cannot read."""
        status, code = (431, "headers_too_large") if msg == _TOO_LARGE else (400, "invalid_request")
        error = {"message": msg, "type": "invalid_request_error", "param": None, "code": code}
        body = json.dumps({"error": error}).encode()
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _unframed(cycle: Any, app: Any, scope: Any, receive: Any, send: Any) -> None:
    """HTTP/1.0 knows no chunks (RFC 9112, 7.1): there a body of unknown length ends as the connection does."""
    framed = False

    async def send_plainly(message: Any) -> None:
        nonlocal framed
        if message["type"] == "http.response.start":
            framed = any(name.lower() == b"content-length" for name, _ in message["headers"])
            if not framed:
                cycle.chunked_encoding = False
        elif not framed:
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    await app(scope, receive, send_plainly)
