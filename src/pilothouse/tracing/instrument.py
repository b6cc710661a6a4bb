"""One line that traces a client of OpenAI or Anthropic: `client = instrument(OpenAI())`.

Each call becomes an llm span, and carries a `traceparent`: through a Pilothouse gateway it nests, and is billed once.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pilothouse.tracing.capture import HOSTILE
from pilothouse.tracing.spans import ActiveSpan
from pilothouse.tracing.tracer import TRACER
from pilothouse.tracing.vendors import Chat, Embeddings, Messages, Reading, Responses

__all__ = ["instrument"]

C = TypeVar("C")
_logger = logging.getLogger("pilothouse.tracing")
_METHODS: tuple[tuple[str, str, type[Reading]], ...] = (
    ("chat.completions", "create", Chat),
    ("chat.completions", "parse", Chat),
    ("responses", "create", Responses),
    ("responses", "parse", Responses),
    ("embeddings", "create", Embeddings),
    ("messages", "create", Messages),
)
_PROVIDERS = {"api.openai.com": "openai", "api.anthropic.com": "anthropic"}
_RAW = "x-stainless-raw-response"
_TRACED = "_pilothouse_traced"


def instrument(client: C) -> C:
    """Trace the calls of this client, sync or async, streamed or not; the same client comes back.

    Covers chat completions, responses, embeddings and messages. Twice is as good as once. A client of another kind is
    left as it is, and the log says so.
    """
    found = 0
    for path, name, reading in _METHODS:
        try:
            room: Any = client
            for part in path.split("."):
                room = getattr(room, part)
            method = getattr(room, name)
        except HOSTILE:
            continue
        found += 1
        if not hasattr(method, _TRACED):
            setattr(room, name, _traced(method, name, reading, client))
    if not found:
        _logger.warning("%s is no client that can be traced.", type(client).__name__)
    return client


def _traced(method: Callable[..., Any], name: str, reading: type[Reading], client: Any) -> Callable[..., Any]:
    label = f"{type(client).__name__.removeprefix('Async').lower()}.{reading.operation}"

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        span = TRACER.start(label, reading.kind)
        if not span.trace.sampled:
            return method(*args, **kwargs)
        caught = _Caught(span, reading(span))
        kwargs = caught.before(client, name, kwargs)
        try:
            answer = method(*args, **kwargs)
        except BaseException as error:
            caught.end(error)
            raise
        return caught.awaited(answer) if inspect.isawaitable(answer) else caught.after(answer)

    setattr(call, _TRACED, True)
    return call


class _Caught:
    """One call on its way."""

    def __init__(self, span: ActiveSpan, reading: Reading) -> None:
        self._span = span
        self._reading = reading
        self._raw = False
        self._usage_is_ours = False

    def before(self, client: Any, name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments to call with: the caller's, and the headers that tell of this span."""
        base = _safely(lambda: str(client.base_url)) or ""
        host = urlsplit(base).hostname or ""
        azure = type(client).__name__.endswith("AzureOpenAI")
        self._span.update(provider="azure" if azure else _PROVIDERS.get(host))
        _safely(lambda: self._reading.asked(kwargs))
        headers = dict(kwargs.get("extra_headers") or {})
        self._raw = any(str(header).lower() == _RAW for header in headers)
        headers.setdefault("traceparent", f"00-{self._span.trace.id}-{self._span.id}-01")
        changed = {**kwargs, "extra_headers": headers}
        ours = azure or host in _PROVIDERS or base.startswith(TRACER.options.url or "\0")
        streams = isinstance(self._reading, Chat) and name == "create" and kwargs.get("stream") is True
        if streams and ours and not kwargs.get("stream_options"):
            changed["stream_options"], self._usage_is_ours = {"include_usage": True}, True
        return changed

    async def awaited(self, answer: Awaitable[Any]) -> Any:
        try:
            made = await answer
        except BaseException as error:
            self.end(error)
            raise
        return self.after(made)

    def after(self, answer: Any) -> Any:
        """The answer, or the stream, that the caller gets."""
        if self._raw:
            read = _safely(lambda: answer.parse())
            if read is not None and not hasattr(read, "__next__") and not hasattr(read, "__anext__"):
                _safely(lambda: self._reading.answered(read))
            self.end()
            return answer
        if hasattr(answer, "__anext__"):
            return _AsyncStream(answer, self)
        if hasattr(answer, "__next__"):
            return _Stream(answer, self)
        _safely(lambda: self._reading.answered(answer))
        self.end()
        return answer

    def chunk(self, chunk: Any) -> bool:
        """Read it; whether the caller gets it, who did not ask for the figures at the end."""
        _safely(lambda: self._reading.chunk(chunk))
        return not (self._usage_is_ours and _safely(lambda: chunk.usage is not None and not chunk.choices))

    def left(self, error: BaseException | None = None) -> None:
        """A stream is over."""
        if self._span.duration_ns < 0:
            _safely(self._reading.ended)
            self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        if error is not None:
            self._span.fail(error)
        self._span.end()


class _Stream:
    """A sync stream that is read along; all else is the stream's own."""

    def __init__(self, stream: Any, caught: _Caught) -> None:
        self._stream = stream
        self._caught = caught

    def __iter__(self) -> "_Stream":
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

    def __enter__(self) -> "_Stream":
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


class _AsyncStream:
    """The same for an async stream."""

    def __init__(self, stream: Any, caught: _Caught) -> None:
        self._stream = stream
        self._caught = caught

    def __aiter__(self) -> "_AsyncStream":
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

    async def __aenter__(self) -> "_AsyncStream":
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


def _safely(read: Callable[[], Any]) -> Any:
    """What it returns, None where it fails: another version of a client must not break the program."""
    try:
        return read()
    except HOSTILE as error:
        _logger.debug("A call could not be read: %r", error)
        return None
