"""The arithmetic of prices: rates per token as exact integers, tiers, and the times at which a price holds.

Semantics follow genai-prices: a tier applies to all tokens once the input is longer than its start; the last active
condition wins, the first one is the fallback. Knows nothing of providers or of where prices come from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from pilothouse.types import Usage

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, TieredPrices

__all__ = ["MILLION", "Rate", "Rates", "Schedule", "per_million", "scaled"]

Rate = tuple[tuple[int, int], ...]
"""((tokens of input above which it holds, price per token in 1e-24 USD), ...), the highest tier first."""

_UNIT = 10**24  # prices come with up to 18 decimals of a USD per million tokens: every digit is kept
_PER_NANO = _UNIT // 10**9
_ALWAYS = -1
MILLION = 1_000_000
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """The prices of one model during one period. A missing cache or reasoning rate means: part of input or output.

    `batch_share` is what the batch lane costs of the ordinary price, in millionths.
    """

    input: Rate | None = None
    output: Rate | None = None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    reasoning: Rate | None = None
    per_request: int = 0
    batch_share: int = MILLION

    def cost(self, usage: Usage, *, batch: bool = False) -> int | None:
        """Nano-USD, rounded once; None when tokens were used that this price list does not price."""
        total = usage.input_tokens
        if (self.input is None and total) or (self.output is None and usage.output_tokens):
            return None
        fresh, said, amount = total, usage.output_tokens, self.per_request * usage.units
        if self.cache_read is not None and usage.cached_tokens:
            fresh -= usage.cached_tokens
            amount += usage.cached_tokens * _at(self.cache_read, total)
        if self.cache_write is not None and usage.cache_write_tokens:
            fresh -= usage.cache_write_tokens
            amount += usage.cache_write_tokens * _at(self.cache_write, total)
        if self.reasoning is not None and usage.reasoning_tokens:
            said -= usage.reasoning_tokens
            amount += usage.reasoning_tokens * _at(self.reasoning, total)
        if self.input is not None and fresh > 0:
            amount += fresh * _at(self.input, total)
        if self.output is not None and said > 0:
            amount += said * _at(self.output, total)
        if batch:
            amount = amount * self.batch_share // MILLION
        return (amount + _PER_NANO // 2) // _PER_NANO

    def parts(self, usage: Usage) -> Iterator[tuple[str, int, Decimal]]:
        """What `cost` adds up: the kind of tokens, how many, and USD per million of them (per request: USD each)."""
        read, written, thought = usage.cached_tokens, usage.cache_write_tokens, usage.reasoning_tokens
        fresh = usage.input_tokens - (read if self.cache_read else 0) - (written if self.cache_write else 0)
        said = usage.output_tokens - (thought if self.reasoning else 0)
        kinds = (
            ("input", fresh, self.input), ("cached input", read, self.cache_read),
            ("input written to the cache", written, self.cache_write), ("output", said, self.output),
            ("reasoning", thought, self.reasoning),
        )  # fmt: skip
        for name, tokens, rate in kinds:
            if rate is not None and tokens > 0:
                yield name, tokens, Decimal(_at(rate, usage.input_tokens)) * MILLION / _UNIT
        if self.per_request:
            yield "request", usage.units, Decimal(self.per_request) / _UNIT

    def most(self, input_tokens: int, output_tokens: int, units: int = 1) -> int | None:
        """The most that so many tokens can cost, whichever of them turn out to be cache-writing or reasoning ones."""
        amount = self.per_request * units
        if input_tokens:
            if self.input is None:
                return None
            amount += input_tokens * _dearer(self.input, self.cache_write, input_tokens)
        if output_tokens:
            if self.output is None:
                return None
            amount += output_tokens * _dearer(self.output, self.reasoning, input_tokens)
        return (amount + _PER_NANO // 2) // _PER_NANO

    @classmethod
    def of_model_price(cls, price: "ModelPrice", batch_share: int = MILLION) -> "Rates | None":
        """From a price list of genai-prices; None when it prices no tokens (audio hours, pages, nothing at all)."""
        if price.input_mtok is None and price.output_mtok is None:
            return None
        per_request = price.requests_kcount
        return cls(
            input=_rate(price.input_mtok),
            output=_rate(price.output_mtok),
            cache_read=_rate(price.cache_read_mtok),
            cache_write=_rate(price.cache_write_mtok),
            reasoning=_rate(price.output_reasoning_mtok),
            per_request=scaled(per_request.scaleb(-3)) if isinstance(per_request, Decimal) else 0,
            batch_share=batch_share,
        )


@dataclass(frozen=True, slots=True)
class _Period:
    """When rates hold: from `start_us` until `end_us`, each day from `opens_us` until `closes_us`. None is unknown."""

    rates: Rates | None
    start_us: int = 0
    end_us: int | None = None
    opens_us: int = 0
    closes_us: int = _DAY_US
    unending: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        always = not self.start_us and self.end_us is None and not self.opens_us and self.closes_us == _DAY_US
        object.__setattr__(self, "unending", always)

    def active(self, at_us: int) -> bool:
        if at_us < self.start_us or (self.end_us is not None and at_us >= self.end_us):
            return False
        of_day = at_us % _DAY_US
        if self.closes_us < self.opens_us:
            return of_day >= self.opens_us or of_day < self.closes_us
        return self.opens_us <= of_day < self.closes_us


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a model costs over time: the first active period counts."""

    periods: tuple[_Period, ...]

    def at(self, at_us: int) -> Rates | None:
        """The rates at that time, None where the price is unknown then."""
        for period in self.periods:
            if period.unending or period.active(at_us):
                return period.rates
        return None

    def newest(self) -> tuple[Rate | None, Rate | None] | None:
        """The input and output rates of the last period to begin, to compare sellers by; None without a price."""
        rates = self.periods[0].rates if self.periods else None
        return None if rates is None else (rates.input, rates.output)

    @classmethod
    def of_model(cls, model: "ModelInfo", batch_share: int = MILLION) -> "Schedule":
        return cls(tuple(_model_periods(model, batch_share)))

    @classmethod
    def between(cls, rates: Rates, start_us: int, end_us: int | None) -> "Schedule":
        return cls((_Period(rates, start_us, end_us),))

    def then(self, other: "Schedule") -> "Schedule":
        """This schedule where it says something, else the other."""
        return Schedule(self.periods + other.periods)


def scaled(usd: Decimal) -> int:
    """An amount in USD as an integer of 1e-24 USD."""
    return int(usd.scaleb(24))


def per_million(usd: Decimal) -> Rate:
    """A plain rate from USD per million tokens."""
    return ((_ALWAYS, scaled(usd.scaleb(-6))),)


def _at(rate: Rate, total: int) -> int:
    for start, price in rate:
        if total > start:
            return price
    raise AssertionError("a rate ends with the tier that always holds")


def _dearer(rate: Rate, other: Rate | None, total: int) -> int:
    price = _at(rate, total)
    return price if other is None else max(price, _at(other, total))


def _rate(value: "Decimal | TieredPrices | None") -> Rate | None:
    if value is None:
        return None
    if isinstance(value, Decimal):
        return per_million(value)
    tiers = [(tier.start, scaled(tier.price.scaleb(-6))) for tier in reversed(value.tiers)]
    return (*tiers, *per_million(value.base))


def _model_periods(model: "ModelInfo", batch_share: int) -> Iterator[_Period]:
    if not isinstance(model.prices, list):
        yield _Period(Rates.of_model_price(model.prices, batch_share))
        return
    for conditional in reversed(model.prices):
        yield _conditional(conditional, batch_share)
    if model.prices:
        yield _Period(Rates.of_model_price(model.prices[0].prices, batch_share))


def _conditional(price: "ConditionalPrice", batch_share: int) -> _Period:
    rates, constraint = Rates.of_model_price(price.prices, batch_share), price.constraint
    if constraint is None:
        return _Period(rates)
    if hasattr(constraint, "start_date"):
        start = datetime.combine(constraint.start_date, time(), tzinfo=UTC)
        return _Period(rates, start_us=int(start.timestamp()) * 1_000_000)
    return _Period(rates, opens_us=_of_day(constraint.start_time), closes_us=_of_day(constraint.end_time))


def _of_day(at: time) -> int:
    """Microseconds since midnight UTC; a time without a zone is UTC."""
    moment = datetime.combine(datetime(2000, 1, 2, tzinfo=UTC), at)
    moment = moment.replace(tzinfo=UTC) if at.tzinfo is None else moment.astimezone(UTC)
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond
