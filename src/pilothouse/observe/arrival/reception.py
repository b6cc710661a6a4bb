"""What another program records is checked, and what it does not get to say is said here: whose a span is, and that it
settles nothing.

Knows nothing of the forms that spans come in.
"""

import re
from itertools import islice

import msgspec

from pilothouse.call import Scalar, Span
from pilothouse.errors import InvalidRequest
from pilothouse.observe import names
from pilothouse.observe.costs.prices import Prices
from pilothouse.observe.dialects.values import scalar
from pilothouse.principal import Principal
from pilothouse.types import Usage

__all__ = ["Reception", "payee"]

_LONGEST = 500
_LONGEST_MESSAGE, _LONGEST_NAME, _LONGEST_VALUE = 10_000, 200, 8_000
_MOST_TAGS, _MOST_ATTRIBUTES = 50, 400
_NOTE = 50  # characters by which a text that was cut, with a note of it, is longer than its bound
_LATEST_US = 2**53
_LARGEST = 2**53
_DEAREST = 10**13  # nano-USD of one call: 10,000 USD; a sum of a million of them still fits 64 bits
_BILLED = ("llm", "embedding", "reranker")
_ANYONE, _PRICED_AS = "openai-compatible", {"vertex": "google"}
_TRACE, _SPAN = re.compile(r"(?!0{32})[0-9a-f]{32}"), re.compile(r"(?!0{16})[0-9a-f]{16}")
_OURS = ("cache", "remote_parent_id")
"""Attributes that say how a call is billed: of the gateway's own spans alone."""
_TEXTS = (
    "user_id", "session_id", "operation", "provider", "request_model", "response_model", "feature", "environment",
    "release", "prompt", "error_code",
)  # fmt: skip


class Reception:
    """Makes spans of others fit to be kept. A cost that the sender gave stays; the others are priced by provider and
    model where they can be."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def admit(self, span: Span, sender: Principal) -> None:
        """Check and complete it. Raises InvalidRequest, which says what is wrong with it."""
        _check(span)
        _stamp(span, sender)
        self.price(span)

    def price(self, span: Span) -> None:
        """Say what a call of a model cost where its sender did not. Unknown stays unknown."""
        if span.cost_nano is not None or span.kind not in _BILLED:
            return
        if span.usage is not None:
            self._price(span, span.usage)
        elif span.status != "error" and (span.request_model or span.response_model):
            span.cost_known = False  # it was answered, and nobody said what that took

    def _price(self, span: Span, usage: Usage) -> None:
        kind, name = payee(span)
        for model in filter(None, (span.response_model, span.request_model)):
            if span.cost_nano is None:
                span.cost_nano = self._prices.cost(kind, model, usage, span.start_us, provider=name)
        span.cost_known = span.cost_nano is not None


def payee(span: Span) -> tuple[str, str]:
    """Whom a span of others pays: as what kind of provider it is priced, and the provider's name, empty for none."""
    name = span.provider or ""
    return _PRICED_AS.get(name, name or _ANYONE), name


def _check(span: Span) -> None:
    if not _TRACE.fullmatch(span.trace_id) or not _SPAN.fullmatch(span.id):
        raise InvalidRequest("`trace_id` must be 32 hex digits and `id` 16, and not all zero.")
    if not (0 < span.start_us < _LATEST_US and 0 <= span.end_us < _LATEST_US):
        raise InvalidRequest("start and end must be times between 1970 and 2255.")
    usage = msgspec.structs.astuple(span.usage) if span.usage is not None else ()
    if any(not 0 <= number < _LARGEST for number in (*usage, span.ttft_us or 0)):
        raise InvalidRequest("tokens and the time to the first token must not be negative, nor beyond 2**53.")
    if not 0 <= (span.cost_nano or 0) <= _DEAREST:
        raise InvalidRequest("the cost must not be negative, nor beyond 10,000 USD.")


def _stamp(span: Span, sender: Principal) -> None:
    span.project_id, span.key_id, span.team_id = sender.project_id, sender.key_id or None, sender.team_id
    span.charge_id, span.accounts, span.cost_known, span.versions = None, [], True, {}
    span.request_id = span.endpoint = span.deployment = span.manifest_id = span.body = None
    span.name = span.name[:_LONGEST] or "unnamed"
    for name in _TEXTS:
        text = getattr(span, name)
        if text is not None and len(text) > _LONGEST:
            setattr(span, name, text[:_LONGEST])
    for name in [name for name in span.attributes if name in _OURS or name.startswith("pilothouse.")]:
        span.attributes[f"metadata.{name}"] = span.attributes.pop(name)
    _bound(span)
    if span.end_us < span.start_us:
        span.end_us = span.start_us
        span.attributes[names.END_BEFORE_START] = True


def _bound(span: Span) -> None:
    """Cut what would make every list that shows the span as large as it is. Texts belong into inputs and outputs."""
    span.error_message = _cut(span.error_message, _LONGEST_MESSAGE)
    span.tags = [tag[:_LONGEST_NAME] for tag in span.tags[:_MOST_TAGS]]
    given = span.attributes
    if len(given) > _MOST_ATTRIBUTES or any(map(_large, given.items())):
        kept = islice(given.items(), _MOST_ATTRIBUTES)
        span.attributes = {n[:_LONGEST_NAME]: scalar(value) if _large((n, value)) else value for n, value in kept}
        if len(given) > _MOST_ATTRIBUTES:
            span.attributes[names.ATTRIBUTES_DROPPED] = len(given) - _MOST_ATTRIBUTES


def _large(attribute: tuple[str, Scalar]) -> bool:
    name, value = attribute
    if len(name) > _LONGEST_NAME:
        return True
    if isinstance(value, list):
        return sum(map(len, value)) > _LONGEST_VALUE
    return isinstance(value, str) and len(value) > _LONGEST_VALUE + _NOTE


def _cut(text: str | None, longest: int) -> str | None:
    if text is None or len(text) <= longest + _NOTE:
        return text
    return f"{text[:longest]}… ({len(text) - longest} more)"
