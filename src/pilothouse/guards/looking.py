"""Texts looked at from a program: by guards in this process, or by a policy at a server; what came of it is told in the
same words, those of `/api/guards/check`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self

from pydantic import ValidationError

from pilothouse.client import Client
from pilothouse.errors import ConfigError
from pilothouse.guarding import GuardPolicy, GuardsConfig, Stage
from pilothouse.guards.checking import check
from pilothouse.guards.policy import Placed, Policies
from pilothouse.protocols import Conversation
from pilothouse.types import Json

__all__ = ["Local", "Looking", "Remote"]

_OWN = "guard"
_ROLES = {"tool": "tool", "retrieval": "document", "output": "assistant"}


class Looking(Protocol):
    """Who looks at texts."""

    def looks_at(self, stage: Stage) -> bool: ...

    async def look(self, text: str, stage: Stage, conversation: Conversation) -> Json:
        """`action`, `text` and `results`, as `/api/guards/check` tells them."""
        ...


class Local:
    """Guards in this process."""

    def __init__(self, placed: Sequence[Placed] = ()) -> None:
        self._placed = tuple(placed)

    @classmethod
    def of(cls, policy: Mapping[str, Any] | GuardPolicy) -> Self:
        """Those of a policy as the configuration writes it. Raises ConfigError."""
        try:
            rules = policy if isinstance(policy, GuardPolicy) else GuardPolicy.model_validate(policy)
        except ValidationError as error:
            told = error.errors()[0]
            where = ".".join(map(str, told["loc"]))
            raise ConfigError(f"{where or 'policy'}: {told['msg']}", param=where) from None
        return cls(Policies(GuardsConfig(policies={_OWN: rules})).of([_OWN]).placed)

    def with_(self, placed: Placed) -> "Local":
        """With one more."""
        return Local((*self._placed, placed))

    def looks_at(self, stage: Stage) -> bool:
        return any(one.stage == stage for one in self._placed)

    async def look(self, text: str, stage: Stage, conversation: Conversation) -> Json:
        placed = [one for one in self._placed if one.stage == stage]
        return (await check(placed, text, stage, conversation, _ROLES.get(stage, "user"))).to_json()


class Remote:
    """A policy of a server, by its name. `client` gives the client once it is needed."""

    def __init__(self, policy: str, client: Callable[[], Any]) -> None:
        self._policy, self._client = policy, client

    def looks_at(self, stage: Stage) -> bool:
        return True

    async def look(self, text: str, stage: Stage, conversation: Conversation) -> Json:
        body: Json = {
            "text": text, "stage": stage, "policies": [self._policy], "question": conversation.question,
            "system": conversation.system, "passages": [*conversation.passages],
        }  # fmt: skip
        client = self._client()
        asked: tuple[str, str, Json] = ("POST", "/api/guards/check", body)
        if isinstance(client, Client):
            told = await asyncio.wrap_future(client.begin(lambda one: one.request(*asked)))
        else:
            told = await client.request(*asked)
        return told  # type: ignore[no-any-return]
