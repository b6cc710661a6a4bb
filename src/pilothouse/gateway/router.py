"""From a model name to the deployments that may answer it, in the order to try them. Calls no provider.

A name is an alias of the configuration, `rag:<corpus>`, or `provider/model` for one model of a configured provider.
"""

import difflib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pilothouse.config import DeploymentConfig
from pilothouse.errors import UnknownModel
from pilothouse.observe import price_kind
from pilothouse.protocols import Provider
from pilothouse.snapshot import Snapshot

__all__ = ["Deployment", "Router"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model at one provider. `kind` is the provider's plugin name, `price_kind` the name to price it under;
    `leaf` is false where it calls other models."""

    id: str
    provider: Provider
    kind: str
    price_kind: str
    model: str
    leaf: bool = True
    weight: float = 1.0


class Router:
    """The deployments of one Snapshot. `providers` are the built ones by their configured name."""

    def __init__(
        self, snapshot: Snapshot, providers: Mapping[str, Provider], random_source: random.Random | None = None
    ) -> None:
        self.snapshot = snapshot
        self.version = f"{snapshot.number}-{snapshot.hash}"
        self._providers = providers
        self._price_kinds: dict[str, str] = {}
        self._random = random_source or random.Random()
        self._aliases = {
            alias: tuple(self._deployment(d) for d in model.deployments)
            for alias, model in snapshot.config.models.items()
        }
        self._direct: dict[str, tuple[Deployment, ...]] = {}

    def candidates(self, name: str) -> Sequence[Deployment]:
        """The deployments for `name`, best first, fallbacks last. Raises UnknownModel naming the nearest model."""
        model = self.snapshot.config.models.get(name)
        if model is None:
            return self._direct.get(name) or self._resolve_direct(name)
        if len(self._aliases[name]) == 1 and not model.fallbacks.any:
            return self._aliases[name]
        ordered: list[Deployment] = []
        self._collect(name, ordered, set())
        return ordered

    def names(self) -> list[str]:
        """Every alias of the configuration."""
        return list(self._aliases)

    async def offered(self) -> list[tuple[str, str]]:
        """(model name, owner) of the aliases and of the models that live in this process."""
        rows = [(alias, "pilothouse") for alias in self._aliases]
        for name, separator in (("builtin", "/"), ("rag", ":")):
            provider = self._providers.get(name)
            rows += [(f"{name}{separator}{model}", name) for model in (await provider.models() if provider else ())]
        return rows

    def _collect(self, alias: str, ordered: list[Deployment], seen: set[str]) -> None:
        seen.add(alias)
        ordered += [d for d in self._shuffled(self._aliases[alias]) if d not in ordered]
        for fallback in self.snapshot.config.models[alias].fallbacks.any:
            if fallback not in seen:
                self._collect(fallback, ordered, seen)

    def _shuffled(self, deployments: tuple[Deployment, ...]) -> list[Deployment]:
        """In random order, each first with a chance proportional to its weight (Efraimidis and Spirakis, 2006)."""
        if len(deployments) == 1:
            return list(deployments)
        keyed = [(self._random.random() ** (1 / d.weight) if d.weight else -1.0, d) for d in deployments]
        return [d for _, d in sorted(keyed, key=lambda pair: -pair[0])]

    def _deployment(self, config: DeploymentConfig) -> Deployment:
        return self._made(config.provider, config.model, config.id, config.weight)

    def _made(self, provider: str, model: str, identifier: str, weight: float = 1.0) -> Deployment:
        settings = self.snapshot.config.providers.get(provider)
        kind = (settings.kind if settings else None) or provider
        if provider not in self._price_kinds:
            self._price_kinds[provider] = price_kind(kind, settings.base_url if settings else None)
        priced_as = self._price_kinds[provider]
        return Deployment(identifier, self._providers[provider], kind, priced_as, model, provider != "rag", weight)

    def _resolve_direct(self, name: str) -> tuple[Deployment, ...]:
        separator = ":" if name.startswith("rag:") else "/"
        provider, _, model = name.partition(separator)
        if not model or provider not in self._providers:
            known = [*self._aliases, "rag:<corpus>", *(f"{p}/<model>" for p in self._providers if p != "rag")]
            near = difflib.get_close_matches(name, list(self._aliases), n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
            raise UnknownModel(f"No model '{name}'. {hint}", param="model")
        made = (self._made(provider, model, name),)
        if len(self._direct) < 1024:  # callers choose these names: keep the table bounded
            self._direct[name] = made
        return made
