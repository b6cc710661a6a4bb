"""Everything about prompts as one argument, for the composition root and the faces."""

from dataclasses import dataclass

from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store

__all__ = ["PromptRooms", "open_prompts"]


@dataclass(frozen=True, slots=True)
class PromptRooms:
    """`prompts` is the registry."""

    prompts: Prompts


def open_prompts(store: Store) -> PromptRooms:
    """The rooms over these databases."""
    return PromptRooms(Prompts(store.control))
