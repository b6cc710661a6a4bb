"""A finished span as the map that a server takes (the fields of `call.Span`). Runs on the delivering thread."""

from collections.abc import Callable
from typing import Any

import msgspec

from pilothouse.tracing.capture import HOSTILE, capture, cut
from pilothouse.tracing.spans import ABOUT, ActiveSpan

__all__ = ["KINDS", "Mask", "encode", "to_map", "usage_of"]

KINDS = frozenset(("llm", "embedding", "retriever", "reranker", "chain", "tool", "agent", "guard", "evaluator"))
Mask = Callable[[Any], Any]
_NANO = 10**9
_LONGEST_VALUE = 8000
_encode = msgspec.msgpack.Encoder().encode


def encode(given: Any) -> bytes:
    """msgpack, also of texts that are no valid Unicode."""
    try:
        return _encode(given)
    except (UnicodeError, ValueError, OverflowError, TypeError):
        return _encode(_valid(given))


def to_map(span: ActiveSpan, mask: Mask | None, project_id: str = "default") -> dict[str, Any]:
    """`mask` is applied to what people and models wrote: input, output and metadata. Where it fails, they stay out."""
    about, facts = span.trace.about, span.facts or {}
    made: dict[str, Any] = {
        "id": span.id, "trace_id": span.trace.id, "project_id": project_id, "name": span.name, "kind": span.kind,
        "start_us": span.start_us, "end_us": span.start_us + span.duration_ns // 1000, "source": "sdk",
    }  # fmt: skip
    if span.parent_id is not None:
        made["parent_id"] = span.parent_id
    for name in ABOUT:
        if (value := about.get(name)) is not None:
            made[name] = str(value)
    if span.error is not None:
        code, message, made["status"] = span.error
        made["error_code"] = code
        made["error_message"] = None if message is None else str(_masked(message, mask))
    if tags := [*span.trace.tags, *(span.tags or ())]:
        made["tags"] = list(dict.fromkeys(tags))
    if facts:
        _add_facts(made, facts)
    metadata = {**about.get("metadata", {}), **(span.metadata or {})}
    if span.kind not in KINDS:
        made["kind"], metadata["kind"] = "chain", span.kind
    if metadata:
        masked = _masked(metadata, mask)
        masked = masked if isinstance(masked, dict) else {"value": masked}
        made["attributes"] = {str(name): _scalar(value) for name, value in masked.items()}
    if span.input is not None:
        made["input"] = _payload(_masked(span.input, mask))
    if span.output is not None:
        made["output"] = _payload(_masked(span.output, mask))
    return made


def usage_of(given: Any) -> dict[str, int] | None:
    """Tokens from what OpenAI, Anthropic or Pilothouse call `usage`; input includes cached tokens, each counted once.

    Anthropic counts cached tokens beside `input_tokens`, OpenAI within.
    """
    if not isinstance(given, dict):
        return None
    read = _count(given, "input_tokens", "prompt_tokens", "input")
    written = _count(given, "output_tokens", "completion_tokens", "output")
    inside = _details(given, "input_tokens_details", "prompt_tokens_details")
    outside = _details(given, "output_tokens_details", "completion_tokens_details")
    aside, stored = _count(given, "cache_read_input_tokens"), _count(given, "cache_creation_input_tokens")
    if aside is not None or stored is not None:
        read = (read or 0) + (aside or 0) + (stored or 0)
    if read is None and written is None:
        return None
    return {
        "input_tokens": read or 0,
        "output_tokens": written or 0,
        "cached_tokens": aside or _count({**given, **inside}, "cached_tokens") or 0,
        "cache_write_tokens": stored or _count({**given, **inside}, "cache_write_tokens") or 0,
        "reasoning_tokens": _count({**given, **outside}, "reasoning_tokens") or 0,
    }


def _add_facts(made: dict[str, Any], facts: dict[str, Any]) -> None:
    for name in ("request_model", "response_model", "provider", "operation", "prompt"):
        if name in facts:
            made[name] = str(facts[name])
    if (usage := usage_of(facts.get("usage"))) is not None:
        made["usage"] = usage
    cost, ttft = facts.get("cost"), facts.get("ttft")
    if isinstance(cost, int | float) and 0 <= cost < _NANO:
        made["cost_nano"] = round(cost * _NANO)
    if isinstance(ttft, int | float) and 0 <= ttft < _NANO:
        made["ttft_us"] = round(ttft * 1e6)


def _count(given: dict[str, Any], *names: str) -> int | None:
    found = (given.get(name) for name in names)
    return next((n for n in found if isinstance(n, int) and not isinstance(n, bool) and n >= 0), None)


def _details(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return next((found for name in names if isinstance(found := given.get(name), dict)), {})


def _masked(value: Any, mask: Mask | None) -> Any:
    if mask is None:
        return value
    try:
        return capture(mask(value))
    except HOSTILE as error:
        return f"(left out: the mask failed with {type(error).__name__})"


def _payload(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"value": value}


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return cut(value if isinstance(value, str) else msgspec.json.encode(_valid(value)).decode(), _LONGEST_VALUE)


def _valid(value: Any) -> Any:
    """The same with texts that are valid Unicode."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {str(_valid(name)): _valid(item) for name, item in value.items()}
    return [_valid(item) for item in value] if isinstance(value, list) else value
