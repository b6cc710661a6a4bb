"""Policies made of their configuration: which guards look at which stage, what is done on their word, and the version
of all that.

Knows nothing of calls.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from pilothouse.errors import ConfigError
from pilothouse.guarding import ACTIONS, STAGES, Action, GuardPolicy, GuardsConfig, GuardUse, Stage
from pilothouse.guards.registry import Guards
from pilothouse.ids import content_hash
from pilothouse.protocols import Guard

__all__ = ["NOTHING", "Placed", "Policies", "Policy"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A guard at its place in a policy. `rules` is that policy: what it says of refusals, fallbacks and retries.
    `version` is the policy's, such as `standard@3f2a9c01`."""

    guard: Guard
    stage: Stage
    action: Action
    on_error: Literal["allow", "act"]
    policy: str
    rules: GuardPolicy
    version: str = ""

    @property
    def named(self) -> str:
        """Such as `standard@3f2a9c01: pii`."""
        return f"{self.version or self.policy}: {self.guard.name}"


@dataclass(frozen=True)
class Policy:
    """All that holds for a call: the guards of several policies, one after the other. `version` is such as
    `standard@3f2a9c01`, of several joined by commas; empty where nothing holds. `rules` are the policies by name."""

    version: str
    placed: tuple[Placed, ...]
    rules: tuple[tuple[str, GuardPolicy], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the policies that hold together."""
        return tuple(name for name, _ in self.rules)

    @cached_property
    def no_pii_to(self) -> Mapping[str, str]:
        """Providers that get no personal data, and which policy says so."""
        return {provider: name for name, rules in reversed(self.rules) for provider in rules.no_pii_to}

    def at(self, stage: Stage) -> tuple[Placed, ...]:
        return self._by_stage[stage]

    @cached_property
    def _by_stage(self) -> Mapping[Stage, tuple[Placed, ...]]:
        return {stage: tuple(one for one in self.placed if one.stage == stage) for stage in STAGES}

    @property
    def is_empty(self) -> bool:
        return not self.placed and not self.no_pii_to


NOTHING = Policy("", ())


class Policies:
    """Those of one configuration, made once. Raises ConfigError whose `param` is the key at fault, such as
    `guards.policies.strict.input.0.threshold`."""

    def __init__(self, config: GuardsConfig, guards: Guards | None = None) -> None:
        guards = guards or Guards()
        self._default = tuple(config.default)
        self._made = {name: _made(name, rules, guards) for name, rules in config.policies.items()}
        self._merged: dict[tuple[str, ...], Policy] = {(): NOTHING}

    @cached_property
    def keeps_from_some(self) -> bool:
        """Whether any policy keeps personal data from a provider."""
        return any(one.no_pii_to for one in self._made.values())

    def names(self) -> list[str]:
        return [*self._made]

    def alone(self, name: str) -> Policy:
        """One policy. Raises KeyError."""
        return self._made[name]

    async def aclose(self) -> None:
        """Close the connections of guards that have some."""
        for policy in self._made.values():
            for placed in policy.placed:
                close = getattr(placed.guard, "aclose", None)
                if close is not None:
                    await close()

    def of(self, *named: Iterable[str]) -> Policy:
        """What holds together by default and by these lists of names, each policy once. Raises ConfigError for a name
        that is none."""
        return self.named(self._default, *named)

    def named(self, *named: Iterable[str]) -> Policy:
        """The same without the default."""
        wanted = tuple(dict.fromkeys(name for names in named for name in names))
        found = self._merged.get(wanted)
        if found is None:
            for name in wanted:
                if name not in self._made:
                    there = ", ".join(self._made) or "none"
                    raise ConfigError(f"There is no guard policy '{name}'. There are: {there}.", param="guards")
            parts = [self._made[name] for name in wanted]
            found = Policy(
                ", ".join(one.version for one in parts), tuple(p for one in parts for p in one.placed),
                tuple(rules for one in parts for rules in one.rules),
            )  # fmt: skip
            self._merged[wanted] = found
        return found


def _made(name: str, rules: GuardPolicy, guards: Guards) -> Policy:
    place, version = f"guards.policies.{name}", f"{name}@{content_hash(rules.model_dump(mode='json'))[:8]}"
    placed = [
        replace(_placed(f"{place}.{stage}.{number}", name, stage, use, rules, guards), version=version)
        for stage in STAGES
        for number, use in enumerate(rules.at(stage))
    ]
    return Policy(version, tuple(placed), ((name, rules),))


def _placed(place: str, policy: str, stage: Stage, use: GuardUse, rules: GuardPolicy, guards: Guards) -> Placed:
    try:
        guard = guards.from_config(use.use, use.options)
    except ConfigError as error:
        key = (error.param or "").partition(".")[2]
        where = f"{place}.{key}" if key else place
        raise ConfigError(f"{where}: {error.message}", param=where) from None
    action = use.action or guard.action
    if stage not in guard.stages:
        there = ", ".join(one for one in STAGES if one in guard.stages)
        raise ConfigError(
            f"{place}: '{use.use}' has nothing to say at the stage {stage}, only at {there}.", param=place
        )
    if action not in ACTIONS[stage] or (action == "rephrase" and rules.rephraser is None):
        there = ", ".join(ACTIONS[stage])
        raise ConfigError(f"{place}.action: '{action}' is not done at the stage {stage}; use {there}.", param=place)
    return Placed(guard, stage, action, use.on_error, policy, rules)
