"""One HTTP exchange over raw ASGI: bounded bodies, JSON, SSE, OpenAI-shaped errors, and noticing that the client left.

Knows nothing of models. The ASGI interface: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

from pilothouse.errors import (
    BodyTooLarge,
    Cancelled,
    InvalidRequest,
    LimitError,
    MethodNotAllowed,
    MissingExtra,
    ModelFilesError,
    PilothouseError,
    ProviderAuth,
    ProviderError,
    TooManyRequests,
    UnsupportedMedia,
)
from pilothouse.gateway.connection import HANG_UP, WHOLE

__all__ = [
    "OPENAI_ERRORS", "ErrorShape", "Exchange", "Headers", "Receive", "Scope", "Send", "Vigil", "error_body",
    "error_headers",
]  # fmt: skip

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

WATCH_AFTER = 0.05  # seconds: most calls end sooner and need no task that watches the client
BODY_TIMEOUT = 60.0  # seconds for the whole request body to arrive
_READ_ON = 64 * 1024 * 1024  # bytes of an upload that was refused
LONGEST_RETRY = 60.0  # seconds that a client may be asked to wait
DISCARD_TIMEOUT = 10.0  # seconds to read on after a refusal, so that the client gets to see it

_NONE: dict[str, Any] = {}
_JSON = (b"content-type", b"application/json")
_SSE: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


def error_body(error: PilothouseError, request_id: str) -> bytes:
    """The error in OpenAI's shape, with the request id to look it up by."""
    return msgspec.json.encode(
        {
            "error": {
                "message": error.message,
                "type": error.type,
                "param": error.param,
                "code": error.code,
                "request_id": request_id,
            }
        }
    )


def error_headers(error: PilothouseError) -> Headers:
    """What an error tells beside its body: where a limit stands, and when to ask again, if ever."""
    headers: Headers = []
    if isinstance(error, ProviderError | LimitError) and error.retry_after is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after))).encode()))
    if isinstance(error, LimitError):
        headers += [(name.encode(), value.encode()) for name, value in error.headers]
    if _in_vain(error):
        headers.append((b"x-should-retry", b"false"))
    return headers


def _in_vain(error: PilothouseError) -> bool:
    """Whether clients that would ask again by themselves had better not: OpenAI's waits for up to two minutes, and
    Anthropic's for as long as it is told."""
    if isinstance(error, ProviderError | TooManyRequests) and (error.retry_after or 0.0) > LONGEST_RETRY:
        return True
    return isinstance(error, ProviderAuth | MissingExtra | ModelFilesError)


class ErrorShape(NamedTuple):
    """How a dialect tells of an error: `body` of (error, request id), its HTTP `status`, and in a stream `event`.

    `id_header` is where the dialect's clients look for the request's id, beside `x-request-id`.
    """

    body: Callable[[PilothouseError, str], bytes]
    status: Callable[[PilothouseError], int]
    event: bytes | None = None
    id_header: bytes | None = None


OPENAI_ERRORS = ErrorShape(error_body, lambda error: error.status)


class Exchange:
    """A request and its answer. `errors` is the shape in which errors are told, `parts` the named parts of the path.
    `wanted`, where it is set, says whether the answer is wanted though this client has left.

    Use as an async context manager: inside it the task is cancelled when the client leaves (`client_left`) and when
    `deadline`, on the clock of `time.monotonic`, has passed (`expired`).
    """

    __slots__ = (
        "_cut", "_hang_up", "_receive", "_send", "_task", "_timer", "_vigil", "_watcher", "_whole", "client_left",
        "deadline", "errors", "expired", "headers", "parts", "scope", "started", "wanted",
    )  # fmt: skip

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, deadline: float | None = None, vigil: "Vigil | None" = None
    ) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.deadline = deadline
        self.errors = OPENAI_ERRORS
        self.parts: dict[str, str] = {}
        self.wanted: Callable[[], bool] | None = None
        self.started = False
        self.client_left = False
        self.expired = False
        self._cut = False  # the rest of the request's body was given up
        self._vigil = vigil or Vigil()
        # Taken out, since it leads back to the scope: such a ring stays in memory until the collector finds it.
        extensions = scope.pop("extensions", _NONE)
        self._whole, self._hang_up = extensions.get(WHOLE), extensions.get(HANG_UP)
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def query(self, name: str) -> str | None:
        """A parameter of the query string. Raises InvalidRequest for one with a NUL, which no database looks for."""
        given: bytes = self.scope.get("query_string") or b""
        value = next(iter(parse_qs(given.decode("latin-1")).get(name, ())), None)
        if value is not None and "\0" in value:
            raise InvalidRequest(f"'{name}' must not contain a NUL character.", param=name)
        return value

    async def body(self, limit: int) -> bytes:
        """The whole request body. Raises BodyTooLarge beyond `limit` bytes, UnsupportedMedia where it is compressed,
        InvalidRequest when it does not come."""
        coding = self.headers.get(b"content-encoding", b"identity")
        if coding.lower() not in (b"", b"identity"):
            await self._discard(4 * limit, unread=True)
            told = coding[:32].decode("latin-1")
            raise UnsupportedMedia(f"No support for the content-encoding '{told}' here; send the body uncompressed.")
        declared = self.headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await self._discard(4 * limit, unread=True)
            raise BodyTooLarge(f"The request body has {int(declared)} bytes; the limit is {limit}.")
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Cancelled("The client left before its request was complete.")
        if not message.get("more_body"):
            return message.get("body", b"")  # type: ignore[no-any-return]
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                return await self._gather(message, limit)
        except TimeoutError:
            self._cut = True
            raise InvalidRequest(f"The request body did not arrive within {BODY_TIMEOUT:.0f} s.") from None

    async def pieces(self, limit: int) -> AsyncGenerator[bytes]:
        """The request body as it comes, for one that is too large to hold. Raises as `body` does.

        Nothing watches whether the client leaves meanwhile: that would take pieces away.
        """
        self.unwatch()
        size, more = 0, True
        try:
            while more:
                left = BODY_TIMEOUT if self.deadline is None else self.deadline - time.monotonic()
                async with asyncio.timeout(min(BODY_TIMEOUT, max(0.0, left))):
                    message = await self._receive()
                if message["type"] == "http.disconnect":
                    more = False
                    raise Cancelled("The client left before its request was complete.")
                more = message.get("more_body", False)
                size += len(message.get("body", b""))
                if size > limit:
                    raise BodyTooLarge(f"The request body is larger than the limit of {limit} bytes.")
                yield message.get("body", b"")
        except TimeoutError:
            more, self._cut = False, True
            raise InvalidRequest("The request body stopped arriving before its end.") from None
        finally:
            if more:
                await self._discard(_READ_ON)
        self._vigil.add(self)

    def unwatch(self) -> None:
        """Leave the request body to `pieces`, which is to come."""
        self._vigil.remove(self)

    async def _gather(self, message: MutableMapping[str, Any], limit: int) -> bytes:
        parts, size = [message.get("body", b"")], len(message.get("body", b""))
        while message.get("more_body"):
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Cancelled("The client left before its request was complete.")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                await self._discard(4 * limit)
                raise BodyTooLarge(f"The request body is larger than the limit of {limit} bytes.")
        return b"".join(parts)

    async def _discard(self, at_most: int, *, unread: bool = False) -> None:
        """Read on for a while: a client that is still sending would otherwise see a reset, not the refusal. One whose
        body is `unread`, since it waits to be told to send it (`Expect: 100-continue`), is not told to. Where the end
        of the body is not seen, the connection is good for nothing more."""
        self._cut = True
        if unread and b"expect" in self.headers:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_TIMEOUT):
                while at_most > 0:
                    message = await self._receive()
                    at_most -= len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body"):
                        self._cut = False
                        return

    async def json(self, body: bytes, headers: Headers, status: int = 200) -> None:
        self.started = True
        headers = [_JSON, (b"content-length", b"%d" % len(body)), *headers]
        whole = self._whole
        if whole is not None and status < 400 and whole(status, headers, body):  # errors may close the connection
            return
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Headers) -> None:
        """Begin an answer of any kind; `send_piece` sends it."""
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def start_download(self, headers: Headers, length: int) -> None:
        """Begin to send `length` bytes; `send_piece` sends them."""
        self.started = True
        kind = [(b"content-type", b"application/octet-stream"), (b"content-length", str(length).encode())]
        await self._send({"type": "http.response.start", "status": 200, "headers": [*kind, *headers]})

    async def send_piece(self, piece: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def text(self, body: bytes, kind: bytes, status: int = 200) -> None:
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def start_events(self, headers: Headers) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": 200, "headers": [*_SSE, *headers]})

    async def event(self, data: bytes, name: bytes | None = None) -> None:
        await self._send({"type": "http.response.body", "body": _frame(data, name), "more_body": True})

    async def end_events(self, last: bytes, name: bytes | None = None) -> None:
        await self._send({"type": "http.response.body", "body": _frame(last, name)})

    async def error(self, error: PilothouseError, request_id: str, headers: Headers) -> None:
        """Answer with an error: as the response, or as the last event of a stream that has begun."""
        body = self.errors.body(error, request_id)
        if self.started:
            await self.end_events(body, self.errors.event)
            return
        closing = self._cut or isinstance(error, BodyTooLarge | UnsupportedMedia)
        extra: Headers = [(b"connection", b"close")] if closing else []
        if self.errors.id_header is not None:
            extra.append((self.errors.id_header, request_id.encode()))
        if isinstance(error, MethodNotAllowed):
            extra.append((b"allow", ", ".join(error.allowed).encode()))
        await self.json(body, [*headers, *extra, *error_headers(error)], self.errors.status(error))

    def hang_up(self) -> None:
        """End the connection of a client that does not read, and forget what was written for it."""
        if self._hang_up is not None:
            self._hang_up()

    async def __aenter__(self) -> "Exchange":
        self._task = asyncio.current_task()
        self._vigil.add(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._vigil.remove(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def watch(self) -> None:
        """From now on notice that the client leaves, and that the deadline has passed."""
        loop = asyncio.get_running_loop()
        self._watcher = loop.create_task(self._await_disconnect())
        if self.deadline is not None:
            self._timer = loop.call_later(max(0.0, self.deadline - time.monotonic()), self._expire)

    def _expire(self) -> None:
        self.expired = True
        self._cancel()

    async def _await_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.client_left = True
        if self.wanted is None or not self.wanted():  # others may wait for the same answer
            self._cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class Vigil:
    """Has exchanges watched once they last: one timer for all of them, where one for each would cost 5 us a call.

    An exchange is watched after WATCH_AFTER seconds at the earliest, and after twice that at the latest.
    """

    def __init__(self) -> None:
        self._young: dict[Exchange, None] = {}
        self._aging: dict[Exchange, None] = {}
        self._armed: asyncio.AbstractEventLoop | None = None

    def add(self, exchange: Exchange) -> None:
        self._young[exchange] = None
        loop = asyncio.get_running_loop()
        if self._armed is not loop:
            self._armed = loop
            loop.call_later(WATCH_AFTER, self._look)

    def remove(self, exchange: Exchange) -> None:
        if self._young.pop(exchange, exchange) is not None:
            self._aging.pop(exchange, None)

    def _look(self) -> None:
        for exchange in self._aging:
            exchange.watch()
        self._aging, self._young = self._young, {}
        if self._aging and self._armed is not None:
            self._armed.call_later(WATCH_AFTER, self._look)
        else:
            self._armed = None


def _frame(data: bytes, name: bytes | None) -> bytes:
    return b"data: " + data + b"\n\n" if name is None else b"event: " + name + b"\ndata: " + data + b"\n\n"
