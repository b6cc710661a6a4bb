"""THE path. Every model call of the house, from a client, an answerer or a judge, goes down this file.

    prompt and experiment -> name and policy -> input guards -> rules and strategy: candidate deployments
      -> shape the request -> limits -> cache -> hold the budget -> providers, with retries, fallbacks and hedges
      -> output guards -> count what flows -> cache -> price, settle limits and budget -> record

It knows nothing of HTTP (see endpoints.py) nor of any vendor (see providers/). Who is calling was found out before it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.access.lockouts import Lockouts
from pilothouse.access.policy import check_model
from pilothouse.cache.prefix import prefixed
from pilothouse.call import Call
from pilothouse.config import Limits
from pilothouse.errors import PilothouseError, ProviderError
from pilothouse.gateway.bridge import provide
from pilothouse.gateway.callers import describe
from pilothouse.gateway.guarding.canned import canned
from pilothouse.gateway.guarding.entering import Said, entered
from pilothouse.gateway.guarding.keeping import KEPT_FROM, kept
from pilothouse.gateway.guarding.leaving import leaving
from pilothouse.gateway.guarding.moderations import moderated, policy_named
from pilothouse.gateway.guarding.restoring import restorer_of
from pilothouse.gateway.guarding.watch import ANSWERED, UNREAD, policy_of, watch_of
from pilothouse.gateway.prompting import NO_PROMPTS, note_refusal, recorded
from pilothouse.gateway.reliability.attempts import Attempts
from pilothouse.gateway.routing.conditions import Facts
from pilothouse.gateway.routing.plan import Plan
from pilothouse.gateway.routing.router import Router
from pilothouse.gateway.shaping import shaped
from pilothouse.gateway.visit import Rooms, Visit
from pilothouse.observe import Metrics
from pilothouse.protocols import Models
from pilothouse.single import ModerationRequest
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse, ModelRequest, SingleRequest

if TYPE_CHECKING:
    from pilothouse.gateway.runtime import Runtime

__all__ = ["Gateway"]

_KINDS = {"embeddings": "embedding", "rerank": "reranker", "moderations": "guard"}
_NO_LIMITS = Limits()
Mirror = Callable[[Visit], None]


def _no_mirror(_: Visit) -> None:
    return None


def _no_models(call: Call) -> Models:
    return Models(make_call=lambda: call)


class Gateway:
    """Serves calls by the current Runtime, which may be swapped at any time: a running call keeps the one it has.

    `capture` says whether inputs and outputs are kept on spans; `mirror` sees each chat that was answered, for shadow
    traffic; `prompting` knows the prompts that requests name, and the experiments; `models` gives what the guards of a
    call may ask.
    """

    def __init__(
        self, runtime: "Runtime", rooms: Rooms, attempts: Attempts, metrics: Metrics, *, capture: bool = True
    ) -> None:
        self.runtime = runtime
        self.mirror: Mirror = _no_mirror
        self.prompting = NO_PROMPTS
        self.lockouts = Lockouts()
        self.models: Callable[[Call], Models] = _no_models
        self._rooms = rooms
        self._attempts = attempts
        self._metrics = metrics
        self._capture = capture

    @property
    def router(self) -> Router:
        return self.runtime.router

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        """Answer a chat, in any of its dialects: an async generator of chunks, one for a JSON answer.

        Once it is exhausted, or closed early, the span is recorded and survives a killed process. Raises Forbidden,
        UnknownModel, Unsupported, LimitError or the last ProviderError; the provider never changes after the first
        content.
        """
        visit = self._enter(request, call)
        meter, streams = visit.meter, request.stream
        try:
            async with aclosing(await self._answer(visit)) as chunks:
                restorer = restorer_of(visit.watch, visit.request)
                async for chunk in chunks:
                    if not meter.started:
                        visit.begin()
                    meter.feed(chunk)
                    if streams and (not meter.deltas & 63 or monotonic() >= visit.note_at):
                        visit.note_progress()
                    if restorer is None:
                        yield chunk
                        continue
                    for restored in restorer.feed(chunk):
                        yield restored
                for restored in restorer.end() if restorer is not None else ():
                    yield restored
        except BaseException as error:
            visit.fail(error)
            raise
        finally:
            await self._leave(visit)

    async def single(self, request: SingleRequest, call: Call) -> ChatChunk:
        """Answer a request that has one answer, down the same path. The chunk holds its JSON body and usage."""
        visit = self._enter(request, call)
        answer: ChatChunk | None = None
        try:
            async with aclosing(await self._answer(visit)) as chunks:
                async for chunk in chunks:
                    visit.meter.feed(chunk)
                    answer = chunk
            if answer is None:
                raise ProviderError("The provider gave no answer.")
            return answer
        except BaseException as error:
            visit.fail(error)
            raise
        finally:
            await self._leave(visit, None if answer is None else answer.raw)

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Answer an embeddings request."""
        answer = await self.single(request, call)
        return EmbedResponse(answer.raw, answer.usage)

    async def moderate(self, request: ModerationRequest, call: Call) -> bytes:
        """What a guard policy says of texts: one request of its caller's, no tokens. Raises Forbidden, NotFound."""
        check_model(call.principal, request.model, request.body)
        policy = policy_named(request.model, self.runtime.guards)
        call.versions["guards"] = policy.version
        with call.step(f"moderations {request.model}", "guard") as (span, inner):
            span.operation, span.request_model = request.operation, request.model
            async with self.counted(call):
                told = await moderated(request, policy, self.models(inner))
            if self._capture:
                span.input, span.output = request.body, {"results": told["results"]}
        return msgspec.json.encode(told)

    @asynccontextmanager
    async def counted(self, call: Call) -> AsyncIterator[None]:
        """Around a question about a request that asks no model: one request of its caller's, no tokens. Raises
        TooManyRequests."""
        users = self.runtime.snapshot.config.users.limits
        ticket = await self._rooms.limiter.admit(call, _NO_LIMITS, "", users, 0)
        call.headers += ticket.headers
        try:
            yield
        finally:
            ticket.settle(0)

    async def preview(self, request: ChatRequest, call: Call, *, counting: bool = False) -> ChatRequest | Said:
        """What would be asked, outside of experiments, as the guards let it enter, or what they would answer. It is
        recorded where they block it. Raises what `chat` raises before a model is asked."""
        request, policies = await self.prompting.preview(request, call, counting=counting)
        span = call.start(f"{request.operation} {request.model}", "chain")
        watch = watch_of(self.runtime, call, span, request, policies, self.chat, self.models, lambda: 0)
        if watch is None:
            return request
        try:
            return await entered(watch, request, preview=True)
        except PilothouseError as error:
            span.operation, span.request_model = request.operation, request.model
            span.fail(call.reason(error))
            call.finish(span)
            raise

    def _enter(self, request: ModelRequest, call: Call) -> Visit:
        runtime, operation = self.runtime, request.operation
        describe(call, request)
        kind: Any = _KINDS.get(operation, "llm")
        span = call.start(f"{operation} {request.model}", kind)
        span.operation, span.request_model = operation, request.model
        call.versions["snapshot"] = runtime.router.version
        return Visit(self._rooms, runtime, request, call, span)

    async def _answer(self, visit: Visit) -> AsyncGenerator[ChatChunk]:
        """Everything up to the first chunk."""
        request, call = visit.request, visit.call
        if call.depth == 0:
            self.lockouts.check(call.project_id, call.user_id, visit.runtime.snapshot.config.users.lockout)
        if isinstance(request, ChatRequest) and not self.prompting.is_idle(request, call):
            await self.prompting.resolve(visit, request)
            request = visit.request
        elif call.depth == 0:
            check_model(call.principal, request.model, request.body)
        if isinstance(request, ChatRequest):
            made = await self._entered(visit, request)
            if isinstance(made, Said):
                return canned(request, call, made.text, made.finish)
            visit.take(request := made)
        elif call.guarded and not policy_of(visit.runtime, call, request.model).is_empty:
            visit.span.attributes[UNREAD] = [request.operation]
        facts = Facts(request, call)
        plan = await self._planned(visit, request)
        if isinstance(request, ChatRequest):
            short = shaped(request, plan.model, partial(self._stable_first, call, plan.alias))
            visit.sent = short.request
            if short.saved_tokens:
                visit.span.attributes["shaping_saved_tokens"] = short.saved_tokens
        await visit.admit(plan, facts)
        if isinstance(request, ChatRequest | EmbedRequest):
            router = visit.runtime.router
            grows = plan.alias in router.growing
            revision = await router.grown(plan, call) if grows else router.revision(plan)
            if visit.watch is not None:
                revision = f"{revision}\n{visit.watch.version}"
            visit.lookup = self._rooms.caches.look_up(request, call, plan.alias, plan.model, revision)
        lookup = visit.lookup
        if lookup is None:
            return await self._asked(visit)
        if isinstance(request, ChatRequest):
            return await lookup.serve(lambda: self._asked(visit))
        found = await lookup.find()
        return await self._asked(visit) if found is None else _one(ChatChunk(found.body, usage=found.usage))

    async def _planned(self, visit: Visit, request: ModelRequest) -> Plan:
        """The deployments that may see this request, in the order to try them. Raises Blocked where none may."""
        call = visit.call
        plan = await visit.runtime.router.decide(request, call)
        keeping = await kept(visit.runtime, call, request, visit.policies)
        if keeping is None:
            return plan
        visit.span.attributes[KEPT_FROM] = [*keeping.providers]
        return keeping.only(plan, request, call)

    async def _entered(self, visit: Visit, request: ChatRequest) -> ChatRequest | Said:
        """Past the guards of what comes in, where any hold."""
        watch = visit.watch = watch_of(
            visit.runtime, visit.call, visit.span, request, visit.policies, self.chat, self.models,
            visit.meter.input_tokens,
        )  # fmt: skip
        return request if watch is None else await entered(watch, request)

    async def _asked(self, visit: Visit) -> AsyncGenerator[ChatChunk]:
        """The chunks of a provider, once the budget holds what they may cost."""
        await visit.reserve()
        plan, varies = visit.planned, None
        if plan.model.shaping.prefix:
            varies = self._rooms.caches.variation.varies(_place(visit.call, plan.alias))
        asking = provide(visit.sent, varies)
        answers = self._attempts.run(visit.planned, visit.sent, visit.call, visit.span, asking, visit.hooks)
        watch, request = visit.watch, visit.request
        if watch is None or not watch.looks_at_answers or not isinstance(request, ChatRequest):
            return answers
        return leaving(watch, request, answers)

    def _stable_first(self, call: Call, alias: str, request: ChatRequest) -> ChatRequest:
        """In the order that a provider's prompt cache likes best."""
        place, variation = _place(call, alias), self._rooms.caches.variation
        variation.note(place, request)
        return prefixed(request, varies=variation.varies(place))

    async def _leave(self, visit: Visit, body: bytes | None = None) -> None:
        """Settle and record; then keep the answer, and mirror the call, for what they are worth."""
        span = visit.span
        if self._capture:
            span.input = recorded(visit)
        try:
            visit.meter.settle(self._capture)
            note_refusal(span, visit.meter)
        finally:  # whatever an upstream may have sent, nothing stays held
            visit.end()
            visit.call.finish(span)
            self._metrics.observe(span)
            if visit.watch is not None:
                visit.watch.forget()
                if visit.call.depth == 0 and visit.watch.has_blocked:
                    rules = visit.runtime.snapshot.config.users.lockout
                    self.lockouts.strike(visit.call.project_id, visit.call.user_id, rules)
        if span.status == "ok":
            if visit.lookup is not None and "degraded" not in span.attributes and ANSWERED not in span.attributes:
                await visit.lookup.store(
                    deployment=span.deployment or "", model=span.response_model or "", usage=span.usage,
                    cost_nano=span.cost_nano, body=body,
                )  # fmt: skip
            self.mirror(visit)


async def _one(chunk: ChatChunk) -> AsyncGenerator[ChatChunk]:
    yield chunk


def _place(call: Call, alias: str) -> str:
    """Whose prompts are alike: those of one project to one alias."""
    return f"{call.project_id}\n{alias}"
