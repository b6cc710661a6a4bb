"""What the configuration of online scoring and of the sentinel says that can hardly be meant. Plain functions."""

from collections.abc import Iterator, Sequence

from pilothouse.config import Config, ProviderConfig
from pilothouse.errors import ConfigError, PilothouseError
from pilothouse.evals.shapes import Evaluator
from pilothouse.ids import now_us
from pilothouse.lifecycle.concern import Concern
from pilothouse.lifecycle.scoring.rules import made
from pilothouse.lifecycle.sentinel.plan import targets
from pilothouse.observe import PriceOverride, Prices, price_kind
from pilothouse.scoring import EvaluatorUse, OnlineRule
from pilothouse.storage.cron import Cron
from pilothouse.types import Usage

__all__ = ["scoring_concerns"]

_Place = tuple[str | int, ...]


def scoring_concerns(config: Config) -> Iterator[Concern]:
    """Everything that should be looked at below `evals`, by place."""
    for name, rule in config.evals.online.items():
        yield from _of_rule(("evals", "online", name), rule, config)
    sentinel, here = config.evals.sentinel, ("evals", "sentinel")
    if sentinel is None:
        return
    yield from _judges((*here, "judge"), sentinel.judge, config)
    yield from _evaluators((*here, "evaluators"), sentinel.evaluators, sentinel.judge)
    for i, model in enumerate(sentinel.models):
        if not _there(model, config):
            yield Concern((*here, "models", i), f"no model is called '{model}'", grave=True)
        elif model in config.models and not config.models[model].deployments:
            yield Concern((*here, "models", i), f"'{model}' has no deployments of its own: nothing is asked")
        else:
            yield from _prices((*here, "models", i), model, config)
    try:
        Cron.parse(sentinel.schedule)
    except PilothouseError as error:
        yield Concern((*here, "schedule"), error.message, grave=True)


def _of_rule(place: _Place, rule: OnlineRule, config: Config) -> Iterator[Concern]:
    yield from _judges((*place, "judge"), rule.judge, config)
    yield from _evaluators((*place, "evaluators"), rule.evaluators, rule.judge)
    if rule.enabled and rule.share == 0:
        yield Concern((*place, "share"), "is 0: no trace is taken")


def _judges(place: _Place, judge: str | None, config: Config) -> Iterator[Concern]:
    if judge is not None and not _there(judge, config):
        yield Concern(place, f"no model is called '{judge}': nothing can be judged", grave=True)
    elif judge is not None:
        yield from _prices(place, judge, config)


def _prices(place: _Place, model: str, config: Config) -> Iterator[Concern]:
    """Deployments whose calls the budget would refuse, for want of a price."""
    if config.unpriced == "allow":
        return
    prices = Prices(map(PriceOverride.of, config.prices))
    for one in targets(config, [model]):
        provider = config.providers.get(one.provider, ProviderConfig())
        payee = price_kind(provider.kind or one.provider, provider.base_url)
        name = one.model.partition("/")[2]
        if prices.cost(payee, name, Usage(1, 1), now_us(), provider=one.provider) is None:
            text = f"{one.model} has no known price, and usd_per_day refuses its calls: add it to prices, or set "
            yield Concern(place, f"{text}unpriced: allow", grave=True)


def _evaluators(place: _Place, uses: Sequence[EvaluatorUse], judge: str | None) -> Iterator[Concern]:
    try:
        evaluators = made(uses, ".".join(map(str, place)))
    except ConfigError as error:
        yield Concern(place, error.message.partition(": ")[2], grave=True)
        return
    for i, (use, evaluator) in enumerate(zip(uses, evaluators, strict=True)):
        if judge is None and _asks(evaluator) and not (use.options.get("model") or use.options.get("models")):
            yield Concern((*place, i), f"'{use.use}' needs a 'judge': without one nothing is told")


def _asks(evaluator: Evaluator) -> bool:
    return "judge" in evaluator.needs


def _there(model: str, config: Config) -> bool:
    """Whether an alias or a provider is named."""
    if model in config.models or model.startswith("rag:"):
        return True
    provider, slash, _ = model.partition("/")
    return bool(slash) and (provider in config.providers or provider == "builtin")
