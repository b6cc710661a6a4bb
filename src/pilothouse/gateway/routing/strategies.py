"""In which order the deployments of an alias are tried: one function per strategy, each with its reason in few words.

What has no weight comes last in each. Circuit breakers are left to attempts.py, which passes over what is open. Knows
nothing of aliases.
"""

import math
import random
from collections.abc import Callable, Sequence
from hashlib import blake2b

from pilothouse.config import Strategy
from pilothouse.gateway.meter import USUAL_ANSWER
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.routing.conditions import Facts
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.ids import now_us
from pilothouse.observe import Prices
from pilothouse.types import ChatRequest, Usage

__all__ = ["Room", "Strategies"]

Ordered = tuple[Sequence[Deployment], str]
Room = Callable[[Deployment], float]
"""The share of a deployment's own limits that is left now, from 0 to 1; 1 where it has none."""

_EXPLORATION = 0.05  # of the calls go first to one of the slower ones, so that it is known when it got better
_HASH_RANGE = 2.0**64


class Strategies:
    """The strategies over what is known of deployments. `room` tells how much of its own limits one has left."""

    def __init__(
        self, health: Health, prices: Prices, room: Room | None = None, random_source: random.Random | None = None
    ) -> None:
        self._health = health
        self._prices = prices
        self._room = room or (lambda deployment: 1.0)
        self._random = random_source or random.Random()
        self._by_name: dict[Strategy, Callable[[Sequence[Deployment], Facts], Ordered]] = {
            "weighted": self._weighted,
            "least-busy": self._least_busy,
            "latency": self._latency,
            "cheapest": self._cheapest,
            "usage": self._usage,
            "sticky": self._sticky,
        }

    def order(self, strategy: Strategy, deployments: Sequence[Deployment], facts: Facts) -> Ordered:
        """The deployments in the order to try them, and why."""
        if len(deployments) == 1:
            return deployments, "single"
        return self._by_name[strategy](deployments, facts)

    def _weighted(self, deployments: Sequence[Deployment], facts: Facts) -> Ordered:
        return self._shuffled(deployments), "weighted"

    def _least_busy(self, deployments: Sequence[Deployment], facts: Facts) -> Ordered:
        """The fewest calls in flight by weight first, equals at random."""
        of = self._health.of

        def load(deployment: Deployment) -> float:
            return (of(deployment.id).in_flight + 1) / deployment.weight if deployment.weight else math.inf

        ordered = sorted(self._shuffled(deployments), key=load)
        return ordered, f"least-busy {of(ordered[0].id).in_flight} in flight"

    def _latency(self, deployments: Sequence[Deployment], facts: Facts) -> Ordered:
        """The shortest average time to first content first; one not yet known counts as the best known."""
        shuffled = self._shuffled(deployments)
        if self._random.random() < _EXPLORATION:
            return shuffled, "latency exploration"
        streams = isinstance(facts.request, ChatRequest) and facts.request.stream
        times = {d.id: self._time(d, streams) for d in shuffled}
        best = min((time for time in times.values() if time is not None), default=0.0)
        ordered = sorted(shuffled, key=lambda d: (d.weight == 0, best if (t := times[d.id]) is None else t))
        first = times[ordered[0].id]
        return ordered, "latency unknown" if first is None else f"latency {first * 1000:.0f} ms"

    def _time(self, deployment: Deployment, streams: bool) -> float | None:
        vitals = self._health.of(deployment.id)
        return (vitals.streamed if streams else vitals.whole).average

    def _cheapest(self, deployments: Sequence[Deployment], facts: Facts) -> Ordered:
        """By the price of the estimated tokens; an answer of unknown length counts as 256. Unknown prices last."""
        output = facts.output_tokens
        usage = Usage(facts.tokens, USUAL_ANSWER if output is None else output)
        at = now_us()

        def price(deployment: Deployment) -> float:
            of = deployment.provider.name
            cost = self._prices.cost(deployment.price_kind, deployment.model, usage, at, provider=of)
            return math.inf if cost is None else cost

        return sorted(self._shuffled(deployments), key=lambda d: (d.weight == 0, price(d))), "cheapest"

    def _usage(self, deployments: Sequence[Deployment], facts: Facts) -> Ordered:
        """The largest share of its own limits left first."""
        ordered = sorted(self._shuffled(deployments), key=lambda d: (d.weight == 0, -self._room(d)))
        return ordered, f"usage {self._room(ordered[0]):.0%} left"

    def _sticky(self, deployments: Sequence[Deployment], facts: Facts) -> Ordered:
        """The same order for the same session, else user, else key, so that the provider's prompt cache stays warm.

        Rendezvous hashing (Thaler and Ravishankar, 1998), weighted as Schindelhauer and Schomaker (2005) do: a
        deployment that goes moves none but its own sessions.
        """
        call = facts.call
        who = call.session_id or call.user_id or call.key_id
        if who is None:
            return self._weighted(deployments, facts)
        name = who.encode()

        def score(deployment: Deployment) -> float:
            digest = blake2b(name, digest_size=8, key=deployment.id.encode()[:64]).digest()
            return -deployment.weight / math.log((int.from_bytes(digest) + 0.5) / _HASH_RANGE)

        return sorted(deployments, key=score, reverse=True), "sticky"

    def _shuffled(self, deployments: Sequence[Deployment]) -> Sequence[Deployment]:
        """In random order, each first with a chance proportional to its weight (Efraimidis and Spirakis, 2006)."""
        draw = self._random.random
        if len(deployments) == 2:  # the most frequent case, in a tenth of the time
            one, other = deployments
            return (one, other) if draw() * (one.weight + other.weight) < one.weight else (other, one)
        keyed = [(draw() ** (1 / d.weight) if d.weight else -1.0, d) for d in deployments]
        return [d for _, d in sorted(keyed, key=lambda pair: -pair[0])]
