"""The span that runs now, and the trace it belongs to. Knows nothing of how spans leave the process.

Starting and ending a span costs the caller a few microseconds: what can wait is done by whoever delivers it.
"""

import time
from contextvars import ContextVar, Token
from random import getrandbits
from typing import Any, Protocol, Self

from pilothouse.ids import new_id
from pilothouse.tracing.capture import capture

__all__ = ["ABOUT", "ActiveSpan", "RemoteSpan", "Sink", "Trace", "current", "new_trace", "opening", "sampled"]

ABOUT = ("user_id", "session_id", "environment", "release", "feature")
"""What a trace says once for all of its spans."""

current: "ContextVar[ActiveSpan | RemoteSpan | None]" = ContextVar("pilothouse_span", default=None)

opening: ContextVar[tuple[dict[str, Any], ...]] = ContextVar("pilothouse_opening", default=())
"""What is said of traces that begin from here on."""


class Sink(Protocol):
    """Where finished spans go. Must not raise, nor block."""

    def finished(self, span: "ActiveSpan") -> None: ...


class Trace:
    """What the spans of one trace share in this process. A trace that is not `sampled` is recorded nowhere."""

    __slots__ = ("about", "id", "sampled", "tags")

    def __init__(self, identifier: str, sampled: bool, about: dict[str, Any] | None = None) -> None:
        self.id = identifier
        self.sampled = sampled
        self.about: dict[str, Any] = {}
        self.tags: list[str] = []
        if about:
            self.update(about)

    def update(self, about: dict[str, Any]) -> None:
        """Take over what is not None. Tags add up; a `metadata` is merged."""
        for name, value in about.items():
            if value is None:
                continue
            if name == "tags":
                self.tags = [*self.tags, *(tag for tag in _tags(value) if tag not in self.tags)]
            elif name == "metadata":
                self.about["metadata"] = {**self.about.get("metadata", {}), **_mapping(value)}
            else:
                self.about[name] = capture(value, 1000)


class RemoteSpan:
    """The span of another process that ours continue."""

    __slots__ = ("id", "trace")

    def __init__(self, trace: Trace, identifier: str) -> None:
        self.trace = trace
        self.id = identifier


class ActiveSpan:
    """One step of a trace, from `with` to the end of its block. It never raises into the code around it."""

    __slots__ = (
        "_began", "_sink", "_token", "duration_ns", "error", "facts", "id", "input", "kind", "metadata", "name",
        "output", "parent_id", "start_us", "tags", "trace",
    )  # fmt: skip

    def __init__(self, sink: Sink, name: str, kind: str, trace: Trace, parent_id: str | None) -> None:
        self.id = f"{getrandbits(64) or 1:016x}"
        self.trace = trace
        self.parent_id = parent_id
        self.name = name
        self.kind = kind
        self.input: Any = None
        self.output: Any = None
        self.error: tuple[str, str | None, str] | None = None
        self.facts: dict[str, Any] | None = None
        self.metadata: dict[str, Any] | None = None
        self.tags: list[str] | None = None
        self.duration_ns = -1
        self._sink = sink
        self._token: Token[Any] | None = None
        self.start_us = time.time_ns() // 1000
        self._began = time.perf_counter_ns()

    @property
    def trace_id(self) -> str:
        """32 hex digits: what the trace is found by."""
        return self.trace.id

    def update(
        self, *, input: Any = None, output: Any = None, name: str | None = None, model: str | None = None,
        response_model: str | None = None, provider: str | None = None, operation: str | None = None,
        usage: Any = None, cost: float | None = None, ttft: float | None = None, prompt: str | None = None,
        metadata: dict[str, Any] | None = None, tags: list[str] | None = None,
    ) -> Self:  # fmt: skip
        """Say more about this step; None leaves things as they are.

        `usage` may be what OpenAI or Anthropic send, `cost` is in USD, `ttft` (the time to the first token) in seconds,
        `prompt` is `name@version`. `metadata` is merged, `tags` add up.
        """
        if not self.trace.sampled:
            return self
        if input is not None:
            self.input = capture(input)
        if output is not None:
            self.output = capture(output)
        if name is not None:
            self.name = str(capture(name, 1000))
        if metadata is not None:
            self.metadata = {**(self.metadata or {}), **_mapping(metadata)}
        if tags is not None:
            self.tags = [*(self.tags or ()), *_tags(tags)]
        facts = {
            "request_model": model, "response_model": response_model, "provider": provider, "operation": operation,
            "usage": usage, "cost": cost, "ttft": ttft, "prompt": prompt,
        }  # fmt: skip
        known = {name: capture(value, 2000) for name, value in facts.items() if value is not None}
        if known:
            self.facts = {**(self.facts or {}), **known}
        return self

    def first_token(self) -> None:
        """The first part of a streamed answer is there."""
        if not self.facts or "ttft" not in self.facts:
            self.update(ttft=(time.perf_counter_ns() - self._began) / 1e9)

    def fail(self, error: BaseException) -> None:
        """Mark as failed by this error; being cancelled is no failure."""
        name = type(error).__name__
        status = "cancelled" if name in ("CancelledError", "GeneratorExit", "Cancelled") else "error"
        message = capture(error if status == "error" else "", 2000)
        try:
            message = str(error)[:2000]
        except Exception:  # noqa: BLE001 - a user's own error class may do anything
            message = str(message)
        self.error = (name, message or None, status)

    def end(self) -> None:
        """End it, once; a `with` does so by itself."""
        if self.duration_ns < 0:
            self.duration_ns = time.perf_counter_ns() - self._began
            if self.trace.sampled:
                self._sink.finished(self)

    def __enter__(self) -> Self:
        self._token = current.set(self)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is not None:
            self.fail(error)
        token, self._token = self._token, None
        if token is not None:
            try:
                current.reset(token)
            except (ValueError, RuntimeError):  # left in another context than it was entered in
                current.set(None if token.old_value is Token.MISSING else token.old_value)
        self.end()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        self.__exit__(kind, error, traceback)


def new_trace(rate: float, about: dict[str, Any] | None) -> Trace:
    """A trace that starts here, sampled by its id alone: whoever else sees the id decides the same."""
    identifier = new_id()
    trace = Trace(identifier, rate >= 1 or (rate > 0 and sampled(identifier, rate)), about)
    for said in opening.get():
        trace.update(said)
    return trace


def sampled(trace_id: str, rate: float) -> bool:
    """By the last 56 bits of the id, which are random: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag"""
    return int(trace_id[-14:], 16) < rate * 2**56


def _tags(tags: Any) -> list[str]:
    copied = capture(tags, 5000)
    return [str(tag) for tag in copied] if isinstance(copied, list) else [str(copied)]


def _mapping(value: Any) -> dict[str, Any]:
    copied = capture(value)
    return copied if isinstance(copied, dict) else {"value": copied}
