"""What an agent runs on: models to ask, and spans for its steps. Over the gateway of this process, or over HTTP.

Knows nothing of tools and labels.
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from pilothouse.call import Call, Kind, Progress, Recorder, Reservation, Span
from pilothouse.client import AsyncClient
from pilothouse.errors import ConfigError, ProviderProtocolError
from pilothouse.protocols import Chat
from pilothouse.types import ChatRequest, ChatResponse, Json

if TYPE_CHECKING:
    from pilothouse.tracing.spans import ActiveSpan

__all__ = ["Ground", "OnCall", "OverHttp", "Reply", "Step", "at_server", "ground_of"]


@dataclass(frozen=True, slots=True)
class Reply:
    """The message of a model, as a chat has it, and what it cost in nano-USD; None where that is not known."""

    message: Json
    cost_nano: int | None


class Step(Protocol):
    """A span that runs."""

    @property
    def trace_id(self) -> str: ...

    def inside(self, name: str, kind: Kind) -> AbstractContextManager["Step"]:
        """A step below this one."""
        ...

    def tell(self, *, input: Any = None, output: Any = None, **attributes: Any) -> None:
        """Say more of it."""
        ...

    def fail(self, error: BaseException) -> None:
        """It failed, though the work goes on."""
        ...

    async def ask(self, body: Json) -> Reply:
        """Have a model answer a chat. Raises what the gateway raises."""
        ...


class Ground(Protocol):
    """Where the steps of an agent begin."""

    def begin(self, name: str, kind: Kind) -> AbstractContextManager[Step]: ...


@dataclass(frozen=True)
class OnCall:
    """The gateway of this process, `chat`, in the name of `call`."""

    chat: Chat
    call: Call

    @contextmanager
    def begin(self, name: str, kind: Kind) -> Iterator[Step]:
        """A step below the call."""
        with self.call.step(name, kind) as (span, inner):
            # What an agent asks is the caller's own, no part of some model's answer: limits and policies hold for it.
            yield _CallStep(self.chat, span, replace(inner, depth=self.call.depth))


@dataclass(frozen=True)
class OverHttp:
    """A running Pilothouse. Spans are those of `pilothouse.tracing`."""

    client: AsyncClient

    @contextmanager
    def begin(self, name: str, kind: Kind) -> Iterator[Step]:
        """A step below the span that runs."""
        from pilothouse.tracing.tracer import TRACER  # noqa: PLC0415 - a server, which imports this, needs none of it

        with TRACER.start(name, kind) as span:
            yield _TracedStep(self.client, span)


def at_server(platform: Any) -> tuple[str, str | None]:
    """The address and the key of a Client, an Embedded or what has one; of the environment where it is None. Raises
    ConfigError where nothing says."""
    given = getattr(platform, "client", platform)
    url = getattr(given, "base_url", None) or os.environ.get("PILOTHOUSE_URL")
    if not url:
        raise ConfigError("Say where the platform is: platform=..., or PILOTHOUSE_URL.", param="platform")
    return url, getattr(given, "api_key", None) or os.environ.get("PILOTHOUSE_API_KEY")


@asynccontextmanager
async def ground_of(platform: Any) -> AsyncIterator[Ground]:
    """Where steps begin for what an Agent was given as its platform. Raises ConfigError where nothing says."""
    given = getattr(platform, "client", platform)
    if hasattr(platform, "begin") and not hasattr(given, "base_url"):
        yield platform
    elif isinstance(given, AsyncClient):
        yield OverHttp(given)
    else:
        from pilothouse.tracing.propagate import propagation_headers  # noqa: PLC0415

        url, key = at_server(given)
        async with AsyncClient(url, key, about=propagation_headers) as client:
            yield OverHttp(client)


@dataclass(frozen=True)
class _CallStep:
    chat: Chat
    span: Span
    call: Call

    @property
    def trace_id(self) -> str:
        return self.span.trace_id

    def inside(self, name: str, kind: Kind) -> AbstractContextManager[Step]:
        return OnCall(self.chat, self.call).begin(name, kind)

    def tell(self, *, input: Any = None, output: Any = None, **attributes: Any) -> None:
        if input is not None:
            self.span.input = _object(input)
        if output is not None:
            self.span.output = _object(output)
        self.span.attributes |= attributes

    def fail(self, error: BaseException) -> None:
        self.span.fail(error)

    async def ask(self, body: Json) -> Reply:
        tally = _Tally(self.call.recorder)
        call, raw = replace(self.call, recorder=tally, headers=[]), b""
        answer: AsyncGenerator[Any] = self.chat(ChatRequest.check({**body, "stream": False}), call)
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                raw = chunk.raw
        return Reply(_message(msgspec.json.decode(raw)), tally.nano)


@dataclass(frozen=True)
class _TracedStep:
    client: AsyncClient
    span: "ActiveSpan"

    @property
    def trace_id(self) -> str:
        return self.span.trace_id

    def inside(self, name: str, kind: Kind) -> AbstractContextManager[Step]:
        return OverHttp(self.client).begin(name, kind)

    def tell(self, *, input: Any = None, output: Any = None, **attributes: Any) -> None:
        self.span.update(input=input, output=output, metadata=attributes or None)

    def fail(self, error: BaseException) -> None:
        self.span.fail(error)

    async def ask(self, body: Json) -> Reply:
        answer: ChatResponse = await self.client.chat(**{**body, "stream": False})
        return Reply(_message(answer.data), answer.cost_nano)


@dataclass
class _Tally:
    """Adds up what the calls cost whose spans pass; None once one has no known price. Shadow traffic is not ours."""

    recorder: Recorder
    nano: int | None = field(default=0)

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span) and "shadow" not in record.attributes:
            if not record.cost_known:
                self.nano = None
            elif self.nano is not None:
                self.nano += record.cost_nano or 0
        self.recorder.record(record)


def _object(given: Any) -> Json:
    return dict(given) if isinstance(given, Mapping) else {"value": given}


def _message(answer: Any) -> Json:
    try:
        message = answer["choices"][0]["message"]
    except (KeyError, IndexError, TypeError):
        raise ProviderProtocolError("The model answered with no message.") from None
    if not isinstance(message, dict):
        raise ProviderProtocolError("The model answered with no message.")
    return message
