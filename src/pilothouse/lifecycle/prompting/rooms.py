"""Everything about prompts as one argument, for the composition root and the faces."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pilothouse.alerts.book import Book as AlertBook
from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.lifecycle.experiments.rooms import ExperimentRooms, open_experiments
from pilothouse.lifecycle.prompting.gate import PromptGate
from pilothouse.lifecycle.prompting.watch import VersionWatch
from pilothouse.observe.prompt_calls import PromptCalls
from pilothouse.prompts.book import Book
from pilothouse.prompts.experiments.book import running
from pilothouse.prompts.experiments.shape import Experiment
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store
from pilothouse.storage.changes import Changes
from pilothouse.storage.turns import Turn

__all__ = ["PromptRooms", "open_prompts"]

_TURN = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class PromptRooms:
    """`prompts` is the registry, `gate` what it asks before a protected label moves, `watch` looks at versions that
    labels have while a server runs, `experiments` split the calls of labels and models. `book` holds what calls ask
    for, `calls` tells what became of those."""

    prompts: Prompts
    gate: PromptGate
    watch: VersionWatch
    experiments: ExperimentRooms
    book: Book
    calls: PromptCalls

    async def run(self) -> None:
        """What a server does about prompts by itself. Never ends by itself."""
        await asyncio.gather(self.watch.run(), self.experiments.work.run())


def open_prompts(
    store: Store, alerts: AlertBook, config: Callable[[], Config], changes: Changes | None = None,
    clock: Callable[[], int] = now_us,
) -> PromptRooms:  # fmt: skip
    """The rooms over these databases, under the configuration that serves; alerts go into `alerts`. `changes` are those
    that other processes make."""
    prompts = Prompts(store.control)
    gate = prompts.guard = PromptGate(store, prompts, config)
    turn = Turn(store.control, "prompts", seconds=_TURN, clock=clock)

    def choosing(project: str) -> list[Experiment]:
        with store.control.connect() as connection:
            return running(connection, project)

    watch = VersionWatch(store, prompts, alerts, config, turn=turn, clock=clock)
    experiments = open_experiments(store, prompts, config, clock, alerts)
    return PromptRooms(prompts, gate, watch, experiments, Book(prompts, choosing, changes), PromptCalls(store))
