"""One call of a vendor's client on its way: its arguments, its answer whole or in parts, and how it ended.

Knows nothing of which methods are traced. Never raises into the program.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from pilothouse.tracing.capture import HOSTILE
from pilothouse.tracing.raw import is_whole, watch
from pilothouse.tracing.spans import ActiveSpan
from pilothouse.tracing.streams import AsyncHelper, AsyncStream, Helper, Stream
from pilothouse.tracing.tracer import TRACER
from pilothouse.tracing.vendors import Chat, Reading

__all__ = ["CaughtCall"]

_logger = logging.getLogger("pilothouse.tracing")
_PROVIDERS = {"api.openai.com": "openai", "api.anthropic.com": "anthropic"}
_RAW = "x-stainless-raw-response"
_NOT_SAID = ("Omit", "NotGiven")


class CaughtCall:
    """A call and its span. `left` and `end` may come more than once: the first counts."""

    def __init__(self, span: ActiveSpan, reading: Reading) -> None:
        self._span = span
        self._reading = reading
        self._raw = False
        self._usage_is_ours = False
        self._stream: tuple[Any, Any] | None = None
        self._reading_on: Awaitable[Any] | None = None

    def before(self, client: Any, name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments to call with: the caller's, and the headers that tell of this span."""
        base = _safely(lambda: str(client.base_url)) or ""
        host = urlsplit(base).hostname or ""
        azure = type(client).__name__.endswith("AzureOpenAI")
        self._span.update(provider="azure" if azure else _PROVIDERS.get(host))
        said = {key: value for key, value in kwargs.items() if type(value).__name__ not in _NOT_SAID}
        _safely(lambda: self._reading.asked(said))
        headers = dict(said.get("extra_headers") or {})
        self._raw = any(str(header).lower() == _RAW for header in headers)
        headers.setdefault("traceparent", f"00-{self._span.trace.id}-{self._span.id}-01")
        changed = {**kwargs, "extra_headers": headers}
        ours = azure or host in _PROVIDERS or base.startswith(TRACER.options.url or "\0")
        streams = isinstance(self._reading, Chat) and (name == "stream" or said.get("stream") is True)
        if streams and ours and not self._raw and not said.get("stream_options"):
            changed["stream_options"], self._usage_is_ours = {"include_usage": True}, True
        return changed

    async def awaited(self, answer: Awaitable[Any]) -> Any:
        """The same as `after` for what is still to be awaited."""
        try:
            made = await answer
        except BaseException as error:
            self.end(error)
            raise
        made = self.after(made)
        if self._reading_on is not None:
            reading_on, self._reading_on = self._reading_on, None
            try:
                await reading_on
            except HOSTILE as error:
                _logger.debug("A raw answer could not be read: %r", error)
        return made

    def after(self, answer: Any) -> Any:
        """The answer, or the stream, that the caller gets."""
        if self._raw:
            watch(answer, self)
            if is_whole(answer) and inspect.isawaitable(read := _safely(answer.parse)):
                self._reading_on = read
            return answer
        if hasattr(answer, "__anext__"):
            return AsyncStream(answer, self)
        if hasattr(answer, "__next__"):
            return Stream(answer, self)
        if hasattr(answer, "__aenter__"):
            return AsyncHelper(answer, self, self._span.trace.sampled)
        if hasattr(answer, "__enter__"):
            return Helper(answer, self, self._span.trace.sampled)
        _safely(lambda: self._reading.answered(answer))
        self.end()
        return answer

    def parsed(self, answer: Any) -> Any:
        """What a raw answer holds, which may be asked for again and again."""
        if not hasattr(answer, "__next__") and not hasattr(answer, "__anext__"):
            if self._span.duration_ns < 0:
                _safely(lambda: self._reading.answered(answer))
                self.end()
            return answer
        if self._stream is None or self._stream[0] is not answer:
            self._stream = (answer, (AsyncStream if hasattr(answer, "__anext__") else Stream)(answer, self))
        return self._stream[1]

    def chunk(self, chunk: Any) -> bool:
        """Read it; whether the caller gets it, who did not ask for the figures at the end."""
        _safely(lambda: self._reading.chunk(chunk))
        return not (self._usage_is_ours and _safely(lambda: chunk.usage is not None and not chunk.choices))

    def left(self, error: BaseException | None = None) -> None:
        """A stream is over."""
        if self._span.duration_ns < 0:
            _safely(self._reading.ended)
            self.end(error)

    def let_go(self) -> None:
        """A raw answer is gone; a stream that was made of it may live on."""
        if self._stream is None:
            self.left()

    def end(self, error: BaseException | None = None) -> None:
        """The call is over, with this error or without."""
        if error is not None and self._span.duration_ns < 0:
            self._span.fail(error)
        self._span.end()


def _safely(read: Callable[[], Any]) -> Any:
    """What it returns, None where it fails: another version of a client must not break the program."""
    try:
        return read()
    except HOSTILE as error:
        _logger.debug("A call could not be read: %r", error)
        return None
