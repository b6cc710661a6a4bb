"""One deployment being asked once: its times, its place among the calls in flight, and what became of it.

Knows nothing of other deployments: see attempts.py.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Protocol

from pilothouse.call import Call, Span
from pilothouse.config import Resilience
from pilothouse.errors import ProviderError, ProviderProtocolError, ProviderTimeout, RateLimited
from pilothouse.gateway.reliability.health import Health, Vitals
from pilothouse.gateway.routing.plan import Deployment, Request
from pilothouse.providers.usage import believable
from pilothouse.types import ChatChunk, Usage

__all__ = ["Attempt", "Enter", "NoRoom", "Provide", "Ticket", "begins"]

Provide = Callable[[Deployment], Callable[[Any, Call], AsyncGenerator[ChatChunk]]]
"""For a deployment the function that asks it, whatever the operation: its generator of chunks."""

_PRELIMINARY = frozenset({b"message_start", b"ping", b"response.created", b"response.queued", b"response.in_progress"})
"""Events of the messages and responses dialects that say nothing yet."""


class Ticket(Protocol):
    """A place at a deployment with limits of its own."""

    async def leave(self, usage: Usage | None) -> None:
        """The attempt is over. `usage` is what it used as far as the provider told, None where it did not."""
        ...


Enter = Callable[[Deployment], Awaitable[Ticket | None]]
"""Takes a place at a deployment; None where it has no room."""


class NoRoom(RateLimited):
    """The deployment's own limits leave no room: it was not asked."""


def begins(chunk: ChatChunk) -> bool:
    """Whether a chunk of a stream says something: content, a tool call, a finish, the usage; not a role alone."""
    if chunk.text or chunk.reasoning or chunk.finish_reason is not None or chunk.usage_only:
        return True
    if chunk.event is not None:
        return chunk.event not in _PRELIMINARY
    return any(
        choice.get("text") or any(value for name, value in (choice.get("delta") or {}).items() if name != "role")
        for choice in chunk.data.get("choices") or ()
    )


class Attempt:
    """`open` asks; then `held` are the chunks up to the first content, `chunks` those that follow. `close` it always.

    `ends` is the loop's time at which the deployment's own time limit is over, None without one.
    """

    __slots__ = (
        "_call", "_health", "_probes", "_resilience", "_ticket", "_vitals", "chunks", "deployment", "ends", "held",
        "usage",
    )  # fmt: skip

    def __init__(
        self, deployment: Deployment, vitals: Vitals, health: Health, resilience: Resilience, *, probes: bool
    ) -> None:
        self.deployment = deployment
        self.held: list[ChatChunk] = []
        self.ends: float | None = None
        self.usage: Usage | None = None
        self.chunks: AsyncGenerator[ChatChunk]
        self._vitals = vitals
        self._health = health
        self._resilience = resilience
        self._ticket: Ticket | None = None
        self._probes = probes

    async def open(
        self, provide: Provide, request: Request, stream: bool, call: Call, span: Span, enter: Enter | None
    ) -> None:
        """Ask, until the first content has come. Raises NoRoom and what the provider raises, closed again by then."""
        deployment, vitals, clock = self.deployment, self._vitals, self._health.clock
        self._call = call.child(span)
        self._call.patience = deployment.patience
        vitals.in_flight += 1
        try:
            if enter is not None and deployment.limited:
                self._ticket = await enter(deployment)
                if self._ticket is None:
                    raise NoRoom(f"Deployment '{deployment.id}' has no room of its own left.")
            self.chunks = provide(deployment)(request.edited(model=deployment.model), self._call)
            started = clock()
            if deployment.timeout is None and deployment.first_token_timeout is None:
                await self._begin(stream)
            else:
                await self._begin_in_time(stream)
            (vitals.streamed if stream else vitals.whole).add(clock() - started)
        except BaseException as error:
            await self.close(error)
            raise

    async def next_in_time(self) -> ChatChunk | None:
        """The next chunk, None after the last. Raises ProviderTimeout when the deployment's time is over."""
        try:
            async with asyncio.timeout_at(self.ends):
                return await anext(self.chunks, None)
        except TimeoutError:
            raise self._late("did not end within", self.deployment.timeout) from None

    async def close(self, failure: BaseException | None) -> None:
        """End it, upstream too, and note how it went: well, or by this failure."""
        vitals, health = self._vitals, self._health
        vitals.in_flight -= 1
        if self._probes:
            vitals.probing = False
        if failure is None:
            vitals.answered(health.clock(), self._resilience)
        else:
            reason = self._call.reason(failure)
            if isinstance(reason, ProviderError) and not isinstance(reason, NoRoom):
                vitals.failed(reason, health.clock(), self._resilience)
        try:
            if hasattr(self, "chunks"):
                await self.chunks.aclose()
        finally:
            if self._ticket is not None:
                await self._ticket.leave(self.usage)

    async def _begin(self, stream: bool) -> None:
        async for chunk in self.chunks:
            self.held.append(chunk)
            if chunk.usage is not None:
                self.usage = believable(chunk.usage) or self.usage
            if not stream or begins(chunk):
                return
        if not self.held:
            provider = self.deployment.provider.name
            raise ProviderProtocolError(f"Provider '{provider}' gave no answer.", provider=provider)

    async def _begin_in_time(self, stream: bool) -> None:
        """A first-token timeout is for streams: a JSON answer begins when it is complete."""
        deployment = self.deployment
        total, first = deployment.timeout, deployment.first_token_timeout if stream else None
        if total is not None:
            self.ends = asyncio.get_running_loop().time() + total
            ends = time.monotonic() + total
            self._call.deadline = ends if self._call.deadline is None else min(self._call.deadline, ends)
        limit = min(t for t in (total, first, float("inf")) if t is not None)
        try:
            async with asyncio.timeout(None if limit == float("inf") else limit):
                await self._begin(stream)
        except TimeoutError:
            raise self._late("gave nothing within", limit) from None

    def _late(self, what: str, seconds: float | None) -> ProviderTimeout:
        text = f"Deployment '{self.deployment.id}' {what} {seconds:g} s."
        return ProviderTimeout(text, provider=self.deployment.provider.name)
