"""Attempts over a provider whose answers are written in the test, with a clock that the test moves."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pilothouse.call import Call, Span
from pilothouse.config import Config
from pilothouse.errors import PilothouseError, ProviderUnavailable
from pilothouse.gateway.bridge import bridged
from pilothouse.gateway.reliability.attempts import Attempts, Hooks
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.gateway.routing.router import Router
from pilothouse.snapshot import Snapshot
from pilothouse.types import ChatChunk, ChatRequest, Usage

from ..clock import Clock
from ..scripted import Recording, piece, usage_chunk, whole

Step = ChatChunk | Exception | asyncio.Event
ROLE = piece(role="assistant", content="")
DOWN = ProviderUnavailable("down")


class Upstream:
    """Answers each model's calls by its scripts, one after the other, the last one again and again."""

    def __init__(self, **scripts: Sequence[Sequence[Step]]) -> None:
        self.name = "up"
        self.operations = frozenset({"chat"})
        self.scripts = {name: list(script) for name, script in scripts.items()}
        self.asked: list[str] = []
        self.open: list[str] = []
        self.waits = asyncio.Event()
        self._changed = asyncio.Event()
        self.deadlines: list[float | None] = []
        self.patience: list[tuple[float, float] | None] = []

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        script = self.scripts[request.model]
        steps = script.pop(0) if len(script) > 1 else script[0]
        self.asked.append(request.model)
        self.open.append(request.model)
        self._changed.set()
        self.deadlines.append(call.deadline)
        self.patience.append(call.patience)
        try:
            for step in steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    self.waits.set()
                    await step.wait()
                else:
                    yield step
        finally:
            self.open.remove(request.model)
            self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until that holds, looking whenever a call begins or ends."""
        async with asyncio.timeout(30):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


@dataclass
class Bench:
    """A router over one provider with these models, and everything around it."""

    models: dict[str, Any]
    up: Upstream
    clock: Clock = field(default_factory=Clock)
    chosen: list[str] = field(default_factory=list)
    span: Span = field(init=False)
    call: Call = field(init=False)

    def __post_init__(self) -> None:
        config = Config.model_validate({"providers": {"up": {"kind": "openai"}}, "models": self.models})
        self.health = Health(self.clock)
        self.router = Router(Snapshot(1, config), {"up": self.up}, random.Random(1), health=self.health)
        self.attempts = Attempts(self.health, sleep=self.clock.sleep, random_source=random.Random(1))
        self.new_call()

    def new_call(self, **more: Any) -> None:
        self.call = Call(Recording(), **more)
        self.span = self.call.start("chat m", "llm")

    def run(self, stream: bool = False, *, hooks: dict[str, Any] | None = None) -> AsyncGenerator[ChatChunk]:
        request = ChatRequest.check(
            {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
        )
        known = Hooks(chosen=lambda d: self.chosen.append(d.id), **(hooks or {}))

        def provide(deployment: Deployment) -> Callable[..., AsyncGenerator[ChatChunk]]:
            return bridged(deployment.provider, request)

        plan = self.router.plan(request, self.call)
        return self.attempts.run(plan, request, self.call, self.span, provide, known)

    async def text(self, stream: bool = False, **more: Any) -> str:
        return "".join([chunk.text async for chunk in self.run(stream, **more)])

    async def until_it_fails(self, kind: type[PilothouseError], match: str | None = None) -> list[ChatChunk]:
        """What of a stream came before it failed."""
        got: list[ChatChunk] = []

        async def listen() -> None:
            async for chunk in self.run(stream=True):
                got.append(chunk)

        with pytest.raises(kind, match=match):
            await listen()
        return got

    def tries(self) -> dict[str, Any]:
        return {name: value for name, value in self.span.attributes.items() if name != "routing"}

    def of(self, model: str) -> Any:
        return self.health.of(f"up/{model}")


def at(*names: str, **more: Any) -> dict[str, Any]:
    """An alias over these models, in this order."""
    heavy = [{"provider": "up", "model": name, "weight": 1e9 ** (len(names) - i)} for i, name in enumerate(names)]
    resilience = {"retries": 0, "backoff": 0.25, **more.pop("resilience", {})}
    return {"deployments": heavy, "resilience": resilience, **more}


async def failing(bench: Bench, kind: type[PilothouseError], **more: Any) -> PilothouseError:
    with pytest.raises(kind) as caught:
        await bench.text(**more)
    return caught.value


OK: list[list[Step]] = [[whole("fine", Usage(2, 1))]]
STREAM: list[list[Step]] = [[ROLE, piece("fi"), piece("ne"), piece(finish="stop"), usage_chunk(Usage(2, 1))]]
