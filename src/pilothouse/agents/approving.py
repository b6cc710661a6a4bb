"""What is asked of a person before a call goes ahead, and what they may say. Knows nothing of where they sit."""

import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pilothouse.ids import content_hash
from pilothouse.types import Json

__all__ = ["Approve", "Asked", "Decision", "decided"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that waits. `arguments` is the JSON of exactly what will be passed on: it is decoded anew for the call, so
    that nothing can change it once it was shown. `why` are sentences, `origins` where what set it off came from."""

    agent: str
    tool: str
    severity: str
    arguments: str
    why: tuple[str, ...]
    origins: tuple[str, ...] = ()
    trace_id: str = ""
    task: str = ""

    def decoded(self) -> Json:
        """The arguments, a new object each time."""
        return json.loads(self.arguments)  # type: ignore[no-any-return]

    @property
    def hash(self) -> str:
        """Of the tool and its arguments."""
        return content_hash([self.tool, self.arguments])


@dataclass(frozen=True, slots=True)
class Decision:
    """`by` is who decided, `reason` what they said, or why nobody did."""

    approved: bool
    by: str = ""
    reason: str = ""


Approve = Callable[[Asked], "Awaitable[Decision | bool] | Decision | bool"]
"""Whoever decides; async where it waits. Nothing but True, or a Decision that approves, lets a call go ahead."""


async def decided(approve: Approve | None, asked: Asked) -> Decision:
    """What was decided; no, where nobody is there to ask."""
    if approve is None:
        return Decision(False, reason="nobody is there to approve it")
    told = approve(asked)
    if inspect.isawaitable(told):
        told = await told
    return told if isinstance(told, Decision) else Decision(told is True)
