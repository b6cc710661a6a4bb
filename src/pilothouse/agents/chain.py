"""Prompt chains: one question after the other, each made of a template and of the answers before it.

A fixed order and no tools. Knows nothing of agents.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pilothouse.agents.steps import ground_of
from pilothouse.errors import InvalidRequest
from pilothouse.types import Json, text_of

__all__ = ["Chain", "Chained", "Link"]

_HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, kw_only=True)
class Link:
    """One question. `prompt` holds `{{name}}` for the inputs of the chain and the answers of earlier links by their
    names; `system` is told before it. `model` is the chain's where it is None, `params` are further fields."""

    name: str
    prompt: str
    system: str = ""
    model: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chained:
    """`text` is the last answer, `answers` are all by the names of their links. `cost_usd` is None where not known."""

    text: str
    answers: dict[str, str]
    cost_usd: float | None
    trace_id: str


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Links in their order. `platform` as an Agent has it. Raises InvalidRequest for no links, two of one name, or a
    hole that a later link would fill."""

    links: Sequence[Link]
    model: str = ""
    name: str = "chain"
    platform: Any = None

    def __post_init__(self) -> None:
        names = [link.name for link in self.links]
        if not names or len({*names}) < len(names):
            raise InvalidRequest("A chain has links, each with a name of its own.", param="links")
        for at, link in enumerate(self.links):
            for hole in _HOLE.findall(link.prompt):
                if hole in names[at:]:
                    raise InvalidRequest(f"'{link.name}' asks for '{hole}', which is not answered before.", param=hole)
            if not (link.model or self.model):
                raise InvalidRequest(f"'{link.name}' has no model, and neither has the chain.", param="model")

    async def run(self, **inputs: str) -> Chained:
        """Ask all of them. Raises InvalidRequest for an input that is missing, and what the gateway raises."""
        earlier = {link.name for link in self.links}
        wanted = {hole for link in self.links for hole in _HOLE.findall(link.prompt)} - earlier
        for missing in sorted(wanted - inputs.keys()):
            raise InvalidRequest(f"The input '{missing}' is missing.", param=missing)
        known, answers, nano = dict(inputs), dict[str, str](), list[int | None]()
        async with ground_of(self.platform) as ground:
            with ground.begin(f"chain {self.name}", "chain") as step:
                step.tell(input=inputs)
                for link in self.links:
                    prompt = _HOLE.sub(lambda hole: known[hole[1]], link.prompt)
                    messages: list[Json] = [{"role": "system", "content": link.system}] if link.system else []
                    messages.append({"role": "user", "content": prompt})
                    with step.inside(link.name, "chain") as inner:
                        body = {**link.params, "model": link.model or self.model, "messages": messages}
                        reply = await inner.ask(body)
                    nano.append(reply.cost_nano)
                    known[link.name] = answers[link.name] = text_of(reply.message.get("content"))
                text = answers[self.links[-1].name]
                step.tell(output={"text": text})
                known_costs = [one for one in nano if one is not None]
                cost = sum(known_costs) / 1e9 if len(known_costs) == len(nano) else None
                return Chained(text, answers, cost, step.trace_id)

    def run_sync(self, **inputs: str) -> Chained:
        """The same where nothing is awaited: not from a running event loop."""
        return asyncio.run(self.run(**inputs))
