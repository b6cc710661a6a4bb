"""Active health checks: a provider with `health_check` is asked for its models every so many seconds.

A check that fails takes the provider's deployments out of rotation until one passes; a check that passes lets a probe
through to those that calls had found broken. Knows nothing of routing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from pilothouse.config import Config
from pilothouse.errors import (
    PilothouseError,
    ProviderAuth,
    ProviderError,
    ProviderProtocolError,
    ProviderTimeout,
    ProviderUnavailable,
)
from pilothouse.gateway.reliability.health import Health
from pilothouse.protocols import Provider

__all__ = ["HealthChecks"]

_log = logging.getLogger("pilothouse.gateway")

_PATIENCE = 10.0  # seconds for one check; never longer than its interval
_MARGIN = 2.0  # intervals for which a failed check holds: the next one is due before that
_DOWN = (ProviderAuth, ProviderUnavailable, ProviderTimeout, ProviderProtocolError)
"""What says that a provider cannot serve. One that refuses the question (404, 429) is there."""


class HealthChecks:
    """One task per provider that asks for checks. `watch` belongs on the loop that serves calls."""

    def __init__(self, health: Health, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._health = health
        self._sleep = sleep
        self._tasks: list[asyncio.Task[None]] = []

    async def watch(self, config: Config, providers: Mapping[str, Provider]) -> None:
        """Check the providers of this configuration from now on, in place of those before."""
        await self.stop()
        for name, settings in config.providers.items():
            if settings.health_check is not None:
                own = [d.id for m in config.models.values() for d in m.deployments if d.provider == name]
                checks = self._check_forever(providers[name], list(dict.fromkeys(own)), settings.health_check)
                self._tasks.append(asyncio.create_task(checks, name=f"health check of {name}"))

    async def stop(self) -> None:
        """Check nothing any more. What the last checks found holds until it is over."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def check(self, provider: Provider, deployments: list[str], interval: float) -> bool:
        """Ask once, and note for these deployments how it went."""
        failure: PilothouseError | None = None
        patience = min(_PATIENCE, interval)
        try:
            async with asyncio.timeout(patience):
                await provider.models()
        except TimeoutError:
            failure = ProviderTimeout(f"Provider '{provider.name}' told nothing within {patience:g} s.")
        except PilothouseError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and its checks go on
            failure = ProviderUnavailable(f"Provider '{provider.name}' cannot list its models: {error!r}.")
        down = type(failure) if isinstance(failure, ProviderError) and isinstance(failure, _DOWN) else None
        now = self._health.clock()
        for deployment in deployments:
            vitals = self._health.of(deployment)
            if down is None:
                vitals.back(now)
            else:
                vitals.open_for(interval * _MARGIN + patience, now, down)
        if down is not None:
            _log.warning("health check: %s", failure)
        return down is None

    async def _check_forever(self, provider: Provider, deployments: list[str], interval: float) -> None:
        while True:
            await self.check(provider, deployments, interval)
            await self._sleep(interval)
