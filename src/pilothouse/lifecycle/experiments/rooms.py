"""Experiments as one argument: what faces ask of them, and the work on them while a server runs."""

from collections.abc import Callable
from dataclasses import dataclass

from pilothouse.alerts.book import Book
from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.lifecycle.experiments.registry import Experiments
from pilothouse.lifecycle.experiments.telling import Teller
from pilothouse.lifecycle.experiments.work import ExperimentWork
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn

__all__ = ["ExperimentRooms", "open_experiments"]

_TURN = 60.0  # seconds
_ALWAYS = ("builtin", "rag")


@dataclass(frozen=True, slots=True)
class ExperimentRooms:
    """`registry` holds them, `work` looks and decides."""

    registry: Experiments
    work: ExperimentWork


def open_experiments(
    store: Store, prompts: Prompts, config: Callable[[], Config], clock: Callable[[], int] = now_us,
    alerts: Book | None = None,
) -> ExperimentRooms:  # fmt: skip
    """The rooms over these databases, under the configuration that serves. How experiments end is told by `alerts`."""
    registry = Experiments(store.control, prompts, lambda model: _knows(config(), model), clock)
    teller = None if alerts is None else Teller(alerts, config, clock)
    turn = Turn(store.control, "experiments", seconds=_TURN, clock=clock)
    return ExperimentRooms(registry, ExperimentWork(registry, store, turn, clock, teller))


def _knows(config: Config, model: str) -> bool:
    """Whether calls of this model would lead anywhere: an alias, or a model of a provider that there is."""
    provider, _, rest = model.partition(":" if model.startswith("rag:") else "/")
    return model in config.models or (bool(rest) and (provider in _ALWAYS or provider in config.providers))
