"""Which wire a stream has, by the dialect of its request."""

from pilothouse.gateway.guarding.blocks import Blocks
from pilothouse.gateway.guarding.choices import Choices
from pilothouse.gateway.guarding.deltas import Wire
from pilothouse.gateway.guarding.items import Items
from pilothouse.types import ChatRequest

__all__ = ["wire_of"]


def wire_of(request: ChatRequest) -> Wire:
    """A new one for each stream."""
    match request.operation:
        case "messages":
            return Blocks()
        case "responses":
            return Items()
    count = request.body.get("n")
    return Choices(count if isinstance(count, int) else 1)
