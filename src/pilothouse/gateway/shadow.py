"""Shadow traffic: a share of the live calls of an alias is asked of a candidate too, and the two answers are compared.

The candidate is asked after the live call has ended, in its trace and at the project's expense, not at that of the key,
the team or the user. Nobody gets its answer, no cache sees it, and whatever becomes of it the live call has not waited.
Spans of such calls have the attribute `shadow`. Knows nothing of reports (lifecycle/shadow.py).
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import blake2b

from pilothouse.access.limits import Limiter, Ticket
from pilothouse.cache.shadow import agree, compare
from pilothouse.call import Call, Progress, Recorder, Reservation, Span
from pilothouse.config import Limits, Shadow
from pilothouse.errors import ModelFilesError, Overloaded, PilothouseError
from pilothouse.gateway.visit import Visit
from pilothouse.ids import new_id
from pilothouse.principal import Policy, Principal
from pilothouse.protocols import Chat, Encode
from pilothouse.types import ChatRequest, Json, text_of

__all__ = ["OPERATION", "Mirror"]

_log = logging.getLogger("pilothouse.gateway")

OPERATION = "shadow"
"""Of the span that holds a comparison."""
_CHARGED = ("org:", "project:")
_KEPT = 1024
_COMPARED = 2000  # characters of each answer for the encoder: more than its 256 tokens hold
_LEFT_OUT = frozenset({"stream_options", "user", "safety_identifier"})
_INSTRUCTING = ("system", "developer")
_UNLIKE_ANY = ("shadow", "degraded", "stale")
"""Attributes of answers that are no model's own, or a shadow's."""


@dataclass(frozen=True, slots=True)
class _Live:
    """What is compared with: the live answer."""

    alias: str
    said: str
    duration_us: int
    cost_nano: int | None


class Mirror:
    """Call it with each answered Visit; it returns at once. `at_once` bounds the calls that run: what comes beyond is
    dropped and counted in `dropped`. A candidate has `patience` seconds."""

    def __init__(
        self,
        chat: Chat,
        limiter: Limiter,
        encode: Encode | None = None,
        *,
        random_source: Callable[[], float] = random.random,
        at_once: int = 8,
        patience: float = 120.0,
    ) -> None:
        self._chat = chat
        self._limiter = limiter
        self._encode = encode
        self._random = random_source
        self._at_once = at_once
        self._patience = patience
        self._principals: dict[Principal, Principal] = {}
        self._caps: dict[tuple[str, int], Limits] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.dropped = 0

    def __call__(self, visit: Visit) -> None:
        """Under a microsecond for an alias without a shadow."""
        plan, request = visit.plan, visit.request
        if plan is None or not isinstance(request, ChatRequest):
            return
        alias, shadow = plan.alias, plan.model.shadow
        if request.model != alias:  # led here by a rule, or by its complexity
            named = visit.runtime.snapshot.config.models.get(request.model)
            if named is not None and named.shadow is not None:
                alias, shadow = request.model, named.shadow
        if shadow is None or visit.cached or self._random() >= shadow.share:
            return
        if any(name in visit.span.attributes for name in _UNLIKE_ANY):
            return
        if len(self._running) >= self._at_once:
            self.dropped += 1
            return
        span = visit.span
        live = _Live(alias, said(visit.meter.output()), span.duration_us, span.cost_nano)
        task = asyncio.create_task(self._follow(shadow, live, request, self._call(visit)))
        self._running.add(task)
        task.add_done_callback(self._done)

    async def drain(self) -> None:
        """Wait for the calls that run."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def aclose(self) -> None:
        for task in self._running:
            task.cancel()
        await self.drain()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("shadow traffic failed", exc_info=error)

    async def _follow(self, shadow: Shadow, live: _Live, request: ChatRequest, call: Call) -> None:
        try:
            ticket = await self._admit(live.alias, shadow)
            if ticket is None:
                return
            call.recorder = marked = _Marking(call.recorder)
            with call.step(f"shadow {shadow.model}", "evaluator") as (span, inner):
                span.operation, span.request_model = OPERATION, live.alias
                span.attributes |= {"shadow_alias": live.alias, "shadow_model": _candidate(shadow)}
                marked.of = span.id
                answer = await self._answer(_asked(request, shadow), inner)
                await self._compare(live, answer, marked.answered, span)
        except PilothouseError:
            return  # its span tells

    async def _admit(self, alias: str, shadow: Shadow) -> Ticket | None:
        """A place under the cap, which all workers share; None where it is reached."""
        key = (alias, shadow.per_minute)
        if key not in self._caps:
            if len(self._caps) >= _KEPT:
                self._caps.clear()
            self._caps[key] = Limits(requests_per_minute=shadow.per_minute)
        return await self._limiter.try_deployment(f"shadow of {alias}", self._caps[key], 1, new_id())

    async def _answer(self, request: ChatRequest, call: Call) -> str:
        body: Json = {}
        async with aclosing(self._chat(request, call)) as chunks:
            async for chunk in chunks:
                body = chunk.data
        return said(body)

    async def _compare(self, live: _Live, answer: str, candidate: Span | None, span: Span) -> None:
        cosine = await self._cosine(live.said, answer)
        comparison = compare(live.said, answer, 0.0 if cosine is None else cosine)
        span.attributes |= {
            "shadow_cosine": None if cosine is None else round(cosine, 4),
            "shadow_overlap": round(comparison.overlap, 4),
            "shadow_agrees": live.said == answer or agree(comparison),
            "shadow_length_ratio": round(len(answer) / len(live.said), 3) if live.said else None,
            "live_latency_us": live.duration_us,
            "live_cost_nano": live.cost_nano,
        }
        if candidate is not None:
            span.attributes |= {
                "shadow_latency_us": candidate.duration_us,
                "shadow_latency_delta_us": candidate.duration_us - live.duration_us,
                "shadow_cost_nano": candidate.cost_nano,
            }
            if candidate.cost_nano is not None and live.cost_nano is not None:
                span.attributes["shadow_cost_delta_nano"] = candidate.cost_nano - live.cost_nano

    async def _cosine(self, one: str, other: str) -> float | None:
        if self._encode is None or not (one.strip() and other.strip()):
            return None
        try:
            first, second = await self._encode([one[:_COMPARED], other[:_COMPARED]])
        except (Overloaded, ModelFilesError):
            return None
        return float(first @ second)

    def _call(self, visit: Visit) -> Call:
        """The live call's child, for the candidate: its own time, no cache, nobody's key."""
        call = visit.call.child(visit.span)
        call.principal = self._principal(call.principal)
        call.key_id = call.user_id = None
        call.deadline = time.monotonic() + self._patience
        call.in_experiments, call.costs = False, []
        call.versions = {}  # the live call's say what made its answer
        return call

    def _principal(self, principal: Principal) -> Principal:
        """The same without what is a key's or a team's own. Kept, since budgets are compiled per Principal."""
        kept = self._principals.get(principal)
        if kept is None:
            if len(self._principals) >= _KEPT:
                self._principals.clear()
            levels = tuple(level for level in principal.levels if level.account.startswith(_CHARGED))
            kept = replace(principal, key_id="", team_id=None, policy=Policy(cache=False), levels=levels)
            self._principals[principal] = kept
        return kept


class _Marking:
    """A recorder that marks what it records as shadow traffic. `answered` is the span of the candidate's answer: the
    one right below the span `of`."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.of = ""
        self.answered: Span | None = None

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span):
            record.attributes["shadow"] = True
            if record.parent_id == self.of:
                self.answered = record
        self._recorder.record(record)


def _candidate(shadow: Shadow) -> str:
    """What a report names it: the alias, and which prompt, so that two prompts are not counted together."""
    if shadow.system is None:
        return shadow.model
    return f"{shadow.model} prompt {blake2b(shadow.system.encode(), digest_size=4).hexdigest()}"


def _asked(request: ChatRequest, shadow: Shadow) -> ChatRequest:
    """The request for the candidate: as a chat where it came in another dialect, not streamed, and for no user."""
    chat = request.as_chat
    body = {name: value for name, value in chat.body.items() if name not in _LEFT_OUT}
    if shadow.system is not None and "messages" in body:  # a text completion has none
        others = [message for message in body["messages"] if message.get("role") not in _INSTRUCTING]
        body["messages"] = [{"role": "system", "content": shadow.system}, *others]
    return ChatRequest({**body, "model": shadow.model, "stream": False}, chat.operation)


def said(output: Json) -> str:
    """What an answer says: the text of its first choice, and its tool calls as `name(arguments)`."""
    choice: Json = next(iter(output.get("choices") or ()), {})
    message = choice.get("message") or {}
    lines = [choice.get("text") or text_of(message.get("content"))]
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        lines.append(f"{function.get('name')}({function.get('arguments')})")
    return "\n".join(line for line in lines if line)
