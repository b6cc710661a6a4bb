"""Asking the deployments of a plan until one answers: retries, the next candidate, fallbacks, hedges, a last answer.

    candidate: passed over while its breaker is open, while it is busy or has no room of its own
      -> retries with backoff -> the next candidate -> fallbacks of the failure's class -> theirs, and so on
      -> the least bad of those passed over -> what the hook `last` has -> the degraded answer -> the last error

A stream counts as begun with its first content; the chunks before it are held back, so that until then another
deployment may take over, and none does afterwards. Each attempt is noted on the span. Knows nothing of HTTP, money or
limits: those come in as hooks.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import NamedTuple

from pilothouse.call import Call, Span
from pilothouse.config import Hedge, ModelConfig, Resilience
from pilothouse.errors import (
    PilothouseError,
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    RateLimited,
    Unsupported,
)
from pilothouse.gateway.reliability.attempt import Attempt, Enter, NoRoom, Provide
from pilothouse.gateway.reliability.degraded import degraded
from pilothouse.gateway.reliability.health import Health, Vitals, is_own_fault
from pilothouse.gateway.reliability.race import Race
from pilothouse.gateway.routing.plan import Deployment, Plan, Request, failure_class
from pilothouse.providers.usage import believable
from pilothouse.types import ChatChunk, ChatRequest

__all__ = ["Attempts", "Hooks"]

_NOTED = 20  # attempts on a span
_MOST_CREDIT = 10.0


async def _nothing(_: object) -> None:
    return None


async def _refused(_: Deployment) -> bool:
    return False


async def _unpaid(_: Deployment | None, __: Sequence[ChatChunk]) -> None:
    return None


def _unheard(_: Deployment) -> None:
    return None


class Hooks(NamedTuple):
    """What Attempts asks of the path around it.

    `chosen` hears which deployment is about to be asked, and which one took over. `enter` takes a place at a deployment
    with limits of its own, None where it has no room. `reserve_hedge` says whether a second deployment may be asked as
    well; then `settle_hedge` is called once with the one whose answer was thrown away, None where there was none, and
    what that had said by then. `last` is what to answer when everything failed, such as a cached answer; None where
    there is nothing.
    """

    chosen: Callable[[Deployment], None] = _unheard
    enter: Enter | None = None
    reserve_hedge: Callable[[Deployment], Awaitable[bool]] = _refused
    settle_hedge: Callable[[Deployment | None, Sequence[ChatChunk]], Awaitable[None]] = _unpaid
    last: Callable[[PilothouseError], Awaitable[Sequence[ChatChunk] | None]] = _nothing


_NO_HOOKS = Hooks()


class Attempts:
    """Runs plans. `sleep` waits between retries, in seconds."""

    def __init__(
        self,
        health: Health,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random_source: random.Random | None = None,
    ) -> None:
        self.health = health
        self.sleep = sleep
        self._random = random_source or random.Random()
        self._credit: dict[str, float] = {}

    async def run(
        self, plan: Plan, request: Request, call: Call, span: Span, provide: Provide, hooks: Hooks = _NO_HOOKS
    ) -> AsyncGenerator[ChatChunk]:
        """The answer's chunks. `provide` gives for a deployment the function that asks it; it may raise Unsupported.

        Raises the last ProviderError once nothing is left to try, and at once what is the caller's own fault. Writes
        provider, deployment, response_model and kind of the span, and its attributes `routing`, `attempts`,
        `attempt_<n>`, `passed_over`, `hedged` and `degraded`. Closing the generator cancels whatever runs upstream.
        """
        course = _Course(self, request, call, span, provide, hooks)
        attempt = await course.first(plan)
        if attempt is None:
            for chunk in course.left:
                yield chunk
            return
        failure: BaseException | None = None
        try:
            for chunk in attempt.held:
                yield chunk
            if attempt.ends is None:
                async for chunk in attempt.chunks:
                    if chunk.usage is not None:
                        attempt.usage = believable(chunk.usage) or attempt.usage
                    yield chunk
            else:
                while (next_one := await attempt.next_in_time()) is not None:
                    if next_one.usage is not None:
                        attempt.usage = believable(next_one.usage) or attempt.usage
                    yield next_one
        except BaseException as error:
            failure = error
            raise
        finally:
            await attempt.close(failure)

    def wait(self, resilience: Resilience, retry: int, error: ProviderError, call: Call) -> float | None:
        """Seconds until a retry, None where it is not worth it: longer than `longest_wait`, or than the call may last.

        Exponential backoff with full jitter (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter), on top
        of a Retry-After.
        """
        asked = error.retry_after or 0.0
        wait = asked + self._random.random() * min(resilience.longest_wait, resilience.backoff * 2**retry)
        remaining = call.remaining()
        return None if asked > resilience.longest_wait or (remaining is not None and wait >= remaining) else wait

    def earn_hedge(self, alias: str, share: float) -> None:
        """A call that might be hedged earns its share of a hedge."""
        self._credit[alias] = min(self._credit.get(alias, 1.0) + share, _MOST_CREDIT)

    def take_hedge(self, alias: str, share: float) -> bool:
        """Whether one more hedge keeps to that share of the alias's calls, and the first one."""
        credit = self._credit.get(alias, 1.0)
        if share <= 0.0 or credit < 1.0:
            return False
        self._credit[alias] = credit - 1.0
        return True


class _Course:
    """One call on its way through its deployments."""

    def __init__(
        self, attempts: Attempts, request: Request, call: Call, span: Span, provide: Provide, hooks: Hooks
    ) -> None:
        self._attempts = attempts
        self._health = attempts.health
        self._request = request
        self._stream = isinstance(request, ChatRequest) and request.stream
        self._call = call
        self._span = span
        self._kind = span.kind
        self._provide = provide
        self._hooks = hooks
        self._failed = 0
        self._tried: dict[str, PilothouseError | None] = {}
        self._latest: dict[str, Attempt] = {}
        self._passed: list[tuple[Plan, Deployment, Vitals]] = []
        self._last: PilothouseError | None = None
        self.left: Sequence[ChatChunk] = ()

    async def first(self, plan: Plan) -> Attempt | None:
        """The attempt that answers, begun. None where what is `left` is the answer instead."""
        queue, seen = deque((plan,)), {plan.alias}
        while queue:
            current = queue.popleft()
            failures: list[PilothouseError] = []
            attempt = await self._alias(current, failures)
            if attempt is not None:
                return attempt
            more = [p for error in failures for p in current.fallbacks(error, self._request, self._call)]
            for later in (*current.then, *more):
                if later.alias not in seen:
                    seen.add(later.alias)
                    queue.append(later)
        attempt = await self._least_bad()
        if attempt is None:
            self.left = await self._what_is_left(plan.model)
        return attempt

    async def _alias(self, plan: Plan, failures: list[PilothouseError]) -> Attempt | None:
        """Try the candidates of one alias. `failures` gets one error of each class."""
        candidates, hedge = plan.candidates, plan.model.hedge
        for at, deployment in enumerate(candidates):
            if deployment.id in self._tried:  # as one of another alias
                before = self._tried[deployment.id]
                if before is not None:
                    _add(failures, before)
                continue
            rest = candidates[at + 1 :]
            if hedge is not None and rest:
                attempt = await self._hedged(plan, hedge, deployment, rest, failures)
            else:
                attempt = await self._retried(plan, deployment, failures, others=bool(rest))
            if attempt is not None:
                return attempt
        return None

    async def _retried(
        self,
        plan: Plan,
        deployment: Deployment,
        failures: list[PilothouseError],
        *,
        others: bool,
        forced: bool = False,
        beside: bool = False,
    ) -> Attempt | None:
        """Ask one deployment, again where that may help; `beside` another, which keeps its name on the span, or
        `forced`, whatever its health. Raises what no other deployment would mend."""
        health, resilience, retry = self._health, plan.model.resilience, 0
        vitals = health.of(deployment.id)
        if not forced and not vitals.admit(health.clock()):
            self._passed.append((plan, deployment, vitals))
            self._pass_over(deployment, *_why(deployment, vitals, health.clock()), failures)
            return None
        self._tried[deployment.id] = None
        if not beside:
            self._assign(plan, deployment)
        probes = not forced and vitals.open_until != 0.0
        while True:
            attempt = Attempt(deployment, vitals, health, resilience, probes=probes)
            self._latest[deployment.id] = attempt
            try:
                await attempt.open(
                    self._provide, self._request, self._stream, self._call, self._span, self._hooks.enter
                )
                if self._failed:
                    self._span.attributes["attempts"] = self._failed + 1
                return attempt
            except NoRoom as error:
                self._tried[deployment.id] = error
                self._pass_over(deployment, "no room", error, failures)
                return None
            except (ProviderError, Unsupported) as error:
                self._note(deployment, error, failures)
                wait = self._wait(resilience, retry, error, vitals, others)
            if wait is None:
                return None
            await self._attempts.sleep(wait)
            retry += 1
            if vitals.open_until and not vitals.admit(health.clock()):  # opened by others meanwhile
                return None
            probes = vitals.open_until != 0.0

    def _wait(
        self, resilience: Resilience, retry: int, error: PilothouseError, vitals: Vitals, others: bool
    ) -> float | None:
        """Seconds until the same deployment is asked again, None for not at all. One that is busy or slow is left alone
        while there are others."""
        if not isinstance(error, ProviderError) or not error.retryable or retry >= resilience.retries:
            return None
        if vitals.open_until or (others and isinstance(error, RateLimited | ProviderTimeout)):
            return None
        return self._attempts.wait(resilience, retry, error, self._call)

    async def _hedged(
        self,
        plan: Plan,
        hedge: Hedge,
        deployment: Deployment,
        rest: Sequence[Deployment],
        failures: list[PilothouseError],
    ) -> Attempt | None:
        """Ask one deployment, and another beside it when its first content is late: the first to begin answers."""
        attempts, vitals = self._attempts, self._health.of(deployment.id)
        attempts.earn_hedge(plan.alias, hedge.share)
        late = hedge.after or (vitals.streamed if self._stream else vitals.whole).p95
        if late is None:
            return await self._retried(plan, deployment, failures, others=True)
        race = Race(deployment, self._retried(plan, deployment, failures, others=True))
        second: Deployment | None = None
        started = self._health.clock()
        try:
            if not await race.begun(late):
                second = await self._second(plan, hedge, rest)
                if second is not None:
                    self._span.attributes["hedged"] = second.id
                    race.add(second, self._retried(plan, second, failures, others=True, beside=True))
            attempt = await race.winner()
        finally:
            loser = second  # also where the caller leaves before all of them have ended
            try:
                loser = await race.end()
            finally:
                if second is not None:
                    asked = None if loser is None else self._latest.get(loser.id)
                    await self._hooks.settle_hedge(loser, () if asked is None else asked.held)
        if attempt is not None and loser is not None:  # what it would have taken is unknown, but it was longer
            times = self._health.of(loser.id)
            (times.streamed if self._stream else times.whole).add(self._health.clock() - started)
        if attempt is not None and second is not None:
            self._assign(plan, attempt.deployment, " hedged")
        return attempt

    async def _second(self, plan: Plan, hedge: Hedge, rest: Sequence[Deployment]) -> Deployment | None:
        """The next healthy candidate, if the alias's share of hedges and the caller's budget allow one."""
        now = self._health.clock()
        for deployment in rest:
            if deployment.id not in self._tried and self._health.of(deployment.id).healthy(now):
                allowed = self._attempts.take_hedge(plan.alias, hedge.share)
                return deployment if allowed and await self._hooks.reserve_hedge(deployment) else None
        return None

    async def _least_bad(self) -> Attempt | None:
        """One of those passed over, rather than to fail without having asked: busy before broken, then the one whose
        time is over soonest."""
        if not self._passed:
            return None
        now = self._health.clock()
        plan, deployment, _ = min(self._passed, key=lambda p: (p[2].open_until > now, p[2].open_until, p[2].busy_until))
        return await self._retried(plan, deployment, [], others=False, forced=True)

    async def _what_is_left(self, model: ModelConfig) -> Sequence[ChatChunk]:
        """An answer without any deployment. Raises the last error where there is none."""
        error, span = self._last, self._span
        if error is None:
            raise AssertionError("a plan has at least one candidate")
        if self._failed:
            span.attributes["attempts"] = self._failed
        found = await self._hooks.last(error)
        if found is not None:
            return found
        if model.fallbacks.answer is None or not self._call.degradable:
            raise error
        deployment = degraded(model.fallbacks.answer)
        try:
            chunks = self._provide(deployment)(self._request.edited(model=deployment.model), self._call.child(span))
            said = [chunk async for chunk in chunks]
        except Unsupported:  # an embedding cannot be degraded
            raise error from None
        self._name(deployment)
        span.attributes["routing"] = "degraded answer"
        span.attributes["degraded"] = True
        return said

    def _note(self, deployment: Deployment, error: PilothouseError, failures: list[PilothouseError]) -> None:
        """Write a failed attempt to the span. Raises the error where the request itself is at fault."""
        self._last = self._tried[deployment.id] = error
        self._failed += 1
        if self._failed <= _NOTED:
            self._span.attributes[f"attempt_{self._failed}"] = f"{deployment.id}: {error.code}"
        if isinstance(error, ProviderRejected) and not is_own_fault(error):
            raise error
        _add(failures, error)

    def _pass_over(
        self, deployment: Deployment, what: str, error: ProviderError, failures: list[PilothouseError]
    ) -> None:
        error.provider = deployment.provider.name
        self._last = self._last or error
        passed = self._span.attributes.setdefault("passed_over", [])
        assert isinstance(passed, list)
        passed.append(f"{deployment.id}: {what}")
        _add(failures, error)

    def _assign(self, plan: Plan, deployment: Deployment, how: str = "") -> None:
        self._name(deployment)
        self._span.attributes["routing"] = plan.reason + how

    def _name(self, deployment: Deployment) -> None:
        """Name on the span the deployment that is about to be asked, or that answers."""
        span = self._span
        span.provider, span.deployment, span.response_model = deployment.kind, deployment.id, deployment.model
        span.kind = self._kind if deployment.leaf else "chain"
        if deployment.leaf:
            self._call.versions["embedder" if self._kind == "embedding" else "deployment"] = deployment.id
        self._hooks.chosen(deployment)


def _why(deployment: Deployment, vitals: Vitals, now: float) -> tuple[str, ProviderError]:
    """Why a deployment is passed over, for the span and as the error that stands for it."""
    if now < vitals.busy_until:
        wait = vitals.busy_until - now
        return "busy", RateLimited(f"Deployment '{deployment.id}' is busy for {wait:.1f} s more.", retry_after=wait)
    text = f"Deployment '{deployment.id}' is out of rotation after repeated failures."
    return f"breaker {vitals.breaker(now)}", vitals.cause(text)


def _add(failures: list[PilothouseError], error: PilothouseError) -> None:
    kind = failure_class(error)
    if all(failure_class(other) != kind for other in failures):
        failures.append(error)
