"""One line that traces a client of OpenAI or Anthropic: `client = instrument(OpenAI())`.

Which methods of a client are traced, and how; what becomes of one call is in `caught.py`.
"""

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from pilothouse.tracing.capture import HOSTILE
from pilothouse.tracing.caught import CaughtCall
from pilothouse.tracing.streams import is_within, within
from pilothouse.tracing.tracer import TRACER
from pilothouse.tracing.vendors import Chat, Embeddings, Messages, Reading, Responses

__all__ = ["instrument"]

C = TypeVar("C")
_logger = logging.getLogger("pilothouse.tracing")
_METHODS: tuple[tuple[str, type[Reading]], ...] = (
    *(
        (f"{room}.{name}", Chat)
        for room in ("chat.completions", "beta.chat.completions")
        for name in ("create", "parse", "stream")
    ),
    *((f"responses.{name}", Responses) for name in ("create", "parse", "stream")),
    ("embeddings.create", Embeddings),
    *((f"{room}.{name}", Messages) for room in ("messages", "beta.messages") for name in ("create", "parse", "stream")),
)
_TRACED = "_pilothouse_traced"
_BOUND_EARLY = ("with_raw_response", "with_streaming_response")
"""Kept by a client once they were asked for, with the methods of that moment."""


def instrument(client: C) -> C:
    """Trace the calls of this client, sync or async, streamed or not; the same client comes back.

    Covers chat completions, responses, embeddings and messages, with their `.stream()` helpers and raw responses, and
    the clients that `with_options` makes of it. Twice is as good as once. A client of another kind is left as it is,
    and the log says so.
    """
    found = 0
    for path, reading in _METHODS:
        *rooms, name = path.split(".")
        try:
            room: Any = client
            for part in rooms:
                _forget_bound(room)
                room = getattr(room, part)
            method = getattr(room, name)
        except HOSTILE:
            continue
        found += 1
        if not hasattr(method, _TRACED):
            _forget_bound(room)
            setattr(room, name, _traced(method, name, reading, client))
    if not found:
        _logger.warning("%s is no client that can be traced.", type(client).__name__)
        return client
    for name in ("copy", "with_options"):
        method = getattr(client, name, None)
        if callable(method) and not hasattr(method, _TRACED):
            setattr(client, name, _copying(method))
    return client


def _forget_bound(room: Any) -> None:
    for name in _BOUND_EARLY:
        vars(room).pop(name, None)


def _copying(copy: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(copy)
    def call(*args: Any, **kwargs: Any) -> Any:
        return instrument(copy(*args, **kwargs))

    setattr(call, _TRACED, True)
    return call


def _traced(method: Callable[..., Any], name: str, reading: type[Reading], client: Any) -> Callable[..., Any]:
    label = f"{type(client).__name__.removeprefix('Async').lower()}.{reading.operation}"
    helps = name == "stream"

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if is_within():  # a helper that calls another method of the client: one span
            return method(*args, **kwargs)
        span = TRACER.start(label, reading.kind)
        if not span.trace.sampled and not helps:
            return method(*args, **kwargs)
        caught = CaughtCall(span, reading(span))
        if span.trace.sampled:
            kwargs = caught.before(client, name, kwargs)
        try:
            answer = within(lambda: method(*args, **kwargs)) if helps else method(*args, **kwargs)
        except BaseException as error:
            caught.end(error)
            raise
        return caught.awaited(answer) if inspect.isawaitable(answer) else caught.after(answer)

    setattr(call, _TRACED, True)
    return call
