"""From a model name to the deployments that may answer it, in the order to try them. Calls no provider.

A name is an alias of the configuration, `rag:<corpus>`, or `provider/model` for one model of a configured provider.

    rules -> complexity -> conditions and context of each deployment -> strategy
"""

import difflib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from pilothouse.call import Call
from pilothouse.config import DeploymentConfig, Limits, ModelConfig, ProviderConfig, Resilience
from pilothouse.errors import InvalidRequest, PilothouseError, UnknownModel
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.routing.conditions import Facts
from pilothouse.gateway.routing.plan import Deployment, FailureClass, Plan, Request, failure_class
from pilothouse.gateway.routing.strategies import Room, Strategies
from pilothouse.ids import content_hash, new_id
from pilothouse.observe import Prices, price_kind
from pilothouse.protocols import Provider
from pilothouse.snapshot import Snapshot

__all__ = ["Choice", "Choose", "Deployment", "Router"]

Choice = Literal["simple", "complex"]
Choose = Callable[[Request, Call, ModelConfig], Awaitable[Choice]]
"""Judges a call for an alias of the strategy `complexity`."""

_SHAPES_ANSWERS = {"deployments", "output", "shaping"}
_SHAPES_PLACES = {"kind", "base_url", "headers", "options"}
_DIRECT_KEPT = 1024  # callers choose these names: keep the table bounded
_DIRECT = ModelConfig.model_construct()
_CHAIN = ModelConfig.model_construct(resilience=Resilience(retries=0))  # its own calls were retried already


@dataclass(frozen=True, slots=True)
class _Alias:
    """An alias with its deployments built. `conditional` and `bounded` say whether any of them has a condition, or a
    longest input."""

    model: ModelConfig
    deployments: tuple[Deployment, ...]
    conditional: bool
    bounded: bool


class Router:
    """The deployments of one Snapshot. `providers` are the built ones by their configured name.

    `health` outlives the Router; `room` tells what is left of a deployment's own limits, `choose` decides for aliases
    of the strategy `complexity`: without it, or when it fails, such a call is complex. `growing` are the aliases whose
    kept answers age with a corpus: see `grown`.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        providers: Mapping[str, Provider],
        random_source: random.Random | None = None,
        *,
        health: Health | None = None,
        prices: Prices | None = None,
        room: Room | None = None,
        choose: Choose | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.version = f"{snapshot.number}-{snapshot.hash}"
        self._providers = providers
        self._price_kinds: dict[str, str] = {}
        self._strategies = Strategies(health or Health(), prices or Prices(), room, random_source)
        self._choose = choose
        self._aliases = {alias: self._alias(model) for alias, model in snapshot.config.models.items()}
        self._reachable: dict[str, tuple[Deployment, ...]] = {}
        self._leaves: dict[str, tuple[Deployment, ...]] = {}
        self._direct: dict[str, Plan] = {}
        self._revisions: dict[str, str] = {}
        self.growing = frozenset(
            name
            for name, alias in self._aliases.items()
            if (alias.model.exact_cache or alias.model.semantic_cache) and self._sources(name)
        )
        self._ready = {
            name: self._made_plan(name, alias, alias.deployments, "single")
            for name, alias in self._aliases.items()
            if len(alias.deployments) == 1 and not (alias.model.rules or alias.conditional or alias.bounded)
        }

    def plan(self, request: Request, call: Call, *, choice: Choice = "complex", tokens: int | None = None) -> Plan:
        """Which deployments are to be tried for a call. Raises UnknownModel, or InvalidRequest where the conditions of
        every deployment exclude it.

        `choice` is what to take an alias of the strategy `complexity` for, `tokens` the estimated input.
        """
        name = request.model
        ready = self._ready.get(name)
        if ready is not None:
            return ready
        if name not in self._aliases:
            return self._direct.get(name) or self._resolve_direct(name)
        plan = self._plan(name, Facts(request, call, tokens), choice, "", frozenset())
        if plan is None:
            raise InvalidRequest(
                f"No deployment of '{name}' takes this call: each has a condition ('when') that it does not meet.",
                param="model",
            )
        return plan

    async def decide(self, request: Request, call: Call, *, tokens: int | None = None) -> Plan:
        """`plan`, after asking `choose` where the alias leaves it to the call's complexity."""
        model = self.undecided(request, call, tokens) if self._choose is not None else None
        if model is None or self._choose is None:
            return self.plan(request, call, tokens=tokens)
        try:
            choice = await self._choose(request, call, model)
        except PilothouseError:
            choice = "complex"
        return self.plan(request, call, choice=choice, tokens=tokens)

    def revision(self, plan: Plan) -> str:
        """Stands for all that shapes the answers of a plan's alias: its deployments, where those are, what is done to
        its requests; and which of them take this call, where that depends on who asks."""
        alias = self._aliases.get(plan.alias)
        if alias is None:
            return plan.alias
        made = self._revisions.get(plan.alias)
        if made is None:
            made = self._revisions[plan.alias] = content_hash(self._shaped_by(plan.alias, frozenset()))
        return content_hash([made, *sorted(d.id for d in plan.candidates)]) if alias.conditional else made

    async def grown(self, plan: Plan, call: Call) -> str:
        """`revision` for an alias in `growing`: it also stands for what the corpora hold by now that may answer. One
        that cannot be read shares no answer."""
        versions = []
        for source in self._sources(plan.alias):
            try:
                versions.append(await source.provider.version(source.model, call))  # type: ignore[attr-defined]
            except PilothouseError:
                versions.append(new_id())
        return content_hash([self.revision(plan), *versions])

    def _sources(self, name: str) -> list[Deployment]:
        """The corpora that may answer an alias, its fallbacks included."""
        return [d for d in self._reachable.get(name) or self._all_of(name) if not d.leaf]

    def _shaped_by(self, name: str, seen: frozenset[str]) -> list[object]:
        """What shapes the answers of an alias; of one that corpora answer, also how they are asked and what shapes the
        answers of the model that answers from them."""
        alias, config = self._aliases[name], self.snapshot.config
        used = dict.fromkeys(d.provider for d in alias.model.deployments)
        places = [
            config.providers[one].model_dump(mode="json", include=_SHAPES_PLACES)
            for one in used
            if one in config.providers
        ]
        shaping: list[object] = [name, alias.model.model_dump(mode="json", include=_SHAPES_ANSWERS), places]
        if self._sources(name):
            shaping.append(config.rag.model_dump(mode="json"))
            answerer, seen = config.rag.answer_model, seen | {name}
            if answerer in self._aliases and answerer not in seen:
                shaping.append(self._shaped_by(answerer, seen))
        return shaping

    def names(self) -> list[str]:
        """Every alias of the configuration."""
        return list(self._aliases)

    def has(self, provider: str) -> bool:
        """Whether a provider of this name is configured, or always there."""
        return provider in self._providers

    def deployment(self, provider: str, model: str) -> Deployment:
        """One model of a provider that there is, as `provider/model` names it: a configured one where there is one."""
        return next(iter(self._configured(provider, model)), None) or self._made(provider, model, f"{provider}/{model}")

    def deployments(self) -> list[Deployment]:
        """Every configured deployment, once by its id."""
        return list({d.id: d for alias in self._aliases.values() for d in alias.deployments}.values())

    async def offered(self) -> list[tuple[str, str]]:
        """(model name, owner) of the aliases and of the models that live in this process."""
        rows = [(alias, "pilothouse") for alias in self._aliases]
        for name, separator in (("builtin", "/"), ("rag", ":")):
            provider = self._providers.get(name)
            rows += [(f"{name}{separator}{model}", name) for model in (await provider.models() if provider else ())]
        return rows

    def undecided(self, request: Request, call: Call, tokens: int | None = None) -> ModelConfig | None:
        """The alias of the strategy `complexity` that a call's rules lead to, if they do."""
        name, seen = request.model, {request.model}
        while (alias := self._aliases.get(name)) is not None:
            facts = Facts(request, call, tokens)
            uses = (rule.use for rule in alias.model.rules if rule.use not in seen and facts.meet(rule.when))
            target = next(uses, None)
            if target is None:
                return alias.model if alias.model.strategy == "complexity" else None
            name = target
            seen.add(name)
        return None

    def _plan(self, name: str, facts: Facts, choice: Choice, why: str, seen: frozenset[str]) -> Plan | None:
        """The plan of an alias; None where no deployment is meant for the call. `seen` keeps aliases that name each
        other from doing so for ever."""
        alias = self._aliases[name]
        model, seen = alias.model, seen | {name}
        for number, rule in enumerate(model.rules, 1):
            if rule.use not in seen and facts.meet(rule.when):
                return self._plan(rule.use, facts, choice, f"{why}rule {number} -> {rule.use}, ", seen)
        if model.strategy == "complexity":
            target = model.simple if choice == "simple" else model.complex
            assert target is not None
            if target in seen:
                return None
            return self._plan(target, facts, choice, f"{why}{choice} -> {target}, ", seen)
        meant: Sequence[Deployment] = alias.deployments
        if alias.conditional:
            meant = [d for d in meant if d.when is None or facts.meet(d.when)]
            if not meant:
                return self._elsewhere(model, "any", facts, choice, f"{why}fallback any", seen)
        if alias.bounded:
            fitting = [d for d in meant if d.context_tokens is None or facts.tokens <= d.context_tokens]
            if not fitting:
                longer = self._elsewhere(model, "context", facts, choice, f"{why}fallback context", seen)
                if longer is not None and longer.fits:
                    return longer
                longest = max(meant, key=lambda d: d.context_tokens or 0)  # the estimate may be wrong
                return self._made_plan(name, alias, [longest], f"{why}longest context", fits=False)
            meant = fitting
        ordered, reason = self._strategies.order(model.strategy, meant, facts)
        return self._made_plan(name, alias, ordered, why + reason)

    def _elsewhere(
        self, model: ModelConfig, kind: FailureClass, facts: Facts, choice: Choice, why: str, seen: frozenset[str]
    ) -> Plan | None:
        """The fallbacks of one class as a plan, those that fit first."""
        plans = []
        for other in _listed(model, kind):
            if other not in seen:
                plan = self._plan(other, facts, choice, f"{why} -> {other}, ", seen)
                if plan is not None:
                    plans.append(plan)
        plans.sort(key=lambda plan: not plan.fits)
        return replace(plans[0], then=(*plans[0].then, *plans[1:])) if plans else None

    def _fallbacks(self, alias: str, error: PilothouseError, request: Request, call: Call) -> list[Plan]:
        kind = failure_class(error)
        facts = Facts(request, call)
        plans = [
            self._plan(other, facts, "complex", f"fallback {kind} -> {other}, ", frozenset((alias,)))
            for other in _listed(self._aliases[alias].model, kind)
            if other != alias
        ]
        return [plan for plan in plans if plan is not None]

    def _made_plan(
        self, name: str, alias: _Alias, ordered: Sequence[Deployment], reason: str, *, fits: bool = True
    ) -> Plan:
        leaves = self._leaves.get(name)
        if leaves is None:
            leaves = self._leaves[name] = tuple(d for d in self._all_of(name) if d.leaf)
        return Plan(name, alias.model, ordered, reason, leaves, partial(self._fallbacks, name), fits)

    def _all_of(self, name: str) -> tuple[Deployment, ...]:
        """Every deployment that a call for an alias may reach, its own first."""
        found: dict[str, Deployment] = {}
        queue, seen = [name], {name}
        for one in queue:
            alias = self._aliases[one]
            for deployment in alias.deployments:
                found.setdefault(deployment.id, deployment)
            more = [other for other in _named(alias.model) if other not in seen]
            seen.update(more)
            queue += dict.fromkeys(more)
        self._reachable[name] = tuple(found.values())
        return self._reachable[name]

    def _alias(self, model: ModelConfig) -> _Alias:
        made = tuple(map(self._deployment, model.deployments))
        conditional = any(d.when is not None for d in made)
        return _Alias(model, made, conditional, any(d.context_tokens is not None for d in made))

    def _deployment(self, config: DeploymentConfig) -> Deployment:
        return replace(
            self._made(config.provider, config.model, config.id),
            weight=config.weight,
            when=config.when,
            context_tokens=config.context_tokens,
            limits=config.limits,
            budgets=tuple(config.budgets),
            limited=config.limits != Limits() or bool(config.budgets),
            patience=self._patience(config),
            **{
                name: value
                for name in ("first_token_timeout", "timeout")
                if (value := getattr(config, name)) is not None
            },
        )

    def _patience(self, config: DeploymentConfig) -> tuple[float, float] | None:
        """For the connection and for each silence: None where both are the provider's, which it knows itself."""
        if config.connect_timeout is config.read_timeout is None:
            return None
        given = self.snapshot.config.providers.get(config.provider) or ProviderConfig()
        return config.connect_timeout or given.connect_timeout, config.read_timeout or given.read_timeout

    def _made(self, provider: str, model: str, identifier: str) -> Deployment:
        settings = self.snapshot.config.providers.get(provider) or ProviderConfig()
        kind = settings.kind or provider
        if provider not in self._price_kinds:
            self._price_kinds[provider] = price_kind(kind, settings.base_url)
        return Deployment(
            identifier,
            self._providers[provider],
            kind,
            self._price_kinds[provider],
            model,
            leaf=provider != "rag",
            first_token_timeout=settings.first_token_timeout,
            timeout=settings.timeout,
        )

    def _configured(self, provider: str, model: str) -> tuple[Deployment, ...]:
        """The deployments of a model, whatever they are named: their own limits hold however they are reached."""
        own = self._providers[provider]
        return tuple(d for d in self.deployments() if d.provider is own and d.model == model)

    def _resolve_direct(self, name: str) -> Plan:
        separator = ":" if name.startswith("rag:") else "/"
        provider, _, model = name.partition(separator)
        if not model or provider not in self._providers:
            known = [*self._aliases, "rag:<corpus>", *(f"{p}/<model>" for p in self._providers if p != "rag")]
            near = difflib.get_close_matches(name, list(self._aliases), n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
            raise UnknownModel(f"No model '{name}'. {hint}", param="model")
        made = self._configured(provider, model) or (self._made(provider, model, name),)
        config, leaves = (_DIRECT, made) if made[0].leaf else (_CHAIN, ())
        plan = Plan(name, config, made, "direct", leaves, _no_fallbacks)
        if len(self._direct) < _DIRECT_KEPT:
            self._direct[name] = plan
        return plan


def _listed(model: ModelConfig, kind: FailureClass) -> list[str]:
    """The aliases to fall back to; a class without a list of its own uses `any`."""
    lists = model.fallbacks
    listed: list[str] = getattr(lists, kind)
    return listed or lists.any


def _named(model: ModelConfig) -> list[str]:
    """Every alias that a call may go on to from this one."""
    lists = model.fallbacks
    names = [*lists.any, *lists.context, *lists.content, *lists.rate_limit, *lists.server, *lists.timeout, *lists.auth]
    names += [rule.use for rule in model.rules]
    return names + [name for name in (model.simple, model.complex) if name is not None]


def _no_fallbacks(error: PilothouseError, request: Request, call: Call) -> list[Plan]:
    return []
