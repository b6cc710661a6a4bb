"""From an OpenTelemetry span to ours, whichever dialect its attributes are written in, and nothing of them lost.

OpenInference tells the time to the first token by an event alone; Langfuse's values are JSON texts, some twice over.
Knows nothing of encodings, of who sent the span, nor of where it goes.
"""

from typing import Any

from pilothouse.call import Kind, Scalar, Span
from pilothouse.observe import names
from pilothouse.observe.dialects.bodies import bodies_of
from pilothouse.observe.dialects.otel import Event, Origin, OtelSpan
from pilothouse.observe.dialects.reading import Reading
from pilothouse.observe.dialects.tokens import cost_of, tokens, usage_of
from pilothouse.observe.dialects.values import money, scalar, structured, when_us
from pilothouse.types import Usage

__all__ = ["attributes_of", "to_span"]

_LONGEST_NAME = 200
_MOST_ATTRIBUTES, _MOST_OF_RESOURCE = 256, 64
_LONGEST_WAIT = 1e6  # seconds to a first token
_LANGFUSE_SCOPE = "langfuse"
_FINER = ("event", "task")  # kinds of others that are one of ours with a difference


def to_span(otel: OtelSpan) -> Span:
    """The span; whose it is, is not told here."""
    reading, events = Reading(otel.attributes), otel.events
    bodies = bodies_of(reading, events)
    usage = _usage(reading)
    failed, code, message = _failure(reading, otel)
    get, text, resource = reading.get, reading.text, otel.origin.resource
    langfuse = otel.origin.scope.startswith(_LANGFUSE_SCOPE)
    return Span(
        id=otel.id, trace_id=otel.trace_id, parent_id=otel.parent_id, project_id="", name=otel.name,
        kind=_kind(reading, usage), start_us=otel.start_us or otel.end_us, end_us=otel.end_us or otel.start_us,
        status="error" if failed else "ok", error_code=code, error_message=message, user_id=text("user_id"),
        session_id=text("session_id"), operation=text("operation"), provider=_provider(text("provider")),
        request_model=text("request_model"), response_model=text("response_model"), usage=usage,
        ttft_us=_first_token(reading, otel), cost_nano=_cost(reading), feature=text("feature"),
        environment=text("environment") or _of(resource, names.ENVIRONMENTS),
        release=text("release") or _of(resource, (names.SERVICE_VERSION,)), prompt=_prompt(reading),
        tags=_tags(get("tags")), source="langfuse" if langfuse else "otlp", input=bodies.input, output=bodies.output,
        attributes=_rest(reading, otel),
    )  # fmt: skip


def attributes_of(given: dict[str, Any], origin: Origin) -> dict[str, Scalar]:
    """Attributes as spans hold them, bounded, with what is worth keeping of where they come from."""
    if origin.told is None:
        origin.told = _told(origin)
    kept = origin.told.copy()
    for name, value in given.items():
        if len(kept) >= _MOST_ATTRIBUTES:
            kept[names.ATTRIBUTES_DROPPED] = len(given) + len(origin.told) - _MOST_ATTRIBUTES
            break
        if name.startswith(names.LANGFUSE_METADATA):
            value = structured(value)
        kept[name[:_LONGEST_NAME]] = scalar(value)
    return kept


def _told(origin: Origin) -> dict[str, Scalar]:
    kept = [pair for pair in origin.resource.items() if pair[0].startswith(names.RESOURCE_KEPT)]
    told = {name[:_LONGEST_NAME]: scalar(value) for name, value in kept[:_MOST_OF_RESOURCE]}
    if origin.scope:
        told[names.SCOPE] = origin.scope[:_LONGEST_NAME]
    return told


def _kind(reading: Reading, usage: Usage | None) -> Kind:
    told = (reading.text("kind") or "").lower()
    named = names.KINDS.get(told)
    if named == "chain" and told in _FINER:
        reading.keep("kind")
    if named is None:
        named = names.OPERATION_KINDS.get((reading.text("operation") or "").lower())
    if named is None:
        model = "request_model" in reading or "response_model" in reading
        named = "llm" if model and (usage is not None or "provider" in reading) else "chain"
        reading.keep("kind")
    return named


def _provider(given: str | None) -> str | None:
    if given is None:
        return None
    lower = given.lower()
    return names.OUR_PROVIDERS.get(lower, lower)


def _usage(reading: Reading) -> Usage | None:
    if "usage" in reading:
        usage = usage_of(structured(reading.get("usage")))
        if usage is not None:
            return usage
        reading.keep("usage")
    count = reading.count
    return tokens(
        count("input_tokens"), count("output_tokens"), count("total_tokens"), count("cached_tokens"),
        count("cache_write_tokens"), count("reasoning_tokens"),
    )  # fmt: skip


def _cost(reading: Reading) -> int | None:
    total = cost_of(structured(reading.get("cost_parts")))
    if total is None:
        total = money(reading.get("cost"))
    if total is None:
        parts = [nano for name in ("input_cost", "output_cost") if (nano := money(reading.get(name))) is not None]
        total = sum(parts) if parts else None
    if total is None:
        for name in ("cost_parts", "cost", "input_cost", "output_cost"):
            reading.keep(name)
    return total


def _first_token(reading: Reading, otel: OtelSpan) -> int | None:
    seconds = reading.get("first_seconds")
    if isinstance(seconds, int | float) and 0 <= seconds < _LONGEST_WAIT:
        return round(seconds * 1e6)
    reading.keep("first_seconds")
    first = when_us(reading.get("first_at")) if "first_at" in reading else None
    if first is None:
        first = next((event.at_us for event in otel.events if event.name == names.FIRST_TOKEN_EVENT), None)
    return None if first is None or first < otel.start_us else first - otel.start_us


def _failure(reading: Reading, otel: OtelSpan) -> tuple[bool, str | None, str | None]:
    """Whether it failed, by what code, and what was said of it."""
    level, status = reading.get("level"), reading.text("status")
    failed = otel.failed or level == "ERROR"
    if not failed:
        for meaning in ("level", "status", "error"):
            reading.keep(meaning)
        return False, None, None
    raised: dict[str, Any] = next((e.attributes for e in otel.events if e.name == names.EXCEPTION), {})
    code = reading.text("error") or raised.get(names.EXCEPTION_TYPE) or "error"
    message = status or otel.message or raised.get(names.EXCEPTION_MESSAGE)
    return True, str(code), None if message is None else str(message)


def _prompt(reading: Reading) -> str | None:
    name, version = reading.text("prompt"), reading.text("prompt_version")
    return f"{name}@{version}" if name and version else name


def _tags(given: Any) -> list[str]:
    if given is None:
        return []
    tags = structured(given)
    return [str(tag) for tag in tags] if isinstance(tags, list) else [str(tags)]


def _of(resource: dict[str, Any], wanted: tuple[str, ...]) -> str | None:
    return next((str(value) for name in wanted if (value := resource.get(name))), None)


def _rest(reading: Reading, otel: OtelSpan) -> dict[str, Scalar]:
    kept = attributes_of(reading.rest, otel.origin)
    others = [event for event in otel.events if event.name not in _READ]
    if others:
        kept[names.EVENTS] = _events(others)
    return kept


_READ = frozenset(
    (*names.CONTENT_EVENTS, names.CHOICE_EVENT, names.PROMPT_EVENT, names.COMPLETION_EVENT, names.DETAILS_EVENT)
)


def _events(events: list[Event]) -> Scalar:
    told = [{"name": e.name, "at_us": e.at_us, "attributes": e.attributes} for e in events]
    return scalar(told)
