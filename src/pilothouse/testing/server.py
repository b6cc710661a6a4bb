"""A real HTTP server on loopback that answers as scripted. A vendor's server adds its format, this one the behaviour.

async with OpenAIServer() as server:            # in the running loop
    server.say(Answer(text="Hi"))
    ... server.url, server.requests

with OpenAIServer() as server:                  # on a thread of its own, for code that blocks or other processes
"""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import deque
from typing import ClassVar, NamedTuple, Self

import msgspec
from aiohttp import web

from pilothouse.testing.wire import Answer, Fault, Heard, Received, Refusal, fragments
from pilothouse.types import Json

__all__ = ["Plain", "WireServer"]

_MIDWAY = ("hang_midway", "reset_midway", "half_frame", "cut", "error_event")
_HTML = (
    b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
)
_TURNS = 5
"""Turns of the loop after each write, in which a client in the same loop reads it: so that cuts stay cuts."""


class Plain(NamedTuple):
    """An answer as it is."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


class WireServer(ABC):
    """Base of the wire-format servers. What it answers, first match wins: `say`'s queue, knobs in the model's name
    (`Answer.from_model`), `default`. `requests` are the requests received, oldest first."""

    stream_type: ClassVar[str] = "text/event-stream"

    def __init__(self, default: Answer | None = None) -> None:
        self.default = default or Answer()
        self.requests: list[Received] = []
        self.url = ""
        self._queue: deque[Answer] = deque()
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def hear(self, got: Received) -> Heard:
        """Understand a request. Raises Refusal where it breaks the vendor's documented format."""

    @abstractmethod
    def whole(self, heard: Heard, answer: Answer) -> Json:
        """The JSON body of a success, for every operation."""

    @abstractmethod
    def frames(self, heard: Heard, answer: Answer) -> list[bytes]:
        """The frames of a streamed success, each in the vendor's framing."""

    @abstractmethod
    def failure(self, fault: Fault, message: str, answer: Answer) -> tuple[int, Json]:
        """HTTP status and body of an error in the vendor's shape; `answer` says what was scripted, if anything was."""

    @abstractmethod
    def error_frame(self) -> bytes:
        """The frame by which the vendor tells of an error (an overload) in the middle of a stream."""

    def beside(self, got: Received) -> "Plain | None":
        """The answer to a request that is no call to a model, such as an upload; None where it is one. May raise
        Refusal."""
        return None

    def success_headers(self, heard: Heard, answer: Answer) -> dict[str, str]:
        """Headers of a JSON success, for vendors that say something there."""
        return {}

    def failure_headers(self, answer: Answer) -> dict[str, str]:
        """Headers of an error answer."""
        return {} if answer.retry_after is None else {"retry-after": f"{answer.retry_after:g}"}

    def say(self, *answers: Answer) -> None:
        """Queue answers for the next requests, before anything a model's name says."""
        self._queue.extend(answers)

    @property
    def last(self) -> Received:
        """The latest request."""
        return self.requests[-1]

    @property
    def heard(self) -> Heard:
        """What the latest request said. Fails the test where it was refused."""
        heard = self.last.heard
        assert heard is not None, f"the server refused {self.last.raw!r}"
        return heard

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def __enter__(self) -> Self:
        self._loop = loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name=type(self).__name__, daemon=True)
        self._thread.start()
        return asyncio.run_coroutine_threadsafe(self.__aenter__(), loop).result()

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._thread is not None
        asyncio.run_coroutine_threadsafe(self.__aexit__(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        got = Received(
            method=request.method,
            path=request.path,
            target=request.raw_path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            raw=raw,
            body={},
        )
        self.requests.append(got)
        try:
            return await self._answer(request, got)
        except asyncio.CancelledError:
            got.gone.set_result(None)
            raise
        except ConnectionError:
            got.gone.set_result(None)
            return web.Response(status=499)

    async def _answer(self, request: web.Request, got: Received) -> web.StreamResponse:
        answer = self.default
        try:
            if (plain := self.beside(got)) is not None:
                return web.Response(status=plain.status, body=plain.body, content_type=plain.content_type)
            got.body = _decoded(got.raw)
            got.heard = heard = self._understood(got)
            answer = self.pick(heard)
            if answer.fault == "html":
                return web.Response(status=502, body=_HTML, content_type="text/html")
            if answer.fault == "garbage":
                return web.Response(body=b"\x00\xffnot the format\n\n", content_type=self.stream_type)
            if answer.fault == "hang":
                await asyncio.Event().wait()
            if answer.fault is not None and answer.fault not in _MIDWAY:
                raise Refusal(f"scripted: {answer.fault}", answer.fault)
        except Refusal as refusal:
            status, body = self.failure(refusal.fault, refusal.message, answer)
            headers = {"content-type": "application/json", **self.failure_headers(answer)}
            return web.Response(status=status, body=msgspec.json.encode(body), headers=headers)
        if heard.stream:
            return await self._stream(request, self.frames(heard, answer), answer)
        whole = msgspec.json.encode(self.whole(heard, answer))
        return web.Response(body=whole, content_type="application/json", headers=self.success_headers(heard, answer))

    async def _stream(self, request: web.Request, frames: list[bytes], answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": self.stream_type, "cache-control": "no-cache"})
        await response.prepare(request)
        fault = answer.fault
        if fault is not None:
            half = max(1, len(frames) // 2)
            torn = frames[half][: len(frames[half]) // 2] if fault == "half_frame" else b""
            frames = [*frames[:half], self.error_frame() if fault == "error_event" else torn]
        for fragment in fragments(frames, answer.split):
            if fragment:
                await response.write(fragment)
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
        if fault == "hang_midway":
            await asyncio.Event().wait()
        if fault == "reset_midway" and request.transport is not None:
            request.transport.abort()
        return response

    def _understood(self, got: Received) -> Heard:
        """What it hears. A part of another type than the format has there is refused as a vendor would, not a crash."""
        try:
            return self.hear(got)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Refusal(f"a part of the body is not as the format has it: {error!r}") from error

    def pick(self, heard: Heard) -> Answer:
        """What to answer, as said above."""
        if self._queue:
            return self._queue.popleft()
        try:
            return Answer.from_model(heard.model) or self.default
        except ValueError as error:
            raise Refusal(f"model: {error}") from None


def _decoded(raw: bytes) -> Json:
    if not raw:
        return {}
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refusal("the body is not a JSON object")
    return body
