"""What a valid configuration says that can hardly be meant: ways that lead nowhere, prices and budgets that never hold.

Knows nothing of files: each concern names its place by keys.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from pilothouse.config import Budget, Condition, Config, ModelConfig, ProviderConfig
from pilothouse.errors import ConfigError
from pilothouse.ids import now_us
from pilothouse.lifecycle.concern import Concern
from pilothouse.lifecycle.prompting.sanity import prompt_concerns
from pilothouse.lifecycle.scoring.sanity import scoring_concerns
from pilothouse.observe import PriceOverride, Prices, price_kind
from pilothouse.observe.privacy.discretion import Discretion
from pilothouse.settings import Settings
from pilothouse.storage.payloads import Packer
from pilothouse.types import Usage

__all__ = ["concerns"]

_Place = tuple[str | int, ...]
_Ways = Callable[[ModelConfig], list[str]]


def concerns(config: Config, settings: Settings) -> Iterator[Concern]:
    """Everything that should be looked at, by place."""
    if config.cache.store == "redis" and not settings.redis_url:
        yield Concern(("cache", "store"), "redis needs PILOTHOUSE_REDIS_URL, which is not set", grave=True)
    for alias, model in config.models.items():
        for concern in (*_routes(alias, model, config), *_deployments(model), *_policies(alias, model)):
            yield Concern(("models", alias, *concern.place), concern.text, concern.grave)
    yield from _privacy(config)
    yield from _prices(config)
    yield from _unpriced(config)
    yield from scoring_concerns(config)
    yield from prompt_concerns(config)


def _privacy(config: Config) -> Iterator[Concern]:
    try:
        Discretion(Packer()).prepared(config.privacy)
    except ConfigError as error:
        place = tuple((error.param or "privacy").split("."))
        yield Concern(place, error.message.removeprefix(f"{error.param}: "), grave=True)


def _routes(alias: str, model: ModelConfig, config: Config) -> Iterator[Concern]:
    """Of ways from alias to alias. The places are below the alias."""
    by_complexity = _around(alias, config, lambda m: [name for name in (m.simple, m.complex) if name])
    if by_complexity:
        yield Concern(
            ("strategy",), f"comes back to itself: {by_complexity}; such calls find no deployment", grave=True
        )
    by_fallback = _around(alias, config, lambda m: [*dict.fromkeys(n for _, ns in m.fallbacks for n in _names(ns))])
    if by_fallback:
        yield Concern(("fallbacks",), f"come back to itself: {by_fallback}; the second time it is passed over")
    always = next((i for i, rule in enumerate(model.rules) if rule.when == Condition()), None)
    if always is not None:
        rest = "the rules after it and the deployments are" if always + 1 < len(model.rules) else "the deployments are"
        yield Concern(("rules", always, "when"), f"always holds: {rest} never reached")
    for i, rule in enumerate(model.rules):
        if _never(rule.when):
            yield Concern(("rules", i, "when"), "never holds: tokens_over is not below tokens_under")
    if model.deployments and all(d.when is not None for d in model.deployments) and not model.fallbacks.any:
        yield Concern(("deployments",), "each has a condition: calls that meet none are refused")


def _deployments(model: ModelConfig) -> Iterator[Concern]:
    names = Counter(d.id for d in model.deployments)
    for i, deployment in enumerate(model.deployments):
        place: _Place = ("deployments", i)
        if names[deployment.id] > 1:
            yield Concern(place, f"'{deployment.id}' is there twice: its limits and health count together; set 'name'")
        if deployment.when is not None and _never(deployment.when):
            yield Concern((*place, "when"), "never holds: tokens_over is not below tokens_under")
        whole, first = deployment.timeout, deployment.first_token_timeout
        if whole is not None and first is not None and first > whole:
            yield Concern((*place, "first_token_timeout"), "is longer than timeout, so it never counts")
    if model.deployments and not any(d.weight for d in model.deployments):
        yield Concern(("deployments",), "all have weight 0: they are taken in their order")


def _policies(alias: str, model: ModelConfig) -> Iterator[Concern]:
    output, elsewhere = model.output, any(_names(names) for _, names in model.fallbacks)
    if output.default is not None and output.cap is not None and output.default > output.cap:
        yield Concern(("output", "default"), f"is above cap: {output.cap} is what is sent")
    if model.fallbacks.cached and model.exact_cache is None and model.semantic_cache is None:
        yield Concern(("fallbacks", "cached"), "finds nothing: the alias has no cache")
    if model.hedge is not None and len(model.deployments) < 2 and not elsewhere:
        yield Concern(("hedge",), "has no second deployment to ask")
    if model.shadow is not None and model.shadow.model == alias and model.shadow.system is None:
        yield Concern(("shadow", "model"), "is the alias itself: nothing is compared")


def _prices(config: Config) -> Iterator[Concern]:
    payees = {name for name, p in config.providers.items() for name in (name, *_kinds(name, p))}
    seen: dict[tuple[object, ...], int] = {}
    for i, price in enumerate(config.prices):
        if price.provider not in payees:
            yield Concern(("prices", i, "provider"), f"no provider is called '{price.provider}', nor of that kind")
        if price.valid_from and price.valid_until and price.valid_until < price.valid_from:
            yield Concern(("prices", i, "valid_until"), "is before valid_from: the price never holds")
        elif price.valid_until is not None and price.valid_until < datetime.now(UTC).date():
            yield Concern(("prices", i, "valid_until"), "has passed: the price holds no more")
        first = seen.setdefault((price.provider, price.model, price.valid_from), i)
        if first != i:
            yield Concern(("prices", i), f"prices.{first} is for the same model from the same day: one of them is lost")


def _unpriced(config: Config) -> Iterator[Concern]:
    """Deployments whose calls a budget in USD would refuse, for want of a price."""
    if config.unpriced == "allow":
        return
    prices, everywhere = Prices(map(PriceOverride.of, config.prices)), _in_usd(config.users.budgets)
    for alias, model in config.models.items():
        for i, deployment in enumerate(model.deployments):
            if not (everywhere or _in_usd(model.budgets) or _in_usd(deployment.budgets)):
                continue
            name = deployment.provider
            *_, payee = (name, *_kinds(name, config.providers.get(name, ProviderConfig())))
            if prices.cost(payee, deployment.model, Usage(1, 1), now_us(), provider=name) is None:
                text = f"has no known price, and a budget in USD refuses such calls: add {name}/{deployment.model} to "
                yield Concern(("models", alias, "deployments", i), f"{text}prices, or set unpriced: allow", grave=True)


def _around(alias: str, config: Config, ways: _Ways) -> str:
    """The shortest way from an alias back to it, as `a -> b -> a`; empty where there is none."""
    came_from: dict[str, str] = {}
    queue = [alias]
    for one in queue:
        for other in ways(config.models[one]):
            if other == alias:
                return " -> ".join([*_way(one, alias, came_from), alias])
            if other not in came_from:
                came_from[other] = one
                queue.append(other)
    return ""


def _way(to: str, start: str, came_from: Mapping[str, str]) -> list[str]:
    steps = [to]
    while steps[0] != start:
        steps.insert(0, came_from[steps[0]])
    return steps


def _names(listed: object) -> list[str]:
    return listed if isinstance(listed, list) else []


def _never(when: Condition) -> bool:
    over, under = when.tokens_over, when.tokens_under
    return over is not None and under is not None and over + 1 >= under


def _kinds(name: str, provider: ProviderConfig) -> tuple[str, str]:
    kind = provider.kind or name
    return kind, price_kind(kind, provider.base_url)


def _in_usd(budgets: list[Budget]) -> bool:
    return any(budget.usd is not None for budget in budgets)
