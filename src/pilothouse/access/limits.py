"""Rate limits: which counters a call counts for, from its organisation down to its key, its user and its model.

Takes from all of them or from none, before the call; corrects by what it really used, after it. Knows nothing of how
counters are kept (storage/counters.py) nor of money (budgets).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count
from typing import Literal

from pilothouse.call import Call
from pilothouse.config import Limits
from pilothouse.errors import Overloaded, StorageError, TooManyRequests
from pilothouse.ids import new_id, now_us
from pilothouse.principal import Principal
from pilothouse.storage.counters import Counters, Take, Verdict

__all__ = ["Limiter", "Ticket", "duration"]

Kind = Literal["requests", "tokens", "parallel"]
_MINUTE_US = 60_000_000
_MOST_KEPT = 4096
_LONGEST_NAME = 128
_BUSY_SECONDS = 1.0
"""When to ask again where only running calls stand in the way: nobody knows when one ends."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One limit of one level. `take` is what a call takes; for tokens it is made anew with the call's estimate."""

    who: str
    kind: Kind
    take: Take


class Ticket:
    """What one call has taken. `settle` or `cancel` it once; whatever comes after the first does nothing."""

    __slots__ = ("_clock", "_counters", "_holder", "_rules", "_takes", "_verdict")

    def __init__(
        self,
        counters: Counters | None,
        clock: Callable[[], int],
        holder: str,
        rules: Sequence[_Rule],
        takes: Sequence[Take],
        verdict: Verdict,
    ) -> None:
        self._counters, self._clock, self._holder = counters, clock, holder
        self._rules, self._takes, self._verdict = rules, takes, verdict

    @property
    def headers(self) -> list[tuple[str, str]]:
        """`x-ratelimit-*` as OpenAI documents them: where the tightest level stands, for requests and for tokens."""
        return _headers(self._rules, self._verdict)

    @property
    def room(self) -> float:
        """The share that was left of the tightest of its limits, from 0 to 1."""
        shares = zip(self._takes, self._verdict.remaining, strict=False)
        return min((left / take.limit for take, left in shares), default=1.0)

    def settle(self, tokens_used: int | None) -> None:
        """The call has ended: count the tokens it used (None: as estimated) and free its places."""
        self._correct(0, tokens_used)

    def cancel(self) -> None:
        """The call was not made: give everything back."""
        self._correct(-1, 0)

    def _correct(self, requests: int, tokens: int | None) -> None:
        counters, self._counters = self._counters, None
        if counters is None:
            return
        changes = []
        for rule, take in zip(self._rules, self._takes, strict=True):
            if rule.kind == "parallel":
                changes.append(take)
            elif rule.kind == "requests":
                if requests:
                    changes.append(Take(take.name, take.limit, requests))
            elif tokens is not None and tokens != take.cost:
                changes.append(Take(take.name, take.limit, tokens - take.cost))
        if changes:
            counters.adjust(self._holder, changes, self._clock())


_FREE = Ticket(None, now_us, "", (), (), Verdict(None, (), ()))


class Limiter:
    """Admits calls by their limits. `on_down` says what happens while the counters are away: "open" admits without
    counting (`unchecked` counts how often), "closed" refuses."""

    def __init__(
        self, counters: Counters, on_down: Literal["open", "closed"] = "closed", clock: Callable[[], int] = now_us
    ) -> None:
        self._counters, self._on_down, self._clock = counters, on_down, clock
        self._principals: dict[Principal, tuple[_Rule, ...]] = {}
        self._others: dict[str, tuple[Limits, tuple[_Rule, ...]]] = {}
        self._holders, self._prefix = count(), new_id()
        self._rooms: dict[str, tuple[float, int]] = {}
        self.unchecked = 0

    def applies(self, call: Call, model_limits: Limits, user_limits: Limits) -> bool:
        """Whether any limit counts this call: if not, `admit` need not be asked."""
        rules = self._principals.get(call.principal)
        if rules is None:
            rules = self._compile(call.principal)
        return bool(rules) or _limits(model_limits) or (call.user_id is not None and _limits(user_limits))

    async def admit(self, call: Call, model_limits: Limits, alias: str, user_limits: Limits, tokens: int) -> Ticket:
        """Take one request, the estimated `tokens` and a place from every limit that this call counts for.

        An estimate beyond a limit counts as all of it, so that one big call can pass when nothing else does. Raises
        TooManyRequests naming the limit, having taken nothing; Overloaded while the counters are away and that closes.
        """
        principal = call.principal
        rules = self._principals.get(principal)
        if rules is None:
            rules = self._compile(principal)
        if call.user_id and _limits(user_limits):
            user = _short(call.user_id)
            rules += self._of(f"user:{call.project_id}/{user}", f"user '{user}'", user_limits)
        if _limits(model_limits):
            rules += self._of(f"model:{call.project_id}/{alias}", f"model '{alias}'", model_limits)
        if not rules:
            return _FREE
        return await self._take(rules, tokens, f"{self._prefix}:{next(self._holders)}")

    async def try_deployment(self, deployment_id: str, limits: Limits, tokens: int, holder: str) -> Ticket | None:
        """Take from a deployment's own limits; None where it has no room. `holder` names the attempt."""
        if not _limits(limits):
            return _FREE
        try:
            ticket = await self._take(self._of_deployment(deployment_id, limits), tokens, holder)
        except TooManyRequests:
            self._rooms[deployment_id] = (0.0, self._clock())
            return None
        self._rooms[deployment_id] = (ticket.room, self._clock())
        return ticket

    def last_room(self, deployment_id: str) -> float:
        """The share of a deployment's own limits that was left when it was last asked for, and what came back since;
        1 where nothing is known. At once, for routing; `room` asks the counters."""
        known = self._rooms.get(deployment_id)
        if known is None:
            return 1.0
        share, at = known
        passed = self._clock() - at  # less than nothing: the clock was set back
        return 1.0 if passed < 0 else min(1.0, share + passed / _MINUTE_US)

    async def room(self, deployments: Sequence[tuple[str, Limits]]) -> list[float]:
        """The share that is left of each deployment's tightest limit, from 0 to 1; 1 where nothing is known."""
        takes, owners = [], []
        for index, (deployment_id, limits) in enumerate(deployments):
            for rule in self._of_deployment(deployment_id, limits):
                takes.append(Take(rule.take.name, rule.take.limit, 0, rule.take.parallel))
                owners.append(index)
        room = [1.0] * len(deployments)
        if takes:
            try:
                verdict = await self._counters.take("", takes, self._clock())
            except StorageError:
                return room
            for index, take, left in zip(owners, takes, verdict.remaining, strict=True):
                room[index] = min(room[index], left / take.limit)
        return room

    async def _take(self, rules: tuple[_Rule, ...], tokens: int, holder: str) -> Ticket:
        takes = [
            Take(rule.take.name, rule.take.limit, max(1, min(tokens, rule.take.limit)))
            if rule.kind == "tokens"
            else rule.take
            for rule in rules
        ]
        try:
            verdict = await self._counters.take(holder, takes, self._clock())
        except StorageError as error:
            if self._on_down == "open":
                self.unchecked += 1
                return _FREE
            raise Overloaded(
                "Limits cannot be checked while Redis is away, and PILOTHOUSE_REDIS_DOWN=closed refuses calls "
                "meanwhile. Try again in a moment; PILOTHOUSE_REDIS_DOWN=open would serve them unchecked."
            ) from error
        if verdict.refused is not None:
            raise _refusal(rules, takes, verdict, verdict.refused)
        return Ticket(self._counters, self._clock, holder, rules, takes, verdict)

    def _compile(self, principal: Principal) -> tuple[_Rule, ...]:
        if len(self._principals) >= _MOST_KEPT:
            self._principals.clear()  # a changed key makes a new principal: what is in use is back at once
        rules: list[_Rule] = []
        for level in principal.levels:
            kind, _, name = level.account.partition(":")
            rules += _rules(level.account, f"{kind} '{name}'", level.limits)
        made = self._principals[principal] = tuple(rules)
        return made

    def _of_deployment(self, deployment_id: str, limits: Limits) -> tuple[_Rule, ...]:
        return self._of(f"deployment:{deployment_id}", f"deployment '{deployment_id}'", limits)

    def _of(self, account: str, who: str, limits: Limits) -> tuple[_Rule, ...]:
        kept = self._others.get(account)
        if kept is not None and kept[0] is limits:
            return kept[1]
        if len(self._others) >= _MOST_KEPT:
            self._others.clear()
        made = tuple(_rules(account, who, limits))
        self._others[account] = (limits, made)
        return made


def duration(seconds: float) -> str:
    """A time as OpenAI's headers write it: `120ms`, `1s`, `6m0s`, `1h0m0.5s`; rounded up to a millisecond."""
    milliseconds = -int(-seconds * 1000 // 1)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{milliseconds / 1000:g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _limits(limits: Limits) -> bool:
    return not (limits.requests_per_minute is limits.tokens_per_minute is limits.parallel is None)


def _rules(account: str, who: str, limits: Limits) -> list[_Rule]:
    rules = []
    if limits.requests_per_minute is not None:
        rules.append(_Rule(who, "requests", Take(f"{account}|requests", limits.requests_per_minute)))
    if limits.tokens_per_minute is not None:
        rules.append(_Rule(who, "tokens", Take(f"{account}|tokens", limits.tokens_per_minute)))
    if limits.parallel is not None:
        rules.append(_Rule(who, "parallel", Take(f"{account}|parallel", limits.parallel, parallel=True)))
    return rules


_NAMES = {
    kind: (f"x-ratelimit-limit-{kind}", f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}")
    for kind in ("requests", "tokens")
}


def _headers(rules: Sequence[_Rule], verdict: Verdict) -> list[tuple[str, str]]:
    tightest: dict[Kind, tuple[int, int, float]] = {}
    for rule, remaining, reset in zip(rules, verdict.remaining, verdict.reset, strict=True):
        kind = rule.kind
        if kind != "parallel":
            standing = (remaining, rule.take.limit, reset)
            if kind not in tightest or standing < tightest[kind]:
                tightest[kind] = standing
    headers = []
    for kind, (remaining, limit, reset) in sorted(tightest.items()):
        of_limit, of_remaining, of_reset = _NAMES[kind]
        headers += [(of_limit, str(limit)), (of_remaining, str(remaining)), (of_reset, duration(reset))]
    return headers


def _refusal(rules: Sequence[_Rule], takes: Sequence[Take], verdict: Verdict, index: int) -> TooManyRequests:
    rule, take, retry_after = rules[index], takes[index], verdict.retry_after
    again = "" if verdict.retry_after is None else f" Try again in {duration(verdict.retry_after)}."
    if rule.kind == "parallel":
        retry_after = _BUSY_SECONDS
        message = f"The {rule.who} is limited to {take.limit} calls at once. Try again when one of them has ended."
    elif rule.kind == "requests":
        message = f"The {rule.who} is limited to {take.limit} requests per minute.{again}"
    else:
        message = (
            f"The {rule.who} is limited to {take.limit} tokens per minute, of which {verdict.remaining[index]} are "
            f"left now; this call is counted as {take.cost}.{again}"
        )
    return TooManyRequests(message, retry_after=retry_after, headers=_headers(rules, verdict))


def _short(name: str) -> str:
    """Callers choose the names of users; a long one is counted by its hash."""
    if len(name) <= _LONGEST_NAME:
        return name
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
