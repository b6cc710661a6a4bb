"""The sentinel as one argument: what other rooms ask it, and the work it does while a server runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pilothouse.alerts.book import Book
from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.lifecycle.scoring.scorer import Tools
from pilothouse.lifecycle.sentinel.standing import Standing
from pilothouse.lifecycle.sentinel.work import SentinelWork
from pilothouse.models import EncoderStore
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn

__all__ = ["Sentinel", "open_sentinel"]

_TURN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Sentinel:
    """`standing` says where the deployments are, `work` asks them."""

    standing: Standing
    work: SentinelWork


def open_sentinel(
    store: Store, book: Book, tools: Tools, config: Callable[[], Config], models_dir: Path,
    clock: Callable[[], int] = now_us,
) -> Sentinel:  # fmt: skip
    """The rooms over these databases."""

    def encoder() -> str | None:
        files = EncoderStore(models_dir).ready()
        return None if files is None else files.fingerprint

    turn = Turn(store.control, "sentinel", seconds=_TURN, clock=clock)
    standing = Standing(store, book, tools.payers, config)
    return Sentinel(standing, SentinelWork(store, standing.kept, book, tools, turn, config, encoder, clock))
