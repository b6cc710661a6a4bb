"""Keeps spans in a home on this machine: appended to a spool, which a server that is started there takes over.

Without a server nothing empties the spool, so it is bounded.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pilothouse.call import Span
from pilothouse.errors import ConfigError, Overloaded, StorageError
from pilothouse.observe.arrival.reception import Reception
from pilothouse.observe.costs.prices import PriceOverride, Prices
from pilothouse.observe.privacy.discretion import Discretion
from pilothouse.observe.scores import Score, Scores
from pilothouse.settings import Settings
from pilothouse.storage.database import make_home, open_store
from pilothouse.storage.keyring import Keyring
from pilothouse.storage.payloads import Packer
from pilothouse.storage.snapshots import SnapshotStore
from pilothouse.storage.spool import Spool
from pilothouse.tracing.delivery import Away, Refused
from pilothouse.tracing.encode import Mask, encode, to_map
from pilothouse.tracing.spans import ActiveSpan
from pilothouse.types import Usage

__all__ = ["HomeSender"]

_SYNC_SECONDS = 1.0
_POLICIES_SECONDS = 60.0


class HomeSender:
    """The spool of this process under `home`; scores go straight to the database of that home."""

    def __init__(self, home: Path, mask: Mask | None = None) -> None:
        self._settings = Settings.from_env(home=home)
        make_home(home)
        self._mask = mask
        self._discretion: Discretion | None = None
        self._prices = Prices()
        self._prices.warm()  # here, and not beside a fork, which waits for this alone
        self._reception = Reception(self._prices)
        self._read_configuration()
        self._read_policies = self._synced = time.monotonic()
        self._spool = Spool.open(home, self._settings.spool_max_bytes)

    def send(self, items: Sequence[Any]) -> None:
        try:
            spans = [to_map(item, self._mask) for item in items if isinstance(item, ActiveSpan)]
            if spans:
                self._spool.extend(self._encoded(spans))
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                self._spool.sync()
                self._synced = time.monotonic()
            if scores := [item for item in items if not isinstance(item, ActiveSpan)]:
                self._keep(scores)
        except Overloaded as error:
            raise Refused(error.message) from error
        except (ConfigError, StorageError) as error:
            raise Away(error.message) from error

    def _encoded(self, spans: Sequence[dict[str, Any]]) -> list[bytes]:
        """As they may be written: priced, under the policies of this home, sealed where there is a key."""
        if time.monotonic() - self._read_policies > _POLICIES_SECONDS:
            self._read_configuration()
            self._read_policies = time.monotonic()
        return [encode(self._fit(span)) for span in spans]

    def _fit(self, given: dict[str, Any]) -> dict[str, Any] | Span:
        calls = "request_model" in given or "response_model" in given
        if self._discretion is None and not calls:
            return given
        span = _span(given)
        if calls:
            self._reception.price(span)
        return span if self._discretion is None else self._discretion(span)

    def _read_configuration(self) -> None:
        """Policies and contract prices. What no server has configured yet has neither."""
        settings = self._settings
        discretion = Discretion(Packer(Keyring.of(settings.payload_key)))
        if settings.database_url or (settings.home / "control.db").exists():
            store = open_store(settings)
            try:
                snapshot = SnapshotStore(store.control).current()
            finally:
                store.close()
            if snapshot is not None:
                discretion.adopt(discretion.prepared(snapshot.config.privacy))
                self._prices.replace(map(PriceOverride.of, snapshot.config.prices))
        self._discretion = discretion if discretion.needed else None

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


def _span(given: dict[str, Any]) -> Span:
    usage = given.get("usage")
    return Span(**{**given, "usage": None if usage is None else Usage(**usage)})
