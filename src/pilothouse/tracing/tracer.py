"""The tracer of this process: its options, and the public functions that start spans.

Where a server is named (PILOTHOUSE_URL) spans are sent to it, else they are kept in PILOTHOUSE_HOME; with neither, or
with PILOTHOUSE_TRACING=0, nothing is recorded.
"""

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Self

from pilothouse.tracing.capture import capture
from pilothouse.tracing.delivery import Delivery, Sender
from pilothouse.tracing.encode import Mask
from pilothouse.tracing.http import HttpSender
from pilothouse.tracing.spans import ActiveSpan, Trace, current, new_trace, opening

__all__ = [
    "TRACER", "Options", "Tracer", "configure", "flush", "span", "trace_context", "update_current_span",
    "update_current_trace",
]  # fmt: skip

_logger = logging.getLogger("pilothouse.tracing")
_OFF = ("0", "false", "no", "off")
_OVERHEAD = 500  # bytes of a span without payloads, about


@dataclass(frozen=True, slots=True)
class Options:
    """Where spans go and what is said of all of them. `mask` is called with each input, output and metadata before it
    leaves the process, and returns what may. `sample_rate` is the share of traces that are recorded."""

    url: str | None = None
    api_key: str | None = None
    home: str | None = None
    environment: str | None = None
    release: str | None = None
    sample_rate: float = 1.0
    enabled: bool = True
    mask: Mask | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """From `PILOTHOUSE_*`. What cannot be read is reported in the log and left at its default."""
        given = {name: env.get(variable) or None for name, variable in _TEXTS.items()}
        rate = _share(env.get("PILOTHOUSE_SAMPLE_RATE") or 1.0)
        off = env.get("PILOTHOUSE_TRACING", "").lower() in _OFF
        return cls(sample_rate=rate, enabled=not off, **given)  # type: ignore[arg-type]

    def open(self) -> Sender:
        """What takes the spans."""
        if self.url:
            return HttpSender(self.url, self.api_key, self.mask)
        home = import_module("pathlib").Path(self.home)
        return import_module("pilothouse.tracing.home").HomeSender(home, self.mask)  # type: ignore[no-any-return]


_TEXTS = {
    "url": "PILOTHOUSE_URL", "api_key": "PILOTHOUSE_API_KEY", "home": "PILOTHOUSE_HOME",
    "environment": "PILOTHOUSE_ENVIRONMENT", "release": "PILOTHOUSE_RELEASE",
}  # fmt: skip


def _share(given: Any) -> float:
    """A share of traces; all of them, with a word in the log, where it is none."""
    try:
        share = float(given)
    except (TypeError, ValueError):
        share = -1.0
    if 0 <= share <= 1:
        return share
    _logger.warning("The sample rate %.40r is no number from 0 to 1; all traces are recorded.", given)
    return 1.0


class Tracer:
    """Starts spans and delivers the finished ones. Options come from the environment at the first span."""

    def __init__(self, options: Options | None = None) -> None:
        self._lock = threading.Lock()
        self._options = options
        self.delivery: Delivery | None = None
        self._leaving: list[threading.Thread] = []
        self._ready = False
        self._rate = 1.0
        self._about: dict[str, Any] | None = None
        renew = weakref.WeakMethod(self._renew)
        os.register_at_fork(after_in_child=lambda: (method := renew()) and method())

    @property
    def options(self) -> Options:
        if not self._ready:
            self._prepare()
        assert self._options is not None
        return self._options

    def configure(self, **options: Any) -> None:
        """Change some options. What was recorded before is still sent where it was to go."""
        if "sample_rate" in options:
            options["sample_rate"] = _share(options["sample_rate"])
        changed = replace(self._options or Options.from_env(os.environ), **options)
        with self._lock:
            left, self.delivery = self.delivery, None
            self._options, self._ready = changed, False
        if left is not None:
            ending = threading.Thread(target=left.close, name="pilothouse-tracing-end", daemon=True)
            ending.start()
            self._leaving = [*(thread for thread in self._leaving if thread.is_alive()), ending]

    def start(self, name: str, kind: str = "chain", input: Any = None) -> ActiveSpan:
        """A running span below the current one, not yet current itself."""
        if not self._ready:
            self._prepare()
        parent = current.get()
        if parent is None:
            made = ActiveSpan(self, name, kind, new_trace(self._rate, self._about), None)
        else:
            made = ActiveSpan(self, name, kind, parent.trace, parent.id)
        if input is not None and made.trace.sampled:
            made.input = capture(input)
        return made

    def trace(self, identifier: str, sampled: bool) -> Trace:
        """A trace that another process began."""
        options = self.options
        return Trace(identifier, sampled and self._rate > 0 and options.enabled, self._about)

    def finished(self, span: ActiveSpan) -> None:
        """Queue it."""
        delivery = self.delivery
        if delivery is not None:
            delivery.put(span, _OVERHEAD + _size(span.input) + _size(span.output))

    def score(self, score: dict[str, Any]) -> None:
        """Queue a score."""
        if not self._ready:
            self._prepare()
        if self.delivery is not None:
            self.delivery.put(score, _OVERHEAD)

    def flush(self, timeout: float = 10.0) -> bool:
        """Whether everything that was recorded has been taken, also what was before the options changed."""
        until = time.monotonic() + timeout
        for thread in self._leaving:
            thread.join(max(0.0, until - time.monotonic()))
        sent = self.delivery is None or self.delivery.flush(max(0.0, until - time.monotonic()))
        return sent and not any(thread.is_alive() for thread in self._leaving)

    def _renew(self) -> None:
        self._lock = threading.Lock()  # a thread that held it is not in the child

    def _prepare(self) -> None:
        with self._lock:
            if self._ready:
                return
            options = self._options = self._options or Options.from_env(os.environ)
            goes_somewhere = bool(options.url or options.home)
            if options.enabled and not goes_somewhere:
                _logger.warning("Spans go nowhere: set PILOTHOUSE_URL (a server) or PILOTHOUSE_HOME (a folder).")
            if options.url and not str(options.url).startswith(("http://", "https://")):
                _logger.warning("Spans go nowhere: %.80r must begin with http:// or https://.", options.url)
                goes_somewhere = False
            on = options.enabled and goes_somewhere
            self._rate = options.sample_rate if on else 0.0
            self._about = {
                name: value for name in ("environment", "release") if (value := getattr(options, name)) is not None
            } or None
            self.delivery = Delivery(options.open) if on else None
            self._ready = True


def _size(value: Any) -> int:
    """About how many bytes a captured value holds."""
    kind = type(value)
    if kind is str:
        return len(value)
    if kind is dict:
        return 64 + sum(len(name) + _size(item) for name, item in value.items())
    if kind is list:
        return 64 + sum(map(_size, value))
    return 8


TRACER = Tracer()
"""The tracer of this process."""


def span(name: str, kind: str = "chain", *, input: Any = None) -> ActiveSpan:
    """Trace a block: `with span("retrieval", kind="retriever", input=query) as s: s.update(output=...)`.

    Works in `async with` too. `kind`: llm, embedding, retriever, reranker, chain, tool, agent, guard or evaluator.
    """
    return TRACER.start(name, kind, input)


def update_current_span(**fields: Any) -> None:
    """`ActiveSpan.update` of the span that runs now; nothing where none does."""
    running = current.get()
    if isinstance(running, ActiveSpan):
        running.update(**fields)


def update_current_trace(
    *, user_id: str | None = None, session_id: str | None = None, tags: list[str] | None = None,
    environment: str | None = None, release: str | None = None, feature: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Say who and what the current trace is for; nothing where none runs. Spans that ended before do not carry it."""
    running = current.get()
    if running is not None:
        about = {
            "user_id": user_id, "session_id": session_id, "tags": tags, "environment": environment, "release": release,
            "feature": feature, "metadata": metadata,
        }  # fmt: skip
        running.trace.update(about)


@contextmanager
def trace_context(
    *, user_id: str | None = None, session_id: str | None = None, tags: list[str] | None = None,
    environment: str | None = None, release: str | None = None, feature: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Iterator[None]:  # fmt: skip
    """The same for the trace that runs now, or where none does for those that begin in this block."""
    about = {
        "user_id": user_id, "session_id": session_id, "tags": tags, "environment": environment, "release": release,
        "feature": feature, "metadata": metadata,
    }  # fmt: skip
    if (running := current.get()) is not None:
        running.trace.update(about)
        yield
        return
    token = opening.set((*opening.get(), about))
    try:
        yield
    finally:
        opening.reset(token)


def configure(**options: Any) -> None:
    """Set options in code: url, api_key, home, environment, release, sample_rate, enabled, mask. They go before the
    environment's."""
    TRACER.configure(**options)


def flush(timeout: float = 10.0) -> bool:
    """Wait until what was recorded has been taken, at most `timeout` seconds; whether it was."""
    return TRACER.flush(timeout)
