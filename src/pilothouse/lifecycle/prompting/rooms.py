"""Everything about prompts as one argument, for the composition root and the faces."""

from collections.abc import Callable
from dataclasses import dataclass

from pilothouse.alerts.book import Book
from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.lifecycle.prompting.gate import PromptGate
from pilothouse.lifecycle.prompting.watch import VersionWatch
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn

__all__ = ["PromptRooms", "open_prompts"]

_TURN = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class PromptRooms:
    """`prompts` is the registry, `gate` what it asks before a protected label moves, `watch` looks at versions that
    labels have while a server runs."""

    prompts: Prompts
    gate: PromptGate
    watch: VersionWatch


def open_prompts(
    store: Store, book: Book, config: Callable[[], Config], clock: Callable[[], int] = now_us
) -> PromptRooms:  # fmt: skip
    """The rooms over these databases, under the configuration that serves; alerts go into `book`."""
    prompts = Prompts(store.control)
    gate = prompts.guard = PromptGate(store, prompts, lambda: config().prompts)
    turn = Turn(store.control, "prompts", seconds=_TURN, clock=clock)
    return PromptRooms(prompts, gate, VersionWatch(store, prompts, book, config, turn=turn, clock=clock))
