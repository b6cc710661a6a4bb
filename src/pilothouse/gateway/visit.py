"""One call on its way through the gateway: what it has taken on the way, and how each of that is settled in the end.

The hooks of attempts.py are methods here. Knows nothing of HTTP.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from pilothouse.access.bounds import bound, first_unpriced, input_tokens
from pilothouse.access.budgets import Budgets, Hold
from pilothouse.access.limits import Limiter, Ticket
from pilothouse.access.purses import Accounts
from pilothouse.cache import Caches, Lookup, replay
from pilothouse.call import Call, Progress, Reservation, Span
from pilothouse.errors import (
    AccessError,
    ConfigError,
    LimitError,
    Overloaded,
    PilothouseError,
    ProviderError,
    StorageError,
)
from pilothouse.gateway.guarding.watch import Watch
from pilothouse.gateway.meter import USUAL_ANSWER, Meter
from pilothouse.gateway.reliability.attempts import Hooks
from pilothouse.gateway.reliability.health import is_own_fault
from pilothouse.gateway.routing.conditions import Facts
from pilothouse.gateway.routing.plan import Deployment, Plan
from pilothouse.ids import new_id
from pilothouse.observe import Prices
from pilothouse.observe.prompt_calls import COST_INSIDE, is_marked
from pilothouse.types import ChatChunk, ChatRequest, Json, ModelRequest, Usage

if TYPE_CHECKING:
    from pilothouse.gateway.runtime import Runtime

__all__ = ["Rooms", "Visit"]

_GRACE_US = 60_000_000  # after its deadline a reservation is surely over
_LONGEST_US = 3_600_000_000  # for a call without a deadline
_PROGRESS_SECONDS = 1.0  # of a stream between two notes of how far it came, where these deltas come slowly
_OURS = (LimitError, AccessError, ConfigError, Overloaded, StorageError)
"""Refusals of our own, after which nothing was asked of a provider."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the path needs beside a Runtime; the same for every Snapshot."""

    limiter: Limiter
    budgets: Budgets
    caches: Caches
    prices: Prices


class Visit:
    """Made at the start of a call; `end` it before its span is recorded. `made_from` tells the prompt and the variables
    that the request was made from, `policies` the guard policies that the prompt names, `watch` its guards."""

    __slots__ = (
        "_costs_at", "_hedge", "_hold", "_noted", "_rooms", "accounts", "call", "deployment", "lookup", "made_from",
        "meter", "note_at", "plan", "policies", "request", "reservation", "runtime", "sent", "span", "ticket", "unmade",
        "watch",
    )  # fmt: skip

    def __init__(self, rooms: Rooms, runtime: "Runtime", request: ModelRequest, call: Call, span: Span) -> None:
        self._rooms = rooms
        self.runtime = runtime
        self.request = self.sent = request
        self.made_from: Json | None = None
        self.policies: Sequence[str] = ()
        self.watch: Watch | None = None
        self._costs_at = len(call.costs)
        self.call = call
        self.span = span
        self.meter = Meter(span, request)
        self.plan: Plan | None = None
        self.accounts: Accounts | None = None
        self.ticket: Ticket | None = None
        self.lookup: Lookup | None = None
        self.deployment: Deployment | None = None
        self.reservation: Reservation | None = None
        self.unmade = False
        self._hold: Hold | None = None
        self._hedge: tuple[Deployment, Reservation, Hold, Accounts] | None = None
        self._noted = 0
        self.note_at = math.inf

    def take(self, request: ChatRequest) -> None:
        """Before anything is asked: this is the request to answer, in place of the one that the caller sent."""
        self.request = self.sent = self.meter.request = request

    async def admit(self, plan: Plan, facts: Facts) -> None:
        """Take from the limits that this call counts for. Raises TooManyRequests."""
        self.plan = plan
        limiter, users = self._rooms.limiter, self.runtime.snapshot.config.users.limits
        if self.call.depth or not limiter.applies(self.call, plan.model.limits, users):
            return
        written = facts.output_tokens
        estimate = facts.tokens + (USUAL_ANSWER if written is None else written) * facts.choices
        self.ticket = await limiter.admit(self.call, plan.model.limits, plan.alias, users, estimate)
        self.call.headers += self.ticket.headers

    async def reserve(self) -> None:
        """Hold an upper bound of the cost, and note it where a crash leaves it. Raises BudgetExceeded, nothing held."""
        plan = self.planned
        leaves = plan.leaves
        if not leaves:
            return
        accounts = self._rooms.budgets.accounts(self.call, plan.alias, (d.id for d in leaves))
        self._hold, self.reservation = await self._held(leaves, accounts, leaves[0], plan.model.resilience.retries + 1)
        self.accounts = accounts

    @property
    def hooks(self) -> Hooks:
        return Hooks(self._chosen, self._enter, self._reserve_hedge, self._settle_hedge, self._last)

    def begin(self) -> None:
        """The first chunk is there: say in the answer's headers where it comes from."""
        self.note_at = monotonic() + _PROGRESS_SECONDS
        routing = self.span.attributes.get("routing")
        if self.cached:
            if self.request.stream:
                self.call.headers.append(_cost(0))
        elif isinstance(routing, str):
            self.call.headers.append(("x-pilothouse-routing", routing))

    def note_progress(self) -> None:
        """Every 64 deltas of a stream, and at `note_at`: what a crash would have to be charged at."""
        deltas, reservation, deployment = self.meter.deltas, self.reservation, self.deployment
        self.note_at = monotonic() + _PROGRESS_SECONDS
        if deltas == self._noted or reservation is None or deployment is None:
            return
        self._noted = deltas
        usage = self.meter.so_far()
        nano = self._price(deployment, usage)
        record = Progress(reservation.id, reservation.project_id, nano, usage.input_tokens, usage.output_tokens)
        self.call.recorder.record(record)

    def fail(self, error: BaseException) -> None:
        """Note what ended the call."""
        if isinstance(error, _OURS):
            self.unmade = self.deployment is None
        else:
            self.unmade = isinstance(error, ProviderError) and is_own_fault(error) and not self.meter.started
        self.span.fail(self.call.reason(error))

    def end(self) -> None:
        """Price what was used, settle limits and budgets, and write it all to the span. Returns at once."""
        span, usage = self.span, self._used()
        if self.cached:
            span.cost_nano, span.attributes["cache"] = 0, self.lookup.how if self.lookup else ""
        elif span.kind == "chain":
            span.usage = None  # its models have spans of their own
            inside = [cost for cost in self.call.costs[self._costs_at :] if cost is not None]
            if inside and is_marked(span) and len(inside) == len(self.call.costs) - self._costs_at:
                span.attributes[COST_INSIDE] = sum(inside)
        elif usage is not None and self.deployment is not None:
            span.cost_nano = self._price(self.deployment, usage)
            span.cost_known = span.cost_nano is not None
            if not usage.estimated:
                self._rooms.caches.prompts.note(self.deployment.id, usage)
            if self.call.depth:
                self.call.costs.append(span.cost_nano)
        if self.call.hardness is not None:
            span.attributes["complexity"] = self.call.hardness
        used = 0 if self.cached or span.usage is None else span.usage.input_tokens + span.usage.output_tokens
        self._settle_budget(used)
        if self.ticket is not None:
            self._settle_limits(self.ticket, usage)
        if span.cost_nano is not None and not self.request.stream:  # a stream's headers have left long ago
            self.call.headers.append(_cost(span.cost_nano))

    @property
    def cached(self) -> bool:
        return self.lookup is not None and self.lookup.how != "miss"

    # ---- the steps of `end`

    def _used(self) -> Usage | None:
        """A caller who leaves before the answer begins has had the input read, as far as we know: that costs, or nobody
        would pay who hangs up in time. Not where a provider had failed before, and may be waited for."""
        span = self.span
        if span.usage is None and span.status == "cancelled" and self.deployment and "attempt_1" not in span.attributes:
            span.usage = Usage(self.meter.input_tokens(), 0, estimated=True)
        return span.usage

    def _settle_budget(self, tokens: int) -> None:
        span, hold, reservation = self.span, self._hold, self.reservation
        if hold is None or reservation is None or self.accounts is None:
            return
        billed = self.deployment if self.deployment is not None and self.deployment.leaf else None
        identifier = None if billed is None else billed.id
        hold.settle(span.cost_nano, tokens, identifier)
        span.charge_id, span.accounts = reservation.id, self.accounts.charged(identifier)

    def _settle_limits(self, ticket: Ticket, usage: Usage | None) -> None:
        """A call that we refused ourselves later on, or that found no provider able to answer, gives back all that it
        took; one that the caller spoiled or left does not."""
        if self.unmade:
            ticket.cancel()
        elif self.cached or usage is None:
            ticket.settle(0)
        else:
            ticket.settle(usage.input_tokens + usage.output_tokens)

    def _price(self, deployment: Deployment, usage: Usage) -> int | None:
        prices, at, provider = self._rooms.prices, self.span.start_us, deployment.provider.name
        nano = prices.cost(deployment.price_kind, deployment.model, usage, at, provider=provider)
        if nano is None and self.span.response_model:  # Azure's deployments have names of their own
            nano = prices.cost(deployment.price_kind, self.span.response_model, usage, at, provider=provider)
        return nano

    # ---- hooks

    def _chosen(self, deployment: Deployment) -> None:
        self.deployment = deployment
        if deployment.leaf:
            embeds = self.span.kind == "embedding"
            self.call.versions["embedder" if embeds else "deployment"] = deployment.id

    async def _enter(self, deployment: Deployment) -> "_Place | None":
        """A place at a deployment with limits of its own."""
        if self._hold is not None and deployment.id in self._hold.full:
            return None
        tokens = input_tokens(self.sent) // 4 + 1
        ticket = await self._rooms.limiter.try_deployment(deployment.id, deployment.limits, tokens, new_id())
        return None if ticket is None else _Place(ticket)

    async def _reserve_hedge(self, deployment: Deployment) -> bool:
        """A second deployment is asked beside the first: it may cost as much again."""
        first = self.deployment
        either = (deployment,) if first is None or not first.leaf else (first, deployment)
        accounts = self._rooms.budgets.accounts(self.call, self.planned.alias, (d.id for d in either))
        try:
            hold, reservation = await self._held(either, accounts, deployment, 1)
        except PilothouseError:
            return False
        self._hedge = deployment, reservation, hold, accounts
        return True

    async def _settle_hedge(self, loser: Deployment | None, said: Sequence[ChatChunk]) -> None:
        """What was asked in vain has read the input, as far as we know, and written what it `said` before it was cut
        off; it is charged on a span of its own."""
        if self._hedge is None:
            return
        deployment, reservation, hold, accounts = self._hedge
        self._hedge = None
        asked = loser or deployment
        span = self.call.child(self.span).start(f"hedge {asked.id}", "llm")
        span.start_us = reservation.at_us
        span.operation, span.request_model = self.span.operation, self.request.model
        span.provider, span.deployment, span.response_model = asked.kind, asked.id, asked.model
        span.status, span.charge_id, span.accounts = "cancelled", reservation.id, accounts.charged(asked.id)
        used = 0
        if loser is not None:
            meter = Meter(span, self.request)
            for chunk in said:
                meter.feed(chunk)
            span.usage = usage = meter.usage or meter.so_far()
            span.cost_nano = self._price(asked, usage)
            span.cost_known = span.cost_nano is not None
            used = usage.input_tokens + usage.output_tokens
        hold.settle(span.cost_nano, used, asked.id)
        with suppress(Overloaded):  # the spool is full: what was reserved will be charged, and the answer goes on
            self.call.finish(span)

    async def _last(self, error: PilothouseError) -> Sequence[ChatChunk] | None:
        """An answer past its time, where the alias prefers that to none."""
        plan, lookup = self.planned, self.lookup
        if lookup is None or not plan.model.fallbacks.cached or not isinstance(self.request, ChatRequest):
            return None
        answer = await lookup.find(stale=True)
        if answer is None:
            return None
        self.span.attributes["stale"] = True
        return replay(answer, self.request)

    # ---- parts

    @property
    def planned(self) -> Plan:
        assert self.plan is not None
        return self.plan

    async def _held(
        self, deployments: tuple[Deployment, ...], accounts: Accounts, charged: Deployment, attempts: int
    ) -> tuple[Hold, Reservation]:
        """Hold what asking these `attempts` times may cost, and record that, or neither. `charged` is who is charged
        should we crash."""
        span, call, prices = self.span, self.call, self._rooms.prices
        at, default = span.start_us, self.planned.model.output.default
        nano, tokens, complete = bound(prices, deployments, self.sent, attempts, at, output=default)
        remaining = call.remaining()
        lasts = _LONGEST_US if remaining is None else int(remaining * 1e6) + _GRACE_US
        first = deployments[0]
        reservation = Reservation(
            new_id(), call.project_id, call.trace_id, at, at + lasts, accounts.charged(charged.id), nano, tokens,
            call.endpoint, first.kind, first.id, first.model,
        )  # fmt: skip
        missing = _none if complete else partial(first_unpriced, prices, deployments, self.sent, at)
        hold = await self._rooms.budgets.reserve(reservation, accounts, missing)
        try:
            call.recorder.record(reservation)
        except BaseException:
            hold.cancel()
            raise
        return hold, reservation


def _none() -> None:
    """Every deployment of a bound that is known has a price."""
    return None


class _Place:
    """A deployment's own limits, as attempts.py leaves them."""

    __slots__ = ("_ticket",)

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket

    async def leave(self, usage: Usage | None) -> None:
        self._ticket.settle(None if usage is None else usage.input_tokens + usage.output_tokens)


def _cost(nano: int) -> tuple[str, str]:
    return "x-pilothouse-cost-usd", f"{nano / 1e9:.9f}"
