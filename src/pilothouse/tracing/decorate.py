"""`@observe()`: a function's calls as spans. Sync and async functions, generators of both kinds, classes.

Knows nothing of how spans leave the process.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from functools import wraps
from typing import Any, NamedTuple, TypeVar, overload

from pilothouse.tracing.spans import ActiveSpan, current
from pilothouse.tracing.tracer import TRACER

__all__ = ["observe"]

F = TypeVar("F", bound=Callable[..., Any])
_MOST_ITEMS = 1000
_SELF = ("self", "cls")


class _How(NamedTuple):
    name: str | None
    kind: str
    capture_input: bool
    capture_output: bool


@overload
def observe(target: F, /) -> F:
    """`@observe` alone."""


@overload
def observe(
    *, name: str | None = None, kind: str = "chain", capture_input: bool = True, capture_output: bool = True
) -> Callable[[F], F]:
    """`@observe(...)` with options."""


def observe(
    target: Any = None, /, *, name: str | None = None, kind: str = "chain", capture_input: bool = True,
    capture_output: bool = True,
) -> Any:  # fmt: skip
    """Trace each call: arguments as input, what is returned (or yielded) as output, errors recorded and raised on.

    `@observe` and `@observe(name=..., kind=...)`, on functions of all kinds; on a class it traces the public methods.
    """
    how = _How(name, kind, capture_input, capture_output)
    return _wrap(target, how) if target is not None else lambda target: _wrap(target, how)


def _wrap(target: Any, how: _How) -> Any:
    if inspect.isclass(target):
        return _wrap_class(target, how)
    if isinstance(target, staticmethod | classmethod):
        return type(target)(_wrap(target.__func__, how))
    inner = inspect.unwrap(target) if callable(target) else target
    begin, show = _beginner(target, how), how.capture_output
    if inspect.isasyncgenfunction(inner):
        return _async_generator(target, begin, show)
    if inspect.isgeneratorfunction(inner):
        return _generator(target, begin, show)
    if inspect.iscoroutinefunction(inner):
        return _coroutine(target, begin, show)
    return _function(target, begin, show)


def _wrap_class(target: type, how: _How) -> type:
    for name, member in list(vars(target).items()):
        traced = inspect.isfunction(member) or isinstance(member, staticmethod | classmethod)
        if traced and not name.startswith("_"):
            setattr(target, name, _wrap(member, how._replace(name=f"{how.name or target.__name__}.{name}")))
    return target


def _beginner(target: Any, how: _How) -> Callable[[tuple[Any, ...], dict[str, Any]], ActiveSpan]:
    """Starts the span of one call; the names of the parameters are looked up once."""
    name = how.name or getattr(target, "__qualname__", None) or type(target).__name__
    name = name.rpartition("<locals>.")[2]
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    skip = 1 if names and names[0] in _SELF else 0
    start, kind = TRACER.start, how.kind

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> ActiveSpan:
        if not how.capture_input or not (args or kwargs):
            return start(name, kind)
        given = dict(zip(names[skip:], args[skip:], strict=False))
        if len(args) > len(names):
            given["args"] = args[len(names) :]
        return start(name, kind, {**given, **kwargs} or None)

    return begin


def _function(target: Any, begin: Any, show: bool) -> Any:
    @wraps(target)
    def run(*args: Any, **kwargs: Any) -> Any:
        with begin(args, kwargs) as span:
            made = target(*args, **kwargs)
            if show:
                span.update(output=made)
            return made

    return run


def _coroutine(target: Any, begin: Any, show: bool) -> Any:
    @wraps(target)
    async def run(*args: Any, **kwargs: Any) -> Any:
        with begin(args, kwargs) as span:
            made = await target(*args, **kwargs)
            if show:
                span.update(output=made)
            return made

    return run


class _Steps:
    """A generator's span is current while the generator runs, and not while its consumer does."""

    def __init__(self, span: ActiveSpan, show: bool) -> None:
        self.span = span
        self._inside: Any = span
        self._items: list[Any] | None = [] if show else None

    def __enter__(self) -> None:
        self._token = current.set(self._inside)

    def __exit__(self, *_: object) -> None:
        self._inside = current.get()
        current.reset(self._token)

    def keep(self, item: Any) -> None:
        if self._items is not None and len(self._items) < _MOST_ITEMS:
            self._items.append(item)

    def end(self, error: BaseException | None = None) -> None:
        if self._items:
            texts = all(type(item) is str for item in self._items)
            self.span.update(output="".join(self._items) if texts else self._items)
        if error is not None:
            self.span.fail(error)
        self.span.end()


def _generator(target: Any, begin: Any, show: bool) -> Any:
    def drive(source: Generator[Any, Any, Any], steps: _Steps) -> Generator[Any, Any, Any]:
        step, given = source.send, None
        try:
            while True:
                try:
                    with steps:
                        item = step(given)
                except StopIteration as stop:
                    if stop.value is not None:
                        steps.keep(stop.value)
                    steps.end()
                    return stop.value
                steps.keep(item)
                try:
                    given = yield item
                    step = source.send
                except GeneratorExit:
                    with steps:
                        source.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is thrown into the generator
                    step, given = source.throw, error
        except BaseException as error:
            steps.end(error)
            raise

    @wraps(target)
    def run(*args: Any, **kwargs: Any) -> Any:
        return (yield from drive(target(*args, **kwargs), _Steps(begin(args, kwargs), show)))

    return run


def _async_generator(target: Any, begin: Any, show: bool) -> Any:
    @wraps(target)
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        source, steps = target(*args, **kwargs), _Steps(begin(args, kwargs), show)
        step, given = source.asend, None
        try:
            while True:
                try:
                    with steps:
                        item = await step(given)
                except StopAsyncIteration:
                    steps.end()
                    return
                steps.keep(item)
                try:
                    given = yield item
                    step = source.asend
                except GeneratorExit:
                    with steps:
                        await source.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is thrown into the generator
                    step, given = source.athrow, error
        except BaseException as error:
            steps.end(error)
            raise

    return run
