"""A text by itself through guards, as a person or a program asks for it: one request of theirs, with its own span."""

from collections.abc import Sequence
from dataclasses import replace

from pilothouse.call import Call
from pilothouse.gateway.pipeline import Gateway
from pilothouse.guarding import Stage
from pilothouse.guards.checking import Checked, check
from pilothouse.guards.policy import Placed
from pilothouse.protocols import Conversation

__all__ = ["tried"]

_ROLES: dict[Stage, str] = {"tool": "tool", "retrieval": "document", "output": "assistant"}


async def tried(
    gateway: Gateway, call: Call, placed: Sequence[Placed], text: str, stage: Stage, about: Conversation, role: str = ""
) -> Checked:  # fmt: skip
    """What the guards say. A question that a guard asks a model is charged to the caller, and no guard looks at it.
    Raises TooManyRequests."""
    with call.step("guards", "chain") as (span, inner):
        inner.guarded = False
        async with gateway.counted(call):
            conversation = replace(about, models=gateway.models(inner))
            found = await check(placed, text, stage, conversation, role or _ROLES.get(stage, "user"))
        span.attributes["guards"] = [f"{one.result.guard}:{one.result.status}" for one in found.judged]
    return found
