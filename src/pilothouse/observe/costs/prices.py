"""What a call costs, from PyPI `genai-prices` and from contracts: integer nano-USD, None where no price is known.

`genai_prices.calc_price` walks its rules anew at each call (about 250 us). Here the rules of a model are compiled once,
and a call takes about 2 us. Knows nothing of budgets.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit

from pilothouse.config import Price
from pilothouse.observe.costs.rates import MILLION, Rates, Schedule, per_million, scaled
from pilothouse.types import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

__all__ = ["PriceOverride", "Priced", "Prices", "price_kind"]

_LOCAL = frozenset({"builtin", "rag"})
_SELF_HOSTED = "self-hosted"
_ANYONE = "openai-compatible"
_PROVIDER_IDS = {"bedrock": "aws"}

# https://platform.openai.com/docs/guides/batch and https://platform.claude.com/docs/en/build-with-claude/batch-processing
_BATCH_SHARES = {"openai": MILLION // 2, "anthropic": MILLION // 2}

# Only where a maker publishes no weights does a model's name say who runs it: `llama-3.1-8b` could be anyone's machine.
_CLOSED_MAKERS = frozenset({"anthropic", "google", "openai"})
_MODELS_KEPT = 10_000  # a caller who invents names must not fill the memory
_GROUPS_KEPT = 2_000
_FREE = Schedule.between(Rates(per_million(Decimal(0)), per_million(Decimal(0))), 0, None)
_HOUSE_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".svc", ".home.arpa", ".test")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class Priced(Protocol):
    """What is asked of a candidate deployment: `price_kind` and `model` are those of `Prices.cost`."""

    @property
    def provider(self) -> _Named: ...

    @property
    def price_kind(self) -> str: ...

    @property
    def model(self) -> str: ...


@dataclass(frozen=True, slots=True)
class PriceOverride:
    """A contract price in USD per million tokens, valid from `start_us` until `end_us`.

    `provider` is the name of a configured provider, such as `pool`, else a kind as `price_kind` says it, such as
    `openai` or `self-hosted`; a price for the name goes before one for the kind. `model` is an exact model name. Cached
    and cache-writing tokens cost as `input` unless said otherwise; `per_request` is USD per call, or per
    search unit of a rerank. `batch_discount` is a share of 1, None for the vendor's own. Of two that are valid the one
    that started last counts.
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
    batch_discount: float | None = None

    @classmethod
    def of(cls, price: Price) -> Self:
        """From the configuration. Its dates are UTC days, `valid_until` the last one on which the price holds.

        With `gpu_hour` a token costs the hour's price divided by `tokens_per_hour`, whether read or written.
        """
        if price.gpu_hour is not None and price.tokens_per_hour is not None:
            given = written = price.gpu_hour * MILLION / price.tokens_per_hour
        else:
            given, written = price.input or Decimal(0), price.output or Decimal(0)
        ends = None if price.valid_until is None else _midnight_us(price.valid_until + timedelta(days=1))
        return cls(
            price.provider, price.model, given, written, price.cache_read, price.cache_write, price.per_request,
            start_us=0 if price.valid_from is None else _midnight_us(price.valid_from),
            end_us=ends,
            batch_discount=price.batch_discount,
        )  # fmt: skip


class Prices:
    """Prices of all models. The tables load at the first use, or in `warm()`, which belongs off the event loop."""

    def __init__(self, overrides: Iterable[PriceOverride] = ()) -> None:
        self.replace(overrides)

    def replace(self, overrides: Iterable[PriceOverride]) -> None:
        """Go on with these contract prices. A call that is being priced meanwhile gets the old ones or the new."""
        self._book = _Book(overrides)

    def warm(self) -> None:
        """Load the price tables now (about 0.2 s of CPU)."""
        _providers()

    def cost(
        self, provider_kind: str, model: str, usage: Usage, at_us: int, *, provider: str = "", batch: bool = False
    ) -> int | None:
        """Nano-USD of a call at that time (UTC microseconds), None where the price is unknown.

        `provider_kind` is what `price_kind` says of a provider, `provider` its name in the configuration, for contract
        prices. `batch` says that the vendor's batch lane served it. What runs in this process costs exactly 0.
        """
        if provider_kind in _LOCAL:
            return 0
        rates = self._book.schedule(provider, provider_kind, model).at(at_us)
        return None if rates is None else rates.cost(usage, batch=batch)

    def rates(self, provider_kind: str, model: str, at_us: int, *, provider: str = "") -> Rates | None:
        """The rates by which `cost` counts; None where it knows none, and for what runs in this process."""
        if provider_kind in _LOCAL:
            return None
        return self._book.schedule(provider, provider_kind, model).at(at_us)

    def window(self, provider_kind: str, model: str) -> int | None:
        """Tokens that a model takes at most, question and answer; None where the price list does not say."""
        info = None if provider_kind in _LOCAL else _find(provider_kind, model)
        return None if info is None else info.context_window

    def source(self, provider_kind: str, model: str, at_us: int, *, provider: str = "") -> str:
        """Where the price comes from: a contract with its first day, or the price list with its version."""
        if provider_kind in _LOCAL:
            return "it ran in this process"
        contract = self._book.contract(provider, provider_kind, model, at_us)
        if contract is None:
            return f"the price list genai-prices {version('genai-prices')}"
        began = datetime.fromtimestamp(contract.start_us // MILLION, UTC).date()
        return "a contract price" + (f", valid from {began}" if contract.start_us else "")

    def most(
        self, provider_kind: str, model: str, input_tokens: int, output_tokens: int, at_us: int, *, provider: str = "",
        units: int = 1,
    ) -> int | None:  # fmt: skip
        """The most that so many tokens can cost, in nano-USD, however many are cached, cache-writing or reasoning.
        `units` is how often a price per request may be due."""
        if provider_kind in _LOCAL:
            return 0
        rates = self._book.schedule(provider, provider_kind, model).at(at_us)
        return None if rates is None else rates.most(input_tokens, output_tokens, units)

    def dearest(
        self, candidates: tuple[Priced, ...], input_tokens: int, output_tokens: int, at_us: int, *, units: int = 1
    ) -> tuple[int | None, bool]:
        """(the most that so many tokens can cost at any of the candidates in nano-USD, whether each tells a price).

        None where none has one. What is found out about a tuple of candidates is kept for the next call with it.
        """
        most: int | None = None
        complete = True
        for schedule in self._book.schedules_of(candidates):
            rates = schedule.at(at_us)
            nano = None if rates is None else rates.most(input_tokens, output_tokens, units)
            if nano is None:
                complete = False
            elif most is None or nano > most:
                most = nano
        return most, complete


class _Book:
    """The schedules under one set of contract prices, each compiled when it is first asked for."""

    def __init__(self, overrides: Iterable[PriceOverride]) -> None:
        self._overrides = sorted(overrides, key=lambda override: override.start_us, reverse=True)
        self._schedules: dict[tuple[str, str, str], Schedule] = {}
        self._groups: dict[tuple[Priced, ...], tuple[Schedule, ...]] = {}

    def schedule(self, provider: str, kind: str, model: str) -> Schedule:
        found = self._schedules.get((provider, kind, model))
        if found is None:
            found = self._compile(provider, kind, model)
            if len(self._schedules) < _MODELS_KEPT:
                self._schedules[provider, kind, model] = found
        return found

    def schedules_of(self, candidates: "tuple[Priced, ...]") -> tuple[Schedule, ...]:
        """Their schedules, each of equal ones once."""
        found = self._groups.get(candidates)
        if found is None:
            several = (
                _FREE if c.price_kind in _LOCAL else self.schedule(c.provider.name, c.price_kind, c.model)
                for c in candidates
            )
            found = tuple(dict.fromkeys(several))
            if len(self._groups) >= _GROUPS_KEPT:
                self._groups.clear()  # a new Snapshot has new candidates
            self._groups[candidates] = found
        return found

    def contract(self, provider: str, kind: str, model: str, at_us: int) -> PriceOverride | None:
        """The contract that holds at that time, if one does."""
        for payee in dict.fromkeys((provider, kind)):
            for one in self._overrides:
                ended = one.end_us is not None and at_us >= one.end_us
                if one.provider == payee and one.model == model and one.start_us <= at_us and not ended:
                    return one
        return None

    def _compile(self, provider: str, kind: str, model: str) -> Schedule:
        schedule, vendors = Schedule(()), _BATCH_SHARES.get(kind, MILLION)
        for payee in dict.fromkeys((provider, kind)):
            for contract in self._overrides:
                if contract.provider == payee and contract.model == model:
                    rates = _contract(contract, vendors)
                    schedule = schedule.then(Schedule.between(rates, contract.start_us, contract.end_us))
        info = _find(kind, model)
        return schedule if info is None else schedule.then(Schedule.of_model(info, vendors))


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


def _contract(price: PriceOverride, vendors_batch_share: int) -> Rates:
    discount = price.batch_discount
    return Rates(
        input=per_million(price.input),
        output=per_million(price.output),
        cache_read=None if price.cache_read is None else per_million(price.cache_read),
        cache_write=None if price.cache_write is None else per_million(price.cache_write),
        per_request=scaled(price.per_request),
        batch_share=vendors_batch_share if discount is None else MILLION - round(discount * MILLION),
    )


def _midnight_us(day: date) -> int:
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp()) * MILLION
