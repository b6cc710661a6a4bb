"""Takes the current span along: to other threads, and over HTTP as a W3C `traceparent`.

Tasks of asyncio need nothing: they copy the context. https://www.w3.org/TR/trace-context/#traceparent-header
"""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from contextvars import copy_context
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pilothouse.tracing.spans import RemoteSpan, current
from pilothouse.tracing.tracer import TRACER

__all__ = ["ContextExecutor", "continue_trace", "propagation_headers", "with_context"]

P = ParamSpec("P")
T = TypeVar("T")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


def propagation_headers() -> dict[str, str]:
    """Headers that let another service go on with the current trace; none where no span runs."""
    running = current.get()
    if running is None:
        return {}
    return {"traceparent": f"00-{running.trace.id}-{running.id}-{'01' if running.trace.sampled else '00'}"}


@contextmanager
def continue_trace(headers: Mapping[str, Any]) -> Iterator[None]:
    """Spans in this block go on with the trace that a request's headers name; without one they begin their own.

    A caller who does not sample the trace is followed.
    """
    match = _TRACEPARENT.fullmatch(_header(headers))
    if match is None:
        yield
        return
    trace_id, span_id, flags = match.groups()
    token = current.set(RemoteSpan(TRACER.trace(trace_id, bool(int(flags, 16) & 1)), span_id))
    try:
        yield
    finally:
        current.reset(token)


def with_context(target: Callable[P, T]) -> Callable[P, T]:
    """The same function for another thread: `Thread(target=with_context(work))`. Its spans go below the span that runs
    here and now."""
    context = copy_context()

    @wraps(target)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(target, *args, **kwargs)

    return run


class ContextExecutor(Executor):
    """A thread pool whose work goes below the span that runs where it is submitted."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As of any Executor; `map` goes this way too."""
        return self._executor.submit(with_context(fn), *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut the pool down."""
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


def _header(headers: Mapping[str, Any]) -> str:
    try:
        found = next((value for name, value in headers.items() if str(name).lower() == "traceparent"), "")
        return found if isinstance(found, str) else ""
    except Exception:  # noqa: BLE001 - any framework's headers, and a request must not fail for them
        return ""
