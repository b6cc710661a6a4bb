"""Everything about prompts as one argument, for the composition root and the faces."""

from collections.abc import Callable
from dataclasses import dataclass

from pilothouse.config import Config
from pilothouse.lifecycle.prompting.gate import PromptGate
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store

__all__ = ["PromptRooms", "open_prompts"]


@dataclass(frozen=True, slots=True)
class PromptRooms:
    """`prompts` is the registry, `gate` what it asks before a protected label moves."""

    prompts: Prompts
    gate: PromptGate


def open_prompts(store: Store, config: Callable[[], Config]) -> PromptRooms:
    """The rooms over these databases, under the configuration that serves."""
    prompts = Prompts(store.control)
    gate = prompts.guard = PromptGate(store, prompts, lambda: config().prompts)
    return PromptRooms(prompts, gate)
