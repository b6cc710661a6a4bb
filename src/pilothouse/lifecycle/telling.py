"""What a server tells by itself: alerts and exports, checked, run and closed as one. Knows nothing of either."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pilothouse.alerts.rooms import AlertRooms, open_alerts
from pilothouse.config import Config
from pilothouse.exports.rooms import ExportRooms, open_exports
from pilothouse.observe import Metrics
from pilothouse.storage.database import Store

__all__ = ["Telling", "open_telling"]


@dataclass(frozen=True, slots=True)
class Telling:
    """The rooms, and the work of both."""

    alerts: AlertRooms
    exports: ExportRooms

    def check(self, config: Config) -> None:
        """Raises ConfigError where a channel or an export lacks a secret."""
        self.alerts.check(config.alerts)
        self.exports.check(config.exports)

    async def run(self) -> None:
        """Never ends by itself."""
        await asyncio.gather(self.alerts.watch.run(), self.exports.carrier.run())

    async def aclose(self) -> None:
        """Close the connections."""
        await self.alerts.senders.aclose()
        await self.exports.carrier.aclose()


def open_telling(store: Store, metrics: Metrics, config: Callable[[], Config], public_url: str | None) -> Telling:
    """The rooms over these databases; `config` gives the configuration that serves now."""
    alerts = open_alerts(store, metrics, lambda: config().alerts, public_url)
    return Telling(alerts, open_exports(store, metrics, lambda: config().exports))
