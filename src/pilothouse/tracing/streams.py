"""Streams of the vendors' clients that are read along, and the blocks (`with client....stream()`) they come in.

Knows nothing of what is in a chunk.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

__all__ = ["AsyncHelper", "AsyncStream", "Helper", "Reader", "Stream", "is_within", "within"]

T = TypeVar("T")
_within: ContextVar[bool] = ContextVar("pilothouse_within", default=False)


class Reader(Protocol):
    """The call whose answer is streamed."""

    def chunk(self, chunk: Any) -> bool:
        """Read it; whether the program gets it."""

    def left(self, error: BaseException | None = None) -> None:
        """The stream is over; told more than once, the first time counts."""

    def end(self, error: BaseException | None = None) -> None:
        """The call is over."""


def is_within() -> bool:
    """Whether a call runs that is traced already."""
    return _within.get()


def within(call: Callable[[], T]) -> T:
    """What it returns; the calls that it makes are its own."""
    token = _within.set(True)
    try:
        return call()
    finally:
        _within.reset(token)


class Stream:
    """A sync stream that is read along; all else is the stream's own."""

    def __init__(self, stream: Any, caught: Reader) -> None:
        self._stream = stream
        self._caught = caught

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> Any:
        while True:
            try:
                chunk = next(self._stream)
            except StopIteration:
                self._caught.left()
                raise
            except BaseException as error:
                self._caught.left(error)
                raise
            if self._caught.chunk(chunk):
                return chunk

    def __enter__(self) -> "Stream":
        self._stream.__enter__()
        return self

    def __exit__(self, *exc: Any) -> Any:
        self._caught.left(exc[1])
        return self._stream.__exit__(*exc)

    def close(self) -> None:
        self._caught.left()
        self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __del__(self) -> None:
        self._caught.left()


class AsyncStream:
    """The same for an async stream."""

    def __init__(self, stream: Any, caught: Reader) -> None:
        self._stream = stream
        self._caught = caught

    def __aiter__(self) -> "AsyncStream":
        return self

    async def __anext__(self) -> Any:
        while True:
            try:
                chunk = await anext(self._stream)
            except StopAsyncIteration:
                self._caught.left()
                raise
            except BaseException as error:
                self._caught.left(error)
                raise
            if self._caught.chunk(chunk):
                return chunk

    async def __aenter__(self) -> "AsyncStream":
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> Any:
        self._caught.left(exc[1])
        return await self._stream.__aexit__(*exc)

    async def close(self) -> None:
        self._caught.left()
        await self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __del__(self) -> None:
        self._caught.left()


class Helper:
    """What `.stream()` gives; the stream in it is made when it is entered, and reads what the client's own reads."""

    def __init__(self, helper: Any, caught: Reader, reads: bool) -> None:
        self._helper = helper
        self._caught = caught
        self._reads = reads

    def __enter__(self) -> Any:
        try:
            stream = within(self._helper.__enter__)
        except BaseException as error:
            self._caught.end(error)
            raise
        if self._reads and (raw := getattr(stream, "_raw_stream", None)) is not None:
            stream._raw_stream = Stream(raw, self._caught)
        return stream

    def __exit__(self, *exc: Any) -> Any:
        self._caught.left(exc[1])
        return self._helper.__exit__(*exc)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._helper, name)


class AsyncHelper:
    """The same for an async client."""

    def __init__(self, helper: Any, caught: Reader, reads: bool) -> None:
        self._helper = helper
        self._caught = caught
        self._reads = reads

    async def __aenter__(self) -> Any:
        try:
            stream = await self._helper.__aenter__()
        except BaseException as error:
            self._caught.end(error)
            raise
        if self._reads and (raw := getattr(stream, "_raw_stream", None)) is not None:
            stream._raw_stream = AsyncStream(raw, self._caught)
        return stream

    async def __aexit__(self, *exc: Any) -> Any:
        self._caught.left(exc[1])
        return await self._helper.__aexit__(*exc)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._helper, name)
