"""Caches without answers, in simulated time: which calls would have found one. Knows nothing of stores on disk."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import msgspec

from pilothouse.cache.answers import is_cacheable
from pilothouse.cache.exact import key_of, scope_of
from pilothouse.cache.memory_store import MemoryStore
from pilothouse.cache.semantic import LONGEST_QUESTION, SemanticIndex, context_of
from pilothouse.call import Call
from pilothouse.config import ModelConfig
from pilothouse.protocols import Encode
from pilothouse.types import ChatRequest, Json

__all__ = ["Found", "GhostCaches", "Hit"]

Hit = Literal["exact", "semantic", "shadow"]
"""`shadow`: the semantic cache would have answered, but only measures."""

_SECOND = 1_000_000

Keep = Callable[[Json], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Found:
    """What the caches had to say about a call. `keep` takes the answer of one that none answered."""

    hit: Hit | None = None
    _keeping: Sequence[Keep] = ()

    async def keep(self, answer: Json) -> None:
        for keep in self._keeping:
            await keep(answer)


_NOTHING = Found()


class GhostCaches:
    """What the caches of one configuration hold. `max_bytes` bounds the recorded answers that they would keep.

    Without `encode` there is no semantic cache. `clock` gives UTC microseconds. An identical call still under way
    counts as a hit: the gateway lets calls share an answer.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], int], encode: Encode | None = None) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._encode = encode
        self._kept: OrderedDict[str, tuple[int, int]] = OrderedDict()  # key -> (expires_us, bytes)
        self._bytes = 0
        self._index = SemanticIndex(MemoryStore(1024), clock=clock)

    async def look_up(self, request: ChatRequest, call: Call, alias: str, model: ModelConfig) -> "Found":
        """Which cache would have answered this call, and what keeps its answer where none would."""
        if not is_cacheable(request):
            return _NOTHING
        exact, semantic = model.exact_cache, model.semantic_cache
        keep: list[Keep] = []
        if exact is not None and (scope := scope_of(exact.scope, call)) is not None:
            key = key_of(request, call, alias, "", scope)
            if self._holds(key):
                return Found("exact")
            keep.append(partial(self._keep, key, ttl=exact.ttl))
        if semantic is None or self._encode is None:
            return Found(None, keep)
        scope, question = scope_of(semantic.scope, call), request.last_user_text()
        if scope is None or not question or len(question) > LONGEST_QUESTION:
            return Found(None, keep)
        context = context_of(request, call, alias, "", scope)
        (vector,) = await self._encode([question])
        match = await self._index.nearest(context, question, vector, semantic.threshold)
        if match is not None and self._holds(match.answer_key):
            return Found("shadow", keep) if semantic.shadow else Found("semantic")
        if match is not None:
            await self._index.drop(context, match)
        key = key_of(request, call, alias, "", scope, kind="m")

        async def keep_question(answer: Json) -> None:
            await self._keep(key, answer, ttl=semantic.ttl)
            await self._index.add(context, question, vector, key, semantic.ttl)

        return Found(None, [*keep, keep_question])

    def _holds(self, key: str) -> bool:
        kept = self._kept.get(key)
        if kept is None:
            return False
        if kept[0] <= self._clock():
            self._bytes -= self._kept.pop(key)[1]
            return False
        self._kept.move_to_end(key)
        return True

    async def _keep(self, key: str, answer: Json, *, ttl: float) -> None:
        size = len(msgspec.json.encode(answer))
        if size > self._max_bytes:
            return
        if key in self._kept:
            self._bytes -= self._kept.pop(key)[1]
        self._kept[key] = (self._clock() + int(ttl * _SECOND), size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._bytes -= self._kept.popitem(last=False)[1][1]
