"""What a call costs, from PyPI `genai-prices` and from contracts: integer nano-USD, None where no price is known.

`genai_prices.calc_price` walks its rules anew at each call (about 250 us). Here the rules of a model are compiled once,
and a call takes about 2 us. Knows nothing of budgets.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pilothouse.observe.rates import Rates, Schedule, per_million, scaled
from pilothouse.types import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

__all__ = ["PriceOverride", "Prices", "price_kind"]

_LOCAL = frozenset({"builtin", "rag"})
_SELF_HOSTED = "self-hosted"
_ANYONE = "openai-compatible"
_PROVIDER_IDS = {"bedrock": "aws"}

# Only where a maker publishes no weights does a model's name say who runs it: `llama-3.1-8b` could be anyone's machine.
_CLOSED_MAKERS = frozenset({"anthropic", "google", "openai"})
_MODELS_KEPT = 10_000  # a caller who invents names must not fill the memory
_HOUSE_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".svc", ".home.arpa", ".test")


@dataclass(frozen=True, slots=True)
class PriceOverride:
    """A contract price in USD per million tokens, valid from `start_us` until `end_us`.

    `provider` is a provider kind, `model` an exact model name. Cached and cache-writing tokens cost as `input` unless
    said otherwise; `per_request` is USD per call. Of two that are valid the one that started last counts.
    """

    provider: str
    model: str
    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    per_request: Decimal = Decimal(0)
    start_us: int = 0
    end_us: int | None = None


class Prices:
    """Prices of all models. The tables load at the first use, or in `warm()`, which belongs off the event loop."""

    def __init__(self, overrides: Iterable[PriceOverride] = ()) -> None:
        self._overrides = sorted(overrides, key=lambda override: override.start_us, reverse=True)
        self._schedules: dict[tuple[str, str], Schedule] = {}

    def warm(self) -> None:
        """Load the price tables now (about 0.2 s of CPU)."""
        _providers()

    def cost(self, provider_kind: str, model: str, usage: Usage, at_us: int) -> int | None:
        """Nano-USD of a call at that time (UTC microseconds), None where the price is unknown.

        `provider_kind` is what `price_kind` says of a provider. What runs in this process costs exactly 0.
        """
        if provider_kind in _LOCAL:
            return 0
        schedule = self._schedules.get((provider_kind, model))
        if schedule is None:
            schedule = self._compile(provider_kind, model)
            if len(self._schedules) < _MODELS_KEPT:
                self._schedules[provider_kind, model] = schedule
        return schedule.cost(usage, at_us)

    def _compile(self, kind: str, model: str) -> Schedule:
        schedule = Schedule(())
        for contract in self._overrides:
            if contract.provider == kind and contract.model == model:
                schedule = schedule.then(Schedule.between(_contract(contract), contract.start_us, contract.end_us))
        info = _find(kind, model)
        return schedule if info is None else schedule.then(Schedule.of_model(info))


def price_kind(kind: str, base_url: str | None = None) -> str:
    """The name to price a provider under, from its kind and base URL. Call it once per provider, not per request.

    A URL that genai-prices knows gives the vendor's id. A server of one's own (localhost, a private network, a name
    without a dot) gives `self-hosted`: its price is unknown unless a contract price says otherwise. Any other URL of
    kind `openai` gives `openai-compatible`: priced by the model's name where that leaves no doubt.
    """
    if not base_url or kind in _LOCAL:
        return kind
    host = urlsplit(base_url).hostname or ""
    if _in_house(host):
        return _SELF_HOSTED
    known = next((provider.id for provider in _providers() if re.match(provider.api_pattern, base_url)), None)
    return known or (_ANYONE if kind == "openai" else kind)


def _in_house(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_HOUSE_SUFFIXES)


def _providers() -> "list[Provider]":
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - 1.6 MB of tables, 0.2 s

    return get_snapshot().providers


def _find(kind: str, model: str) -> "ModelInfo | None":
    if kind == _SELF_HOSTED:
        return None
    providers = _providers()
    if kind == _ANYONE:
        return _find_by_name(model, providers)
    wanted = _PROVIDER_IDS.get(kind, kind)
    provider = next((provider for provider in providers if provider.id == wanted), None)
    return provider.find_model(model, all_providers=providers) if provider else None


def _find_by_name(model: str, providers: "list[Provider]") -> "ModelInfo | None":
    """The model of a closed maker whose name it is, if everyone who sells it takes the same price."""
    makers = [p for p in providers if p.model_match is not None and p.model_match.is_match(model.lower())]
    if len(makers) != 1 or makers[0].id not in _CLOSED_MAKERS:
        return None
    offers = [offer for p in providers if (offer := p.find_model(model, all_providers=providers)) is not None]
    asked = {newest for offer in offers if (newest := Schedule.of_model(offer).newest()) is not None}
    return makers[0].find_model(model) if len(asked) == 1 else None


def _contract(price: PriceOverride) -> Rates:
    return Rates(
        input=per_million(price.input),
        output=per_million(price.output),
        cache_read=None if price.cache_read is None else per_million(price.cache_read),
        cache_write=None if price.cache_write is None else per_million(price.cache_write),
        per_request=scaled(price.per_request),
    )
