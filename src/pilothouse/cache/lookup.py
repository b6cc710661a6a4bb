"""The caches' part in one call: find an answer, share one under way, or note the one that is made and store it.

Knows nothing of HTTP, prices or routing.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

import msgspec

from pilothouse.cache.answers import Answer, body_of, replay, text_in
from pilothouse.cache.exact import Directives, key_of, scope_of
from pilothouse.cache.flight import Flight, Make
from pilothouse.cache.semantic import LONGEST_QUESTION, context_of
from pilothouse.call import Call
from pilothouse.config import ModelConfig
from pilothouse.errors import ModelFilesError, Overloaded
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, Usage

if TYPE_CHECKING:
    from pilothouse.cache.caches import Caches

__all__ = ["STALE", "How", "Lookup"]

How = Literal["miss", "exact", "semantic", "coalesced"]

STALE = 24 * 3600.0
"""Seconds that an answer is kept past its TTL where the alias falls back on cached answers."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Answer).decode


class Lookup:
    """Made by `Caches.look_up`. `how` says where the answer came from, known once its first chunk is there; `answer`
    is the cached one, where it was."""

    __slots__ = (
        "_alias", "_caches", "_call", "_context", "_directives", "_exact", "_flight", "_model", "_question", "_request",
        "_shadowed", "answer", "how", "key",
    )  # fmt: skip

    def __init__(
        self,
        caches: "Caches",
        request: ChatRequest | EmbedRequest,
        call: Call,
        alias: str,
        model: ModelConfig,
        revision: str,
        directives: Directives,
    ) -> None:
        self._caches = caches
        self._request = request
        self._call = call
        self._alias = alias
        self._model = model
        self._directives = directives
        self._flight = Flight()
        self._shadowed: Answer | None = None
        self.how: How = "miss"
        self.answer: Answer | None = None
        self._question = self._context = ""
        exact, semantic = model.exact_cache, model.semantic_cache
        scope = scope_of(exact.scope, call) if exact is not None else None
        self._exact = scope is not None
        if semantic is not None and caches.encode is not None and isinstance(request, ChatRequest):
            near = scope_of(semantic.scope, call)
            question = request.last_user_text() if near is not None else ""
            if near is not None and 0 < len(question) <= LONGEST_QUESTION:
                self._question, self._context = question, context_of(request, call, alias, revision, near)
                scope = scope or near
        self.key = "" if scope is None else key_of(request, call, alias, revision, scope)

    async def find(self, *, stale: bool = False) -> Answer | None:
        """The answer to an identical request. `stale` takes one past its TTL too, for want of a better."""
        if not stale:
            self._count("lookups")
        exact = self._model.exact_cache
        if exact is None or not self._exact or not self._directives.read:
            return None
        answer = await self._fresh(self.key, exact.ttl + (STALE if stale else 0.0))
        if answer is not None:
            self._served(answer, "exact")
        return answer

    async def serve(self, make: Make) -> AsyncGenerator[ChatChunk]:
        """The chunks of the answer, to be read under `aclosing`: cached, shared with a call under way, or those of
        `make()`. (Awaited rather than a generator itself: each generator costs a call 2 us.)"""
        request = self._request
        if not isinstance(request, ChatRequest):
            raise TypeError("serve is for chats; embeddings are found and stored")
        if (answer := await self.find()) is not None:
            return _each(replay(answer, request))
        if self._context and self._directives.read:
            return self._shared(lambda: self._similar_to(make, request), request)
        return self._shared(make, request)

    async def store(
        self, *, deployment: str = "", model: str = "", usage: Usage | None = None, cost_nano: int | None = None,
        body: bytes | None = None,
    ) -> None:  # fmt: skip
        """Keep the answer that was made, if it came to its natural end. `body` is that of embeddings."""
        if self.how != "miss" or not self._directives.write:
            return
        request = self._request
        if isinstance(request, ChatRequest):
            body = None if self._flight.full else body_of(self._flight.chunks, request)
        if body is None or len(body) > self._caches.largest:
            return
        exact, semantic = self._model.exact_cache, self._model.semantic_cache
        ttl = max(exact.ttl if exact else 0.0, semantic.ttl if semantic and self._context else 0.0)
        keep = ttl + STALE if self._model.fallbacks.cached else ttl
        answer = Answer(body, self._caches.clock(), deployment, model, usage, cost_nano)
        await self._caches.entries.put(self.key, _encode(answer), keep)
        self._count("stored")
        if semantic is not None and self._context and isinstance(request, ChatRequest):
            await self._store_question(text_in(body, request), semantic.ttl)

    # ---- steps

    def _shared(self, make: Make, request: ChatRequest) -> AsyncGenerator[ChatChunk]:
        if not self._exact or not self._directives.read:
            return self._noted(make)
        name = f"{self.key}\n{request.stream}\n{self._call.degradable}"  # a degraded answer is shared as well
        return self._caches.flights.run(name, self._call, make, self._flight, self._joined)

    async def _noted(self, make: Make) -> AsyncGenerator[ChatChunk]:
        async with aclosing(await make()) as chunks:
            async for chunk in chunks:
                self._flight.add(chunk)
                yield chunk

    async def _similar_to(self, make: Make, request: ChatRequest) -> AsyncGenerator[ChatChunk]:
        answer = await self._similar()
        return await make() if answer is None else _each(replay(answer, request))

    async def _similar(self) -> Answer | None:
        """The answer to a question that means the same; None in shadow mode, which only notes it."""
        semantic, caches, call = self._model.semantic_cache, self._caches, self._call
        if semantic is None or not await self._embed():
            return None
        match = await caches.index.nearest(self._context, self._question, call.embedding, semantic.threshold)
        answer = None
        if match is not None:
            answer = await self._fresh(match.answer_key, semantic.ttl)
            if answer is None and self._directives.max_age is None:
                await caches.index.drop(self._context, match)
        if semantic.shadow:
            caches.shadows.looked_up(call.project_id, self._alias, hit=answer is not None)
            self._shadowed = answer
            return None
        if answer is not None:
            self._served(answer, "semantic")
        return answer

    async def _embed(self) -> bool:
        """Whether the question's vector is there, on the call, for others to use too."""
        encode, call = self._caches.encode, self._call
        if call.embedding is None and encode is not None:
            try:
                made = call.vectors.get(self._question)
                call.embedding = (await encode([self._question]))[0] if made is None else made
            except (Overloaded, ModelFilesError):
                self._count("unread")
        return call.embedding is not None

    async def _store_question(self, text: str, ttl: float) -> None:
        if not text or self._call.embedding is None:  # a call of tools has arguments of its own question
            return
        await self._caches.index.add(self._context, self._question, self._call.embedding, self.key, ttl)
        if self._shadowed is not None and isinstance(self._request, ChatRequest):
            other = text_in(self._shadowed.body, self._request)
            self._caches.compare_later(self._call.project_id, self._alias, text, other)

    async def _fresh(self, key: str, ttl: float) -> Answer | None:
        kept = await self._caches.entries.get(key)
        if kept is None:
            return None
        answer = _decode(kept)
        age = self._caches.clock() - answer.stored_us
        most = ttl if self._directives.max_age is None else min(ttl, self._directives.max_age)
        return answer if age < most * 1e6 else None

    def _served(self, answer: Answer, how: How) -> None:
        self.answer = answer
        self._tell(how)

    def _joined(self) -> None:
        self._tell("coalesced")

    def _tell(self, how: How) -> None:
        """Note where the answer comes from, for the answer's headers too."""
        self.how = how
        self._call.headers.append(("x-pilothouse-cache", how))
        self._count(how)

    def _count(self, what: str) -> None:
        self._caches.count(self._call.project_id, self._alias, what)


async def _each(chunks: list[ChatChunk]) -> AsyncGenerator[ChatChunk]:
    for chunk in chunks:
        yield chunk
