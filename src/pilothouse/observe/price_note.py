"""What a recorded cost is made of, in words: tokens, unit prices, and where these come from. Knows no traces."""

from decimal import Decimal

from pilothouse.call import Span
from pilothouse.observe.prices import Prices

__all__ = ["price_note"]

_KINDS = ("self-hosted", "openai-compatible")


def price_note(prices: Prices, span: Span) -> str | None:
    """The sum that gives the span's cost, by the prices known now for its time.

    Spans do not record how their provider is priced: of the ways there are, the one that gives the recorded cost is
    told. None of them does where a price was changed afterwards; that is said, too.
    """
    if span.usage is None or span.cost_nano is None or span.provider is None:
        return None
    name, _, model = (span.deployment or "").partition("/")
    for kind in (span.provider, *_KINDS):
        for called in dict.fromkeys((model, span.response_model or "")):
            if called and prices.cost(kind, called, span.usage, span.start_us, provider=name) == span.cost_nano:
                return _sum(prices, kind, called, span, name)
    return "the prices known now give another sum: they changed, or the batch lane served it."


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
