"""Single flight: of identical calls that run at once, one asks the provider and the others listen.

The first caller's own task drives the call; nothing is started for it. Those who come later read, from its beginning,
the list that it appends its chunks to. In this process alone. Knows nothing of keys, stores or HTTP.

A client that reads slowly holds up those who listen to its call. A client that leaves does not: `call.wanted` then
tells the endpoint to let the call go on, and it is cancelled once the last listener has left too.
"""

import asyncio
import copy
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from pilothouse.call import Call
from pilothouse.errors import ContextTooLong, ProviderError, ProviderRejected, ProviderUnavailable
from pilothouse.types import ChatChunk

__all__ = ["Flight", "Flights", "Make"]

Make = Callable[[], Awaitable[AsyncGenerator[ChatChunk]]]
"""Begins the call itself."""

_SHARED = (ProviderRejected, ContextTooLong)
"""Errors that lie in the request: whoever asks again gets them again."""

_MOST_BYTES = 4 * 1024 * 1024  # of a call's chunks; a stream's are about ten times its text
_TRIES = 2  # calls that a listener sees fail before it takes their error for its own answer


class Flight:
    """A call under way, and who listens to it."""

    __slots__ = ("_abandoned", "_bytes", "_news", "_task", "chunks", "done", "error", "full", "listeners")

    def __init__(self) -> None:
        self.chunks: list[ChatChunk] = []
        self.full = False  # more than is kept: nobody joins any more, and `chunks` may be empty
        self._bytes = 0
        self.done = False
        self.error: BaseException | None = None
        self.listeners = 0
        self._news: asyncio.Event | None = None
        self._task: asyncio.Task[Any] | None = None
        self._abandoned = False

    def wanted(self) -> bool:
        """Asked when the leader's client has left: whether the call shall go on for others."""
        if self.listeners and not self.done:
            self._abandoned = True
            return True
        return False

    def add(self, chunk: ChatChunk) -> None:
        self.chunks.append(chunk)
        self._bytes += len(chunk.raw)
        if self._bytes > _MOST_BYTES:
            self.full = True
            if not self.listeners:
                self.chunks.clear()
        if self._news is not None:
            self._wake()

    def end(self, error: BaseException | None) -> None:
        self.done, self.error = True, error
        if self._news is not None:
            self._wake()

    def lead_by(self, task: "asyncio.Task[Any] | None") -> None:
        self._task = task

    async def listen(self) -> AsyncGenerator[ChatChunk]:
        """The chunks from the first to the last, as they come. What ended the call is in `error` then."""
        if self._news is None:
            self._news = asyncio.Event()
        self.listeners += 1
        try:
            at = 0
            while True:
                while at < len(self.chunks):
                    yield self.chunks[at]
                    at += 1
                if self.done:
                    return
                await self._news.wait()
        finally:
            self.listeners -= 1
            if not self.listeners and self._abandoned and not self.done and self._task is not None:
                self._task.cancel()

    def _wake(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news.clear()


class Flights:
    """The calls under way, by their key."""

    def __init__(self) -> None:
        self._open: dict[str, Flight] = {}

    def __len__(self) -> int:
        return len(self._open)

    def get(self, key: str) -> Flight | None:
        return self._open.get(key)

    async def run(
        self, key: str, call: Call, make: Make, flight: Flight, joined: Callable[[], None]
    ) -> AsyncGenerator[ChatChunk]:
        """The answer, from the call under way with this key (`joined` is told so), else from one of its own, which
        `flight` then holds.

        A listener whose call failed before its first chunk asks anew, unless the error lies in the request. Raises
        that error, or ProviderUnavailable where the call it listened to was cut short.
        """
        tries = 0
        while (other := self._open.get(key)) is not None:
            begun = False
            async with aclosing(other.listen()) as chunks:
                async for chunk in chunks:
                    if not begun:
                        begun = True
                        joined()
                    yield chunk
            error = other.error
            if error is None:
                return
            tries += isinstance(error, ProviderError)
            if isinstance(error, _SHARED) or (isinstance(error, ProviderError) and (begun or tries == _TRIES)):
                raise copy.copy(error).with_traceback(None)
            if begun:
                raise ProviderUnavailable("The call whose answer this one shared was cut short. Ask again.")
        error = None
        self._begin(key, call, flight)
        try:
            async with aclosing(await make()) as chunks:
                async for chunk in chunks:
                    flight.add(chunk)
                    if flight.full and self._open.get(key) is flight:
                        del self._open[key]
                    yield chunk
        except BaseException as reason:
            error = reason
            raise
        finally:
            self._finish(key, call, flight, error)

    def _begin(self, key: str, call: Call, flight: Flight) -> None:
        self._open[key] = flight
        flight.lead_by(asyncio.current_task())
        call.wanted = flight.wanted

    def _finish(self, key: str, call: Call, flight: Flight, error: BaseException | None) -> None:
        if self._open.get(key) is flight:
            del self._open[key]
        call.wanted = None
        flight.end(error)
