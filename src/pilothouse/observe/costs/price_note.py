"""What a recorded cost is made of, in words: tokens, unit prices, and where these come from. Knows no traces."""

from collections.abc import Iterator
from decimal import Decimal

from pilothouse.call import Span
from pilothouse.observe.arrival.reception import payee
from pilothouse.observe.costs.prices import Prices

__all__ = ["price_note"]

_KINDS = ("self-hosted", "openai-compatible")


def price_note(prices: Prices, span: Span) -> str | None:
    """The sum that gives the span's cost, by the prices known now for its time.

    Spans do not record how their provider is priced: of the ways there are, the one that gives the recorded cost is
    told. None of them does where a price was changed afterwards, or the sender said what it cost; that is said, too.
    """
    if span.usage is None or span.cost_nano is None:
        return None
    for kind, model, name in _ways(span):
        if prices.cost(kind, model, span.usage, span.start_us, provider=name) == span.cost_nano:
            return _sum(prices, kind, model, span, name)
    if span.source != "gateway":
        return "by the prices known now it is another sum: its sender stated it, or they changed."
    return "the prices known now give another sum: they changed, or the batch lane served it."


def _ways(span: Span) -> Iterator[tuple[str, str, str]]:
    """(kind, model, provider's name) that it may have been priced by."""
    if span.source != "gateway":
        kind, name = payee(span)
        for model in filter(None, (span.response_model, span.request_model)):
            yield kind, model, name
        return
    name, _, model = (span.deployment or "").partition("/")
    for kind in filter(None, (span.provider, *_KINDS)):
        for called in dict.fromkeys((model, span.response_model or "")):
            if called:
                yield kind, called, name


def _sum(prices: Prices, kind: str, model: str, span: Span, name: str) -> str:
    source = prices.source(kind, model, span.start_us, provider=name)
    rates = prices.rates(kind, model, span.start_us, provider=name)
    if rates is None or span.usage is None:
        return f"{source}."
    parts = [
        f"${_plain(price)} per request"
        if what == "request"
        else f"{count:,} {what} tokens x ${_plain(price)} per million"
        for what, count, price in rates.parts(span.usage)
    ]
    return f"{' + '.join(parts)}; {source}." if parts else f"{source}."


def _plain(price: Decimal) -> str:
    text = f"{price.normalize():f}"
    return text if "." in text else f"{text}.00"
