"""A gateway under another configuration, in the same process, beside the one that serves. Nothing is swapped: it has
its own providers, router, prices, health and way of answering from corpora.

It shares what must hold for all calls: limits, budgets, and where spans go. Its calls are mirrored nowhere.
"""

from functools import partial
from typing import TYPE_CHECKING

from pilothouse.config import Config, ProviderConfig
from pilothouse.gateway.pipeline import Gateway
from pilothouse.gateway.reliability.attempts import Attempts
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.routing.router import Router
from pilothouse.gateway.runtime import RuntimeBuilder
from pilothouse.gateway.visit import Rooms
from pilothouse.observe import Metrics, PriceOverride, Prices
from pilothouse.providers.builtin import BuiltinProvider
from pilothouse.rag import Rag, RagProvider
from pilothouse.snapshot import Snapshot

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["Beside"]


class Beside:
    """The gateway of a configuration. `number` is that of its Snapshot, 0 for one that was never stored. Raises
    ConfigError where it could not serve here. On one event loop; `aclose` it there."""

    def __init__(self, of: "Platform", config: Config, number: int = 0) -> None:
        health = Health()
        self.prices = Prices(map(PriceOverride.of, config.prices))
        choose = of.complexity.choose
        self._runtimes = RuntimeBuilder(
            fixed={"builtin": BuiltinProvider("builtin", ProviderConfig(), of.encode)},
            make_router=partial(Router, health=health, prices=self.prices, choose=choose),
        )
        prepared = self._runtimes.prepare(config)
        empty = self._runtimes.commit(self._runtimes.prepare(Config()), Snapshot(0, Config()))
        rooms = Rooms(of.limiter, of.budgets, of.caches, self.prices)
        capture = of.settings.capture_payloads
        self.gateway = Gateway(empty, rooms, Attempts(health), Metrics(), capture=capture)

        async def fingerprint() -> str:
            return (await of.encode.ready()).fingerprint

        rag = Rag(of.settings, self.gateway.chat, self.gateway.embed, lambda: config.rag, of.jobs, fingerprint)
        self._runtimes.fixed["rag"] = RagProvider("rag", rag)
        self.gateway.runtime = self._runtimes.commit(prepared, Snapshot(number, config))

    async def aclose(self) -> None:
        """Close its providers' connections."""
        await self._runtimes.aclose()
