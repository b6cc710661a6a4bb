"""Spans as Langfuse's `/v2/observations` gives them, and what its filters mean here."""

import re
from typing import Any

import msgspec

from pilothouse.call import Kind, Span
from pilothouse.errors import InvalidRequest
from pilothouse.observe import names
from pilothouse.observe.dialects.langfuse_ids import iso
from pilothouse.observe.dialects.values import structured
from pilothouse.observe.observations import Observation
from pilothouse.types import Json, Usage

__all__ = ["OBSERVATION_FIELDS", "level_of", "observation_to_json", "type_of"]

OBSERVATION_FIELDS = (
    "core", "basic", "time", "io", "metadata", "model", "usage", "prompt", "metrics", "trace_context",
)  # fmt: skip
"""Groups of fields; `core` is always there."""

_TYPES: dict[Kind, str] = {
    "llm": "GENERATION", "embedding": "EMBEDDING", "retriever": "RETRIEVER", "reranker": "RETRIEVER", "tool": "TOOL",
    "agent": "AGENT", "guard": "GUARDRAIL", "evaluator": "EVALUATOR", "chain": "SPAN",
}  # fmt: skip
_EVENT = (names.LANGFUSE_TYPE, "event")
_LEVELS = ("DEBUG", "DEFAULT", "WARNING", "ERROR")
_VERSIONED = re.compile(r"(.*)@(\d{1,9})")
_NANO = 1e9


def type_of(given: str) -> dict[str, Any]:
    """The filter of a type. Raises InvalidRequest for an unknown one."""
    wanted = given.upper()
    kinds = [kind for kind, name in _TYPES.items() if name == wanted]
    if wanted == "SPAN":
        return {"kinds": kinds, "unsaid": [_EVENT]}
    if wanted == "EVENT":
        return {"said": [_EVENT]}
    if wanted == "CHAIN":
        kinds = ["chain"]
    if not kinds:
        raise InvalidRequest(f"There is no observation type '{given[:40]}'.", param="type")
    return {"kinds": kinds}


def level_of(given: str) -> dict[str, Any]:
    """The filter of a level. Raises InvalidRequest for an unknown one."""
    if given not in _LEVELS:
        raise InvalidRequest(f"`level` must be one of {', '.join(_LEVELS)}.", param="level")
    if given == "ERROR":
        return {"status": "error"}
    others = [(names.LANGFUSE_LEVEL, level) for level in ("DEBUG", "WARNING")]
    return {"status": "ok", "unsaid": others} if given == "DEFAULT" else {"said": [(names.LANGFUSE_LEVEL, given)]}


def observation_to_json(observation: Observation, groups: frozenset[str]) -> Json:
    """An observation with the fields of these groups."""
    span = observation.span
    made: Json = {
        "id": span.id, "traceId": span.trace_id, "startTime": iso(span.start_us), "endTime": iso(span.end_us),
        "projectId": span.project_id, "parentObservationId": span.parent_id, "type": _type(span),
    }  # fmt: skip
    if "basic" in groups:
        made |= _basic(span)
    if "time" in groups:
        first = None if span.ttft_us is None else iso(span.start_us + span.ttft_us)
        made |= {"completionStartTime": first, "createdAt": iso(span.start_us), "updatedAt": iso(span.end_us)}
    if "io" in groups:
        made |= {"input": _text(span.input), "output": _text(span.output)}
    if "metadata" in groups:
        made["metadata"] = _metadata(span)
    if "model" in groups:
        parameters = structured(span.attributes.get(names.LANGFUSE_PARAMETERS))
        made |= {"model": span.request_model or span.response_model, "internalModelId": None}
        made["modelParameters"] = parameters if parameters is not None else _parameters(span)
    if "usage" in groups:
        cost = None if span.cost_nano is None else span.cost_nano / _NANO
        made |= {"usageDetails": _usage(span.usage), "costDetails": {} if cost is None else {"total": cost}}
        made |= {"totalCost": cost, "usagePricingTierName": None}
    if "prompt" in groups:
        match = _VERSIONED.fullmatch(span.prompt or "")
        made |= {"promptId": None, "promptName": match[1] if match else span.prompt}
        made["promptVersion"] = int(match[2]) if match else None
    if "metrics" in groups:
        first_token = None if span.ttft_us is None else span.ttft_us / 1e6
        made |= {"latency": span.duration_us / 1e6, "timeToFirstToken": first_token}
    if "trace_context" in groups:
        trace_name = span.attributes.get(names.LANGFUSE_TRACE_NAME) or observation.trace_name
        made |= {"tags": span.tags, "release": span.release, "traceName": trace_name}
    return made


def _type(span: Span) -> str:
    return "EVENT" if span.attributes.get(_EVENT[0]) == _EVENT[1] else _TYPES[span.kind]


def _basic(span: Span) -> Json:
    attributes = span.attributes
    said = attributes.get(names.LANGFUSE_LEVEL) or "DEFAULT"
    return {
        "name": span.name, "level": "ERROR" if span.status == "error" else said,
        "statusMessage": span.error_message or attributes.get(names.LANGFUSE_STATUS),
        "version": attributes.get(names.LANGFUSE_VERSION), "environment": span.environment or "default",
        "bookmarked": False, "public": False, "userId": span.user_id, "sessionId": span.session_id,
        "isRootObservation": span.parent_id is None or any(attributes.get(name) for name in names.LANGFUSE_ROOTS),
    }  # fmt: skip


def _text(body: Json | None) -> str | None:
    """An input or output as the text that it is given as: what was wrapped to be an object is unwrapped."""
    if body is None:
        return None
    value: Any = body
    if len(body) == 1:
        value = body.get("value", body.get("messages", body))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _metadata(span: Span) -> Json:
    made: Json = {}
    others: Json = {}
    for name, value in span.attributes.items():
        prefix = next((p for p in names.LANGFUSE_METADATA if name == p or name.startswith(f"{p}.")), None)
        if prefix is not None:
            made[name[len(prefix) + 1 :] or "metadata"] = structured(value)
        elif not name.startswith("langfuse."):
            others[name] = value
    return {**made, "attributes": others} if others else made


def _parameters(span: Span) -> Json:
    prefix = "gen_ai.request."
    return {name[len(prefix) :]: value for name, value in span.attributes.items() if name.startswith(prefix)}


def _usage(usage: Usage | None) -> dict[str, int]:
    """Cached tokens beside the input, as Langfuse counts them."""
    if usage is None:
        return {}
    made = {
        "input": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "input_cached_tokens": usage.cached_tokens, "input_cache_creation": usage.cache_write_tokens,
        "output": usage.output_tokens - usage.reasoning_tokens, "output_reasoning_tokens": usage.reasoning_tokens,
    }  # fmt: skip
    kept = {name: count for name, count in made.items() if count or name in ("input", "output")}
    return {**kept, "total": usage.input_tokens + usage.output_tokens}
