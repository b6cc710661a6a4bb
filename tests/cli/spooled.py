"""What the commands that read a store need of the platform: a store, and a spool that is emptied into it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Self

from pilothouse.call import Span
from pilothouse.config import Config
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store


class Spooled:
    """In a home. Leaving it, as a command does, brings what was recorded into the store."""

    def __init__(self, home: Path) -> None:
        self.store = open_store(Settings(home=home))
        self.snapshot = SimpleNamespace(config=Config())
        self.spool = Spool.open(home, 10_000_000)
        self.drainer = Drainer(self.spool, self.store, home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drainer.stop()

    def record(self, span: Span) -> None:
        SpoolRecorder(self.spool).record(span)

    def close(self) -> None:
        self.spool.close()
        self.store.close()
