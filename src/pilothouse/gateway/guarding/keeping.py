"""Personal data kept from providers: a request that still holds some, once the guards have let it in, goes to none of
those that a policy names in `no_pii_to`, but to another deployment, or nowhere.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pilothouse.call import Call
from pilothouse.errors import Blocked, PilothouseError
from pilothouse.gateway.guarding.regions import unread
from pilothouse.gateway.guarding.watch import policy_of
from pilothouse.gateway.routing.plan import Plan
from pilothouse.pii.finding import finder
from pilothouse.pii.kinds import DEFAULT
from pilothouse.types import ChatRequest, ModelRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pilothouse.gateway.runtime import Runtime

__all__ = ["KEPT_FROM", "Kept", "kept"]

KEPT_FROM = "kept_from"
"""Attribute of a call's span: the providers that got nothing of it, since it holds personal data."""
_LONG = 20_000  # characters, from which on another thread looks
_find = finder(DEFAULT)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a request `holds`, in words, and the providers that it is kept from, with the policy that says so."""

    holds: str
    providers: Mapping[str, str]

    def only(self, plan: Plan, request: ModelRequest, call: Call) -> Plan:
        """The plan with the other deployments alone, or else the first of those that would follow it. Raises Blocked
        where there is none."""
        plan = self._without(plan)
        queue, seen = [plan], {plan.alias}
        for one in queue:
            if one.candidates:
                return one
            more = [*one.then, *one.fallbacks(PilothouseError("It may not have this."), request, call)]
            queue += [later for later in more if later.alias not in seen]
            seen.update(later.alias for later in more)
        named = ", ".join(self.providers)
        policies = ", ".join(dict.fromkeys(self.providers.values()))
        raise Blocked(
            f"This request holds {self.holds}, which the policy '{policies}' keeps from {named}, and '{plan.alias}' "
            "has no other deployment: no model was asked. Leave it out, have a guard replace it, or add a deployment "
            "at another provider.", guard="no_pii_to", policy=policies,
        )  # fmt: skip

    def _without(self, plan: Plan) -> Plan:
        def fallbacks(error: PilothouseError, request: Any, call: Call) -> list[Plan]:
            return [self._without(later) for later in plan.fallbacks(error, request, call)]

        left = [one for one in plan.candidates if one.provider.name not in self.providers]
        return replace(
            plan, candidates=left, fallbacks=fallbacks, then=tuple(map(self._without, plan.then)),
            leaves=tuple(one for one in plan.leaves if one.provider.name not in self.providers),
            reason=plan.reason if len(left) == len(plan.candidates) else f"{plan.reason}, no personal data",
        )  # fmt: skip


async def kept(runtime: "Runtime", call: Call, request: ModelRequest, policies: "Sequence[str]") -> Kept | None:
    """What keeps a request from providers; None where nothing does. Parts that nobody can read, such as images, count
    as personal. This holds for every call, those that guards and judges make, too."""
    if not runtime.guards.keeps_from_some:
        return None
    providers = policy_of(runtime, call, request.model, policies).no_pii_to
    if not providers:
        return None
    texts = [*_texts({name: value for name, value in request.body.items() if name != "model"})]
    long = sum(map(len, texts)) > _LONG
    kinds = await asyncio.to_thread(_kinds, texts) if long else _kinds(texts)
    parts = unread(request) if isinstance(request, ChatRequest) else []
    holds = [kind.replace("_", " ") for kind in kinds] + [f"parts that nobody can read ({', '.join(parts)})"] * bool(
        parts
    )
    return Kept(", ".join(holds), providers) if holds else None


def _kinds(texts: "Sequence[str]") -> list[str]:
    return [*dict.fromkeys(found.kind for text in texts for found in _find(text))]


def _texts(value: Any) -> Iterator[str]:
    """Every text of a body, and numbers that are long enough to be of a card."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, int) and abs(value) >= 10**8:
        yield str(value)
