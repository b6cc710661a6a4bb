"""Aliases as they are routed, how each of their deployments is doing in the process that answers the page, and what
shadow traffic showed of their candidates."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from pilothouse.config import Condition, DeploymentConfig, ModelConfig
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Guest
from pilothouse.errors import NotFound
from pilothouse.gateway.reliability.health import DeploymentHealth
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.ids import now_us
from pilothouse.lifecycle.shadow import ShadowRow
from pilothouse.types import Usage

__all__ = ["pages"]

_MILLION = 1_000_000
_ORDINARY = 1000  # tokens: some vendors ask more for long contexts
_NANO = 10**9
_WEEK_US = 7 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class _Row:
    """A deployment of an alias. `health` is None where it was never asked, `price` where none is known."""

    config: DeploymentConfig
    health: DeploymentHealth | None
    price: str | None
    when: str


@dataclass(frozen=True, slots=True)
class _Alias:
    name: str
    model: ModelConfig
    facts: list[tuple[str, str]]
    rows: list[_Row]
    mirrored: list[ShadowRow]

    @property
    def closed_off(self) -> int:
        """How many of its deployments are not asked now."""
        return sum(row.health is not None and not _asked(row.health) for row in self.rows)

    @property
    def probed(self) -> int:
        """How many of its deployments are asked by one call at a time, which shows whether they are back."""
        return sum(
            row.health is not None and row.health.breaker == "half-open" and _asked(row.health) for row in self.rows
        )


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the models, which every project shares."""
    router = APIRouter(prefix="/models")
    seen_by = "as this process sees them"
    if rooms.several:
        seen_by = f"as process {rooms.process} sees them; others have their own"

    def read(one: str | None = None) -> tuple[list[_Alias], list[DeploymentHealth]]:
        aliases = rooms.live.snapshot.config.models
        states = {state.id: state for state in rooms.health.states()}
        built = {deployment.id: deployment for deployment in rooms.router().deployments()}

        def row(config: DeploymentConfig) -> _Row:
            price = _price(rooms, built[config.id]) if config.id in built else None
            return _Row(config, states.get(config.id), price, _condition(config.when) if config.when else "")

        mirrored: dict[str, list[ShadowRow]] = {}
        if any(model.shadow is not None for name, model in aliases.items() if one in (None, name)):
            for showed in rooms.shadows.report(now_us() - _WEEK_US, project, one):
                mirrored.setdefault(showed.alias, []).append(showed)
        found = [
            _Alias(name, model, _facts(model), [row(d) for d in model.deployments], mirrored.get(name, []))
            for name, model in aliases.items()
            if one in (None, name)
        ]
        configured = {d.id for m in aliases.values() for d in m.deployments}
        return found, [state for name, state in states.items() if name not in configured]

    @router.get("")
    def list_page(visitor: Guest) -> Response:
        aliases, direct = read()
        return renderer.page("models.html", visitor=visitor, aliases=aliases, direct=direct, seen_by=seen_by)

    @router.get("/{alias:path}")
    def alias_page(visitor: Guest, alias: str) -> Response:
        found, _ = read(alias)
        if not found:
            raise NotFound(f"There is no model '{alias}'. {ROOT}/models lists those there are.")
        return renderer.page("models.html", visitor=visitor, aliases=found, direct=[], seen_by=seen_by, one=True)

    return router


def _asked(health: DeploymentHealth) -> bool:
    """Whether calls go there now, be it one at a time."""
    return health.breaker != "open" and not health.busy_for


def _facts(model: ModelConfig) -> list[tuple[str, str]]:
    """What the configuration says of an alias beyond its defaults, in words."""
    limits = model.limits
    named = {
        "requests/min": limits.requests_per_minute, "tokens/min": limits.tokens_per_minute, "at once": limits.parallel,
    }  # fmt: skip
    facts: list[tuple[str, str]] = [("Strategy", model.strategy)]
    if model.strategy == "complexity":
        threshold = "" if model.threshold is None else f", from {model.threshold:g} on"
        facts.append(("Leads to", f"{model.simple} where simple, {model.complex} where complex{threshold}"))
    facts += [(f"Rule {i}", f"{_condition(rule.when)} → {rule.use}") for i, rule in enumerate(model.rules, 1)]
    facts += _fallbacks(model)
    facts.append(("Limits", ", ".join(f"{n:,} {unit}" for unit, n in named.items() if n is not None)))
    facts.append(("Caches", _caches(model)))
    if model.hedge is not None:
        after = "its p95" if model.hedge.after is None else f"{model.hedge.after:g} s"
        facts.append(("Hedge", f"after {after}, at most {model.hedge.share:.0%} of the calls"))
    if model.shadow is not None:
        facts.append(("Shadow", f"{model.shadow.share:.1%} of the calls to {model.shadow.model}"))
    return [(name, text) for name, text in facts if text]


def _fallbacks(model: ModelConfig) -> list[tuple[str, str]]:
    facts = []
    for name, names in model.fallbacks:
        if isinstance(names, list) and names:
            when = "Fallback" if name == "any" else f"On {name.replace('_', ' ')}"
            facts.append((when, " → ".join(names)))
    if model.fallbacks.cached:
        facts.append(("At last", "a cached answer past its time"))
    if model.fallbacks.answer is not None:
        facts.append(("At last", f"“{model.fallbacks.answer}”"))
    return facts


def _caches(model: ModelConfig) -> str:
    told = []
    if model.exact_cache is not None:
        told.append(f"exact, {model.exact_cache.ttl:g} s, per {model.exact_cache.scope}")
    if model.semantic_cache is not None:
        mode = "semantic in shadow" if model.semantic_cache.shadow else "semantic"
        cache = model.semantic_cache
        told.append(f"{mode} from {cache.threshold:g}, {cache.ttl:g} s, per {cache.scope}")
    return "; ".join(told)


def _condition(when: Condition) -> str:
    """A condition in words; every part must hold."""
    told = [f"{key} = {value}" for key, value in when.metadata.items()]
    told += [f"{name} {' or '.join(some)}" for name, some in (("key", when.keys), ("team", when.teams)) if some]
    told += [f"language {' or '.join(when.language)}"] if when.language else []
    told += [f"over {when.tokens_over:,} tokens"] if when.tokens_over is not None else []
    told += [f"under {when.tokens_under:,} tokens"] if when.tokens_under is not None else []
    for name, holds in (("tools", when.tools), ("images", when.images)):
        if holds is not None:
            told.append(f"with {name}" if holds else f"without {name}")
    return ", ".join(told) or "always"


def _price(rooms: ConsoleRooms, deployment: Deployment) -> str | None:
    """What a million tokens of input and of output cost now, in calls of ordinary length."""
    asked, at, provider = (deployment.price_kind, deployment.model), now_us(), deployment.provider.name
    read, written = (
        rooms.prices.cost(*asked, usage, at, provider=provider) for usage in (Usage(_ORDINARY, 0), Usage(0, _ORDINARY))
    )
    if read is None or written is None:
        return None
    return " / ".join(f"${nano * (_MILLION // _ORDINARY) / _NANO:g}" for nano in (read, written))
