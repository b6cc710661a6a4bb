"""What serves calls under one Snapshot: its providers and its Router. A new Snapshot makes a new Runtime, and whatever
did not change goes on in it: connection pools, and what a provider has learnt about its keys.

Calls that are running keep the providers they began with. Knows nothing of where Snapshots come from.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pilothouse.config import Config, ProviderConfig
from pilothouse.errors import ConfigError, MissingExtra
from pilothouse.gateway.routing.router import Router
from pilothouse.guarding import GuardsConfig
from pilothouse.guards.policy import Policies
from pilothouse.plugins import Registry
from pilothouse.protocols import Provider
from pilothouse.snapshot import Snapshot

__all__ = ["Prepared", "Runtime", "RuntimeBuilder", "make_provider"]

_SWEEP_SECONDS = 5.0
_NO_GUARDS = Policies(GuardsConfig())


@dataclass(frozen=True, slots=True)
class Prepared:
    """The providers and guards of a configuration that has no number yet."""

    config: Config
    providers: Mapping[str, Provider]
    guards: Policies


@dataclass(frozen=True, slots=True)
class Runtime:
    """One Snapshot, ready to serve. `providers` are all there are, by name; `guards` its guard policies."""

    snapshot: Snapshot
    providers: Mapping[str, Provider]
    router: Router
    guards: Policies = _NO_GUARDS


def make_provider(name: str, settings: ProviderConfig) -> Provider:
    """A configured provider, built by its plugin. Raises ConfigError with `param` naming the key at fault."""
    try:
        made: Provider = Registry("pilothouse.providers").get(settings.kind or name)(name, settings)
    except MissingExtra:
        raise
    except ConfigError as error:
        if error.param:
            raise
        where = f"providers.{name}.kind"
        raise ConfigError(f"{where}: {error.message}", param=where) from error
    except Exception as error:  # a plugin may raise anything, and hurts nobody else
        where = f"providers.{name}"
        raise ConfigError(f"{where}: its plugin cannot be made: {error!r}.", param=where) from error
    return made


class RuntimeBuilder:
    """Makes Runtimes, one after the other. Safe from any thread, for one author at a time.

    `fixed` are the providers that are always there. A provider that was replaced is closed `grace` seconds later, by
    `sweep`: the time limit of a call, so that none still uses it. `clock` gives seconds.
    """

    def __init__(
        self,
        make: Callable[[str, ProviderConfig], Provider] = make_provider,
        fixed: Mapping[str, Provider] | None = None,
        *,
        make_router: Callable[[Snapshot, Mapping[str, Provider]], Router] = Router,
        grace: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fixed = dict(fixed or {})
        self._make = make
        self._make_router = make_router
        self._grace = grace
        self._clock = clock
        self._config = Config()
        self._guards = Policies(self._config.guards)
        self._built: dict[str, Provider] = {}
        self._retired: list[tuple[float, Provider | Policies]] = []

    def prepare(self, config: Config) -> Prepared:
        """Build what `config` has otherwise than the Runtime that serves; change nothing. Raises ConfigError.

        A provider opens nothing before its first call, so one that is never committed needs no closing.
        """
        made = {}
        for name, settings in config.providers.items():
            same = self._config.providers.get(name) == settings
            made[name] = self._built[name] if same else self._make(name, settings)
        guards = self._guards if self._config.guards == config.guards else Policies(config.guards)
        return Prepared(config, made, guards)

    def commit(self, prepared: Prepared, snapshot: Snapshot) -> Runtime:
        """The Runtime to serve from now on; what it replaces is closed after the grace."""
        kept = {id(provider) for provider in prepared.providers.values()}
        close_at = self._clock() + self._grace
        self._retired += [(close_at, old) for old in self._built.values() if id(old) not in kept]
        if self._guards is not prepared.guards:
            self._retired.append((close_at, self._guards))
        self._config, self._built, self._guards = prepared.config, dict(prepared.providers), prepared.guards
        providers = {**self.fixed, **self._built}
        return Runtime(snapshot, providers, self._make_router(snapshot, providers), prepared.guards)

    async def sweep(self) -> None:
        """Close what was replaced long enough ago. On the event loop that the calls run on."""
        due = [item for item in self._retired if item[0] <= self._clock()]
        for item in due:
            self._retired.remove(item)
            await item[1].aclose()

    async def run(self) -> None:
        """Sweep every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            await self.sweep()

    async def aclose(self) -> None:
        """Close every provider, and what guards have open: those that serve, those that were replaced and the fixed
        ones."""
        retired, self._retired = self._retired, []
        for one in [*(old for _, old in retired), *self._built.values(), *self.fixed.values(), self._guards]:
            await one.aclose()
