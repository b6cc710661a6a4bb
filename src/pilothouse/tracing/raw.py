"""Raw responses of the vendors' clients (`with_raw_response`, `with_streaming_response`), read as the program reads.

Never reads a body that the program has not asked for. Knows nothing of vendors.
"""

import inspect
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from pilothouse.tracing.capture import HOSTILE

__all__ = ["Parsing", "is_whole", "watch"]


class Parsing(Protocol):
    """The call that a raw response answers."""

    def parsed(self, answer: Any) -> Any: ...

    def left(self, error: BaseException | None = None) -> None: ...

    def let_go(self) -> None: ...


def is_whole(response: Any) -> bool:
    """Whether its body is here already, and no stream."""
    try:
        return bool(response.http_response.content is not None)
    except HOSTILE:  # a body that is still to be read says so
        return False


def watch(response: Any, call: Parsing) -> None:
    """From here on the call learns what `parse` gives, and that it is over when the response is closed or let go."""
    response.parse = _told(response.parse, call.parsed, call)
    close = getattr(response, "close", None)
    if close is not None:
        response.close = _closing(response, close, call)
    weakref.finalize(response, call.let_go).atexit = False


def _told(method: Callable[..., Any], tell: Callable[[Any], Any], call: Parsing) -> Callable[..., Any]:
    async def when_there(awaited: Any) -> Any:
        try:
            made = await awaited
        except BaseException as error:
            call.left(error)
            raise
        return tell(made)

    @wraps(method)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            made = method(*args, **kwargs)
        except BaseException as error:
            call.left(error)
            raise
        return when_there(made) if inspect.isawaitable(made) else tell(made)

    return told


def _closing(response: Any, close: Callable[..., Any], call: Parsing) -> Callable[..., Any]:
    """What was read as text or JSON is parsed at the end, for the span alone."""

    async def when_read() -> Any:
        if is_whole(response):
            try:
                await response.parse()
            except HOSTILE as error:
                call.left(error)
        call.left()
        return await close()

    @wraps(close)
    def closed() -> Any:
        if inspect.iscoroutinefunction(inspect.unwrap(close)):
            return when_read()
        if is_whole(response):
            try:
                response.parse()
            except HOSTILE as error:
                call.left(error)
        call.left()
        return close()

    return closed
