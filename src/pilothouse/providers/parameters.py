"""Reads what an OpenAI chat request asks for beside its messages: tools, format, effort, and the vendor's own fields.

Whatever is malformed raises InvalidRequest naming the field; what a vendor cannot express raises Unsupported. Knows
nothing of any vendor's format.
"""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from pilothouse.errors import InvalidRequest, Unsupported
from pilothouse.providers.content import objects_in, read
from pilothouse.types import Json

__all__ = [
    "NO_PARAMETERS", "Effort", "Format", "Function", "Tools", "effort_of", "filled", "format_of", "native_embed_fields",
    "native_fields", "refuse", "stops_of", "tools_of", "with_native",
]  # fmt: skip

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
NO_PARAMETERS: Json = {"type": "object", "properties": {}}
"""The schema of a function that takes nothing, for vendors that want one in any case."""

_OPENAI_FIELDS = frozenset({
    "model", "messages", "stream", "stream_options", "n", "logprobs", "top_logprobs", "audio", "modalities",
    "logit_bias", "functions", "function_call", "web_search_options", "store", "metadata", "prediction",
    "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "verbosity", "user", "service_tier", "seed",
    "frequency_penalty", "presence_penalty", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop",
    "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort",
})  # fmt: skip
"""Names that mean OpenAI's field. Any other top-level name is the vendor's own and passes through untouched."""

_OPENAI_EMBED_FIELDS = frozenset({"model", "input", "encoding_format", "user", "dimensions"})


class _FunctionBody(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class _ToolBody(msgspec.Struct):
    function: _FunctionBody


class _NameBody(msgspec.Struct):
    name: str


class _NamedChoice(msgspec.Struct):
    function: _NameBody


class _AllowedTools(msgspec.Struct):
    tools: list[_NamedChoice]
    mode: Literal["auto", "required"] = "auto"


class _AllowedChoice(msgspec.Struct):
    allowed_tools: _AllowedTools


class _SchemaBody(msgspec.Struct):
    name: str = "answer"
    schema: Json | None = None
    description: str | None = None
    strict: bool | None = None


class _FormatBody(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _SchemaBody | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A function the model may call; `parameters` is its JSON schema, `body` the whole entry of `tools`."""

    name: str
    description: str | None
    parameters: Json | None
    strict: bool | None
    body: Json


@dataclass(frozen=True, slots=True)
class Tools:
    """`functions` are those the model may choose from, `native` the vendor's own tools, untouched.

    `choice` is auto, none, required, or None where nothing was said; `name` the one function asked for;
    `native_choice` a choice in the vendor's own shape.
    """

    functions: list[Function] = field(default_factory=list)
    native: list[Json] = field(default_factory=list)
    choice: Literal["auto", "none", "required"] | None = None
    name: str | None = None
    native_choice: Json | None = None
    parallel: bool = True


@dataclass(frozen=True, slots=True)
class Format:
    """The answer is to be JSON: any object where `schema` is None, else what the schema says."""

    schema: Json | None
    name: str
    description: str | None
    strict: bool | None


def native_fields(body: Json) -> Json:
    """The top-level fields that are not OpenAI's, but the vendor's own."""
    return {name: value for name, value in body.items() if name not in _OPENAI_FIELDS}


def native_embed_fields(body: Json) -> Json:
    """The same of an embeddings request."""
    return {name: value for name, value in body.items() if name not in _OPENAI_EMBED_FIELDS}


def filled(fields: Json) -> Json:
    """The fields without those that are None or empty."""
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def with_native(out: Json, own: Json, merged: frozenset[str]) -> Json:
    """`out` without its empty fields, under the caller's `own` fields in the vendor's words.

    Of the objects named by `merged` both sides' members are kept, the caller's first; any other field is replaced.
    """
    result = filled(out)
    for name, value in own.items():
        both = name in merged and isinstance(value, dict) and name in result
        result[name] = {**result[name], **value} if both else value
    return result


def refuse(body: Json, vendor: str, *also: str) -> None:
    """Raise Unsupported for a field that `vendor` lacks and whose silent loss would change the answer.

    `also` names further fields that must be empty or 0. What only hints, stores or speeds up is dropped.
    """
    empty = ("logprobs", "top_logprobs", "audio", "logit_bias", "functions", "function_call", "web_search_options")
    lost = [name for name in (*empty, *also) if body.get(name)]
    if body.get("n") not in (None, 1):
        lost.append("n")
    if body.get("modalities") not in (None, [], ["text"]):
        lost.append("modalities")
    if lost:
        hint = "; use 'tools'" if lost[0] in ("functions", "function_call") else ""
        raise Unsupported(f"{vendor} has no '{lost[0]}': leave it out{hint}.", param=lost[0])


def tools_of(body: Json) -> Tools:
    """The tools on offer. OpenAI's `allowed_tools` leaves only the allowed ones on offer."""
    functions, native = [], []
    for i, tool in enumerate(objects_in(body, "tools")):
        if tool.get("type") == "function":
            given = read(tool, _ToolBody, f"tools[{i}]").function
            functions.append(Function(given.name, given.description, given.parameters, given.strict, tool))
        elif "custom" in tool:
            raise Unsupported(f"This model has no custom tools (at tools[{i}]): use a function.", param=f"tools[{i}]")
        else:
            native.append(tool)
    parallel = body.get("parallel_tool_calls") is not False
    choice = body.get("tool_choice")
    if choice in (None, "auto", "none", "required"):
        return Tools(functions, native, choice, parallel=parallel)
    if not isinstance(choice, dict):
        raise InvalidRequest("'tool_choice' must be auto, none, required or an object.", param="tool_choice")
    if choice.get("type") == "function":
        name = read(choice, _NamedChoice, "tool_choice").function.name
        return Tools(functions, native, "required", name, parallel=parallel)
    if choice.get("type") == "allowed_tools":
        allowed = read(choice, _AllowedChoice, "tool_choice").allowed_tools
        names = {tool.function.name for tool in allowed.tools}
        return Tools([f for f in functions if f.name in names], native, allowed.mode, parallel=parallel)
    return Tools(functions, native, native_choice=choice, parallel=parallel)


def format_of(body: Json) -> Format | None:
    """What `response_format` asks for; None for text."""
    if body.get("response_format") is None:
        return None
    given = read(body["response_format"], _FormatBody, "response_format")
    if given.type == "text":
        return None
    schema = given.json_schema or _SchemaBody()
    if given.type == "json_object":
        return Format(None, schema.name, None, None)
    if schema.schema is None:
        raise InvalidRequest("'response_format.json_schema.schema' is missing.", param="response_format")
    return Format(schema.schema, schema.name, schema.description, schema.strict)


def stops_of(body: Json) -> list[str]:
    """The stop sequences; `stop` is one text or a list."""
    stop = body.get("stop")
    return [stop] if isinstance(stop, str) else list(stop or ())


def effort_of(body: Json) -> Effort | None:
    """`reasoning_effort`, checked."""
    effort = body.get("reasoning_effort")
    return None if effort is None else read(effort, Effort, "reasoning_effort")  # type: ignore[arg-type]
