"""Keeps spans in a home on this machine: appended to a spool, which a server that is started there takes over.

Without a server nothing empties the spool, so it is bounded.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pilothouse.errors import Overloaded, StorageError
from pilothouse.observe.scores import Score, Scores
from pilothouse.settings import Settings
from pilothouse.storage.database import make_home, open_store
from pilothouse.storage.spool import Spool
from pilothouse.tracing.delivery import Away, Refused
from pilothouse.tracing.encode import Mask, encode, to_map
from pilothouse.tracing.spans import ActiveSpan

__all__ = ["HomeSender"]

_SYNC_SECONDS = 1.0


class HomeSender:
    """The spool of this process under `home`; scores go straight to the database of that home."""

    def __init__(self, home: Path, mask: Mask | None = None) -> None:
        self._settings = Settings.from_env(home=home)
        make_home(home)
        self._spool = Spool.open(home, self._settings.spool_max_bytes)
        self._mask = mask
        self._synced = time.monotonic()

    def send(self, items: Sequence[Any]) -> None:
        try:
            spans = [encode(to_map(item, self._mask)) for item in items if isinstance(item, ActiveSpan)]
            if spans:
                self._spool.extend(spans)
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                self._spool.sync()
                self._synced = time.monotonic()
            if scores := [item for item in items if not isinstance(item, ActiveSpan)]:
                self._keep(scores)
        except Overloaded as error:
            raise Refused(error.message) from error
        except StorageError as error:
            raise Away(error.message) from error

    def close(self) -> None:
        self._spool.close()

    def abandon(self) -> None:
        self._spool.abandon()

    def _keep(self, scores: Sequence[dict[str, Any]]) -> None:
        store = open_store(self._settings)
        try:
            Scores(store).put("default", [Score(**score) for score in scores])
        finally:
            store.close()
