"""What would become of one recorded call under another configuration: where it goes, what it costs, what refuses it.

The order is the gateway's: limits, route, caches, budgets, the deployment's own limits. Time is the recorded one. No
provider is called: what an answer would say, and whether a provider would fail, is not known here.
"""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from pilothouse.access.limits import Limiter
from pilothouse.access.purses import Purse, Purses
from pilothouse.call import Call, Progress, Reservation, Span
from pilothouse.config import Config, OutputPolicy
from pilothouse.errors import InvalidRequest, RateLimited, TooManyRequests, UnknownModel
from pilothouse.gateway.callers import describe
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.routing.plan import Deployment, Plan
from pilothouse.gateway.routing.router import Choose, Router
from pilothouse.lifecycle.ghosts import Found, GhostCaches, Hit
from pilothouse.lifecycle.latencies import Latencies, Took
from pilothouse.observe import PriceOverride, Prices
from pilothouse.principal import Principal
from pilothouse.protocols import Encode
from pilothouse.snapshot import RESERVED, Snapshot
from pilothouse.storage.memory_counters import MemoryCounters
from pilothouse.types import ChatRequest, Usage

__all__ = ["Outcome", "Refusal", "Simulation"]

Refusal = Literal["limit", "deployment limit", "budget", "unknown model", "no deployment", "unknown price"]

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call. `cost_nano` is None where no price or usage is known, `took` where nothing tells."""

    refused: Refusal | None = None
    deployment: str | None = None
    hit: Hit | None = None
    cost_nano: int | None = None
    took: Took | None = None
    cut: bool = False
    undecided: bool = False


class _Unasked:
    """Stands for a provider, which a simulation never calls."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.operations = frozenset({"chat", "text_completion", "embeddings", "messages", "responses"})


class _Nothing:
    """Records nothing."""

    def record(self, record: Span | Reservation | Progress) -> None:
        return None


class Simulation:
    """One configuration under recorded traffic; hand it the calls in the order in which they began.

    `principal_of` finds a key by its id, for the limits and budgets of keys, teams, projects and organisations;
    `encode` switches the semantic caches on, `choose` judges for the strategy `complexity`. `seed` makes it
    repeatable. Budgets begin with nothing spent.
    """

    def __init__(
        self,
        config: Config,
        latencies: Latencies,
        *,
        seed: int = 0,
        principal_of: Callable[[str], Principal | None] = lambda key_id: None,
        encode: Encode | None = None,
        choose: Choose | None = None,
    ) -> None:
        self._config = config
        self._latencies = latencies
        self._principal_of = principal_of
        self._made: dict[tuple[str | None, str | None, str], Principal] = {}
        self._prices = Prices(map(PriceOverride.of, config.prices))
        self._now = 0
        self._health = Health(clock=lambda: self._now / 1e6)
        self._room: dict[str, float] = {}
        self._limiter = Limiter(MemoryCounters(self._clock), clock=self._clock)
        self._purses = Purses(config)
        self._spent: dict[str, list[int]] = {}  # fund -> [nano-USD, tokens]
        self._caches = GhostCaches(config.cache.max_bytes, self._clock, encode)
        self._ends: list[tuple[int, int, Callable[[], object]]] = []
        self._order = 0
        self._decides = choose is not None
        providers: Any = {name: _Unasked(name) for name in (*config.providers, *RESERVED)}
        self._router = Router(
            Snapshot(0, config),
            providers,
            random.Random(seed),
            health=self._health,
            prices=self._prices,
            room=lambda deployment: self._room.get(deployment.id, 1.0),
            choose=choose,
        )
        self._limited = [(d.id, d.limits) for d in self._router.deployments() if d.limited]

    async def step(self, span: Span) -> Outcome:
        """What would become of this call, which began at `span.start_us`."""
        self._now = max(self._now, span.start_us)
        self._end_calls()
        self._learn(span)
        request, call = _request(span), self._call(span)
        describe(call, request)
        usage = span.usage
        if self._limited:
            self._room = dict(zip((d for d, _ in self._limited), await self._limiter.room(self._limited), strict=True))
        try:
            plan = await self._router.decide(request, call, tokens=usage.input_tokens if usage else None)
        except UnknownModel:
            return Outcome("unknown model")
        except InvalidRequest:
            return Outcome("no deployment")
        capped = _capped(usage, plan.model.output, request)
        tokens = capped.input_tokens + capped.output_tokens if capped else 0
        try:
            users = self._config.users.limits
            ticket = await self._limiter.admit(call, plan.model.limits, plan.alias, users, tokens)
        except TooManyRequests:
            return Outcome("limit")
        outcome = await self._serve(span, request, call, plan, capped)
        if outcome.refused:
            ticket.cancel()
            return outcome
        used = 0 if outcome.hit in ("exact", "semantic") else tokens
        self._at_end(span, outcome.took, lambda: ticket.settle(used))
        return replace(outcome, cut=capped != usage, undecided=self._is_undecided(span))

    async def _serve(self, span: Span, request: ChatRequest, call: Call, plan: Plan, usage: Usage | None) -> Outcome:
        found = await self._caches.look_up(request, call, plan.alias, plan.model) if span.input else Found()
        if found.hit in ("exact", "semantic"):
            return Outcome(hit=found.hit, cost_nano=0, took=Took(0, 0))
        candidates = [*plan.candidates, *(d for more in plan.then for d in more.candidates)]
        refused = await self._choose(span, call, plan, candidates, usage)
        if isinstance(refused, str):
            busy = plan.fallbacks(RateLimited("It has no room."), request, call)
            refused = await self._choose(span, call, plan, [d for p in busy for d in p.candidates], usage, refused)
        if isinstance(refused, str):
            return Outcome(refused)
        deployment, cost = refused
        if span.status == "ok" and span.output:
            await found.keep(span.output)
        if deployment.id == span.deployment:
            took: Took | None = Took(span.ttft_us, span.duration_us)
        else:
            took = self._latencies.draw(deployment.id, usage.output_tokens if usage else 0)
        vitals = self._health.of(deployment.id)
        vitals.in_flight += 1
        self._at_end(span, took, lambda: setattr(vitals, "in_flight", vitals.in_flight - 1))
        return Outcome(deployment=deployment.id, hit=found.hit, cost_nano=cost, took=took)

    async def _choose(
        self,
        span: Span,
        call: Call,
        plan: Plan,
        candidates: Sequence[Deployment],
        usage: Usage | None,
        otherwise: Refusal = "no deployment",
    ) -> tuple[Deployment, int | None] | Refusal:
        """The first candidate that its limits and all budgets let through, paid for; else what stood in the way."""
        accounts = self._purses.accounts(call, plan.alias, [d.id for d in candidates])
        own = dict(accounts.candidates)
        for deployment in candidates:
            cost = self._cost(deployment, usage)
            purses = (*accounts.purses, *own.get(deployment.id, ()))
            problem = self._unaffordable(purses, cost, usage)
            if problem is None:
                tokens = usage.input_tokens + usage.output_tokens if usage else 0
                holder = f"{span.trace_id}:{span.id}"
                ticket = await self._limiter.try_deployment(deployment.id, deployment.limits, tokens, holder)
                if ticket is not None:
                    self._at_end(span, None, lambda ticket=ticket: ticket.settle(None))  # type: ignore[misc]
                    self._pay(purses, cost, usage)
                    return deployment, cost
            otherwise = problem or "deployment limit"
        return otherwise

    def _cost(self, deployment: Deployment, usage: Usage | None) -> int | None:
        if usage is None or not deployment.leaf:
            return None
        name = deployment.provider.name
        return self._prices.cost(deployment.price_kind, deployment.model, usage, self._now, provider=name)

    def _unaffordable(self, purses: Sequence[Purse], cost: int | None, usage: Usage | None) -> Refusal | None:
        """Whether a budget stands in the way. The gateway holds an upper bound, so it refuses a little earlier."""
        tokens = usage.input_tokens + usage.output_tokens if usage else 0
        for purse in purses:
            fund = purse.fund(self._now // _DAY_US)
            nano_spent, tokens_spent = self._spent.get(fund.name, (0, 0))
            if fund.nano is not None and cost is None and usage is not None and self._config.unpriced == "refuse":
                return "unknown price"
            if fund.nano is not None and nano_spent + (cost or 0) > fund.nano:
                return "budget"
            if fund.tokens is not None and tokens_spent + tokens > fund.tokens:
                return "budget"
        return None

    def _pay(self, purses: Sequence[Purse], cost: int | None, usage: Usage | None) -> None:
        for purse in purses:
            spent = self._spent.setdefault(purse.fund(self._now // _DAY_US).name, [0, 0])
            spent[0] += cost or 0
            spent[1] += usage.input_tokens + usage.output_tokens if usage else 0

    def _learn(self, span: Span) -> None:
        """Strategies see the recorded times of recorded deployments, each when its call had ended."""
        if span.deployment is None or span.status != "ok":
            return
        vitals, streams = self._health.of(span.deployment), bool(span.input and span.input.get("stream"))
        seconds = (span.ttft_us or span.duration_us if streams else span.duration_us) / 1e6
        self._at_end(span, None, lambda: (vitals.streamed if streams else vitals.whole).add(seconds))

    def _at_end(self, span: Span, took: Took | None, then: Callable[[], object]) -> None:
        """Have `then` done when a call ends that begins now; at its recorded end where nothing else is known."""
        self._order += 1
        end = self._now + (took.whole_us if took else span.duration_us)
        heapq.heappush(self._ends, (end, self._order, then))

    def _end_calls(self) -> None:
        until = self._now
        while self._ends and self._ends[0][0] <= until:
            self._now, _, then = heapq.heappop(self._ends)
            then()
        self._now = until

    def _is_undecided(self, span: Span) -> bool:
        model = self._config.models.get(span.request_model or "")
        return model is not None and model.strategy == "complexity" and not self._decides

    def _clock(self) -> int:
        return self._now

    def _call(self, span: Span) -> Call:
        who = (span.key_id, span.team_id, span.project_id)
        principal = self._made.get(who)
        if principal is None:
            unknown = Principal(span.project_id, span.key_id or "", "caller", team_id=span.team_id)
            principal = self._made[who] = self._principal_of(span.key_id or "") or unknown
        return Call(
            _Nothing(), principal, span.project_id, key_id=span.key_id, user_id=span.user_id,
            session_id=span.session_id, endpoint=span.endpoint, trace_id=span.trace_id,
        )  # fmt: skip


def _request(span: Span) -> ChatRequest:
    """What was asked, as far as it was recorded; in the chat dialect where that is close to it."""
    body = {**(span.input or {}), "model": span.request_model or ""}
    if span.operation == "responses" and "messages" not in body:
        given = body.pop("input", None)
        body["messages"] = [{"role": "user", "content": given}] if isinstance(given, str) else given
    try:
        return ChatRequest.check(body, "text_completion" if span.operation == "text_completion" else "chat")
    except InvalidRequest:
        return ChatRequest({"model": body["model"], "messages": []})


def _capped(usage: Usage | None, policy: OutputPolicy, request: ChatRequest) -> Usage | None:
    """The usage with an answer no longer than the policy lets it be."""
    asked = request.max_tokens or policy.default
    most = min((limit for limit in (asked, policy.cap) if limit is not None), default=None)
    if usage is None or most is None or usage.output_tokens <= most:
        return usage
    return msgspec.structs.replace(usage, output_tokens=most, reasoning_tokens=min(usage.reasoning_tokens, most))
