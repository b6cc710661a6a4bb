"""Reads an OpenAI chat request for the providers that translate it. Knows nothing of any vendor's format.

Whatever is malformed raises InvalidRequest naming the field; what a vendor cannot express raises Unsupported.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from pilothouse.errors import InvalidRequest, Unsupported
from pilothouse.types import Json

__all__ = [
    "NO_PARAMETERS", "CallMade", "Effort", "Format", "Function", "Media", "Piece", "Tools", "calls_of", "content_of",
    "effort_of", "filled", "format_of", "native_fields", "object_in", "objects_in", "plain_text", "refuse", "stops_of",
    "tool_names", "tools_of", "with_native",
]  # fmt: skip

T = TypeVar("T")
NO_PARAMETERS: Json = {"type": "object", "properties": {}}
"""The schema of a function that takes nothing, for vendors that want one in any case."""
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

_OPENAI_FIELDS = frozenset({
    "model", "messages", "stream", "stream_options", "n", "logprobs", "top_logprobs", "audio", "modalities",
    "logit_bias", "functions", "function_call", "web_search_options", "store", "metadata", "prediction",
    "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "verbosity", "user", "service_tier", "seed",
    "frequency_penalty", "presence_penalty", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop",
    "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort",
})  # fmt: skip
"""Names that mean OpenAI's field. Any other top-level name is the vendor's own and passes through untouched."""

_AUDIO_TYPES = {"mp3": "audio/mpeg"}


class _FunctionBody(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class _ToolBody(msgspec.Struct):
    function: _FunctionBody


class _CalledBody(msgspec.Struct):
    name: str
    arguments: str | None = None


class _CallBody(msgspec.Struct):
    function: _CalledBody
    id: str = ""


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


class _UrlBody(msgspec.Struct):
    url: str


class _AudioBody(msgspec.Struct):
    data: str
    format: str


class _FileBody(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """An image, a sound or a file in a message: its bytes as base64 `data`, or its `url`, or a vendor's `file_id`.

    `where` is its place in the request, for errors. `detail` is OpenAI's word for an image's resolution.
    """

    kind: Literal["image", "audio", "file"]
    where: str
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    name: str = ""
    detail: str | None = None

    def text(self) -> str:
        """The bytes as UTF-8 text. Raises InvalidRequest where they are none."""
        try:
            return base64.b64decode(self.data).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidRequest(f"The file at {self.where} is not UTF-8 text in base64.", param=self.where) from None

    def unsupported(self, vendor: str, hint: str) -> Unsupported:
        what = "by its address" if self.url else f"of type '{self.media_type}'" if self.media_type else "like this"
        return Unsupported(f"{vendor} takes no {self.kind} {what} (at {self.where}); {hint}.", param=self.where)


class Piece(NamedTuple):
    """One content part: a text, a Media, or (a dict) a part in the vendor's own shape. `part` is what was sent."""

    value: str | Media | Json
    part: Json


class CallMade(NamedTuple):
    """A tool call that the assistant made in an earlier turn; `body` is the whole entry of `tool_calls`."""

    id: str
    name: str
    arguments: Json
    body: Json


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


def native_fields(body: Json, *handled: str) -> Json:
    """The top-level fields that are not OpenAI's, but the vendor's own, less those `handled`."""
    return {name: value for name, value in body.items() if name not in _OPENAI_FIELDS and name not in handled}


def filled(fields: Json) -> Json:
    """The fields without those that are None or empty."""
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def with_native(out: Json, body: Json, *handled: str) -> Json:
    """`out` without its empty fields, under the caller's native ones; objects that both hold are merged.

    `handled` are native names that are in `out` already, translated.
    """
    merged = filled(out)
    for name, value in native_fields(body, *handled).items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **value} if both else value
    return merged


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


def object_in(body: Json, name: str) -> Json:
    """A field that must be an object where it is given; empty where it is not."""
    return _read(body.get(name) or {}, Json, name)


def objects_in(body: Json, name: str, where: str = "") -> list[Json]:
    """A field that must be a list of objects where it is given; empty where it is not."""
    return _read(body.get(name) or [], list[Json], f"{where}.{name}" if where else name)


def content_of(message: Json, where: str) -> Iterator[Piece]:
    """The parts of a message's content in order; empty texts are left out. `where` is such as `messages[0]`."""
    content = message.get("content")
    if isinstance(content, str):
        if content:
            yield Piece(content, message)
        return
    for i, part in enumerate(content or ()):
        value = _value_of(part, f"{where}.content[{i}]")
        if value != "":
            yield Piece(value, part)


def plain_text(message: Json, where: str, vendor: str) -> str:
    """The content as text alone. Raises Unsupported for anything else in it."""
    texts = []
    for value, _ in content_of(message, where):
        if isinstance(value, Media):
            raise value.unsupported(vendor, f"a message of the role '{message.get('role')}' holds text alone")
        texts.append(value if isinstance(value, str) else str(value.get("text") or ""))
    return "\n".join(texts)


def calls_of(message: Json, where: str) -> list[CallMade]:
    """The tool calls of an assistant message, their arguments decoded."""
    calls = []
    for i, body in enumerate(objects_in(message, "tool_calls", where)):
        at = f"{where}.tool_calls[{i}]"
        call = _read(body, _CallBody, at)
        try:
            arguments = msgspec.json.decode(call.function.arguments or "{}")
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"The arguments at {at} are not JSON: {error}.", param=at) from None
        if not isinstance(arguments, dict):
            raise InvalidRequest(f"The arguments at {at} must be a JSON object.", param=at)
        calls.append(CallMade(call.id, call.function.name, arguments, body))
    return calls


def tool_names(messages: list[Json]) -> dict[str, str]:
    """The function's name of every tool call in the conversation, by its id."""
    return {call.id: call.name for i, message in enumerate(messages) for call in calls_of(message, f"messages[{i}]")}


def tools_of(body: Json) -> Tools:
    """The tools on offer. OpenAI's `allowed_tools` leaves only the allowed ones on offer."""
    functions, native = [], []
    for i, tool in enumerate(objects_in(body, "tools")):
        if tool.get("type") == "function":
            given = _read(tool, _ToolBody, f"tools[{i}]").function
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
        name = _read(choice, _NamedChoice, "tool_choice").function.name
        return Tools(functions, native, "required", name, parallel=parallel)
    if choice.get("type") == "allowed_tools":
        allowed = _read(choice, _AllowedChoice, "tool_choice").allowed_tools
        names = {tool.function.name for tool in allowed.tools}
        return Tools([f for f in functions if f.name in names], native, allowed.mode, parallel=parallel)
    return Tools(functions, native, native_choice=choice, parallel=parallel)


def format_of(body: Json) -> Format | None:
    """What `response_format` asks for; None for text."""
    if body.get("response_format") is None:
        return None
    given = _read(body["response_format"], _FormatBody, "response_format")
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
    return None if effort is None else _read(effort, Effort, "reasoning_effort")  # type: ignore[arg-type]


def _value_of(part: Json, where: str) -> str | Media | Json:
    kind = part.get("type")
    if kind in ("text", "refusal"):
        return _read(part.get(kind), str, f"{where}.{kind}")
    if kind == "image_url":
        at = f"{where}.image_url"
        image = part.get("image_url")
        url = image if isinstance(image, str) else _read(image, _UrlBody, at).url
        detail = image.get("detail") if isinstance(image, dict) else None
        media_type, data = _data_url(url, at)
        return Media("image", at, media_type, data, url="" if data else url, detail=detail)
    if kind == "input_audio":
        audio = _read(part.get("input_audio"), _AudioBody, f"{where}.input_audio")
        media_type = _AUDIO_TYPES.get(audio.format, f"audio/{audio.format}")
        return Media("audio", f"{where}.input_audio", media_type, audio.data)
    if kind == "file" and "file" in part:
        at = f"{where}.file"
        file = _read(part["file"], _FileBody, at)
        given = file.file_data or ""
        media_type, data = _data_url(given, at)
        url = given if "://" in given else ""
        bare = given if given and not data and not url else ""  # base64 without a data URL around it
        return Media(
            "file", at, media_type or ("application/pdf" if bare else ""), data or bare,
            url=url, file_id=file.file_id or "", name=file.filename or "",
        )  # fmt: skip
    return part


def _data_url(url: str, where: str) -> tuple[str, str]:
    """(media type, base64) of a data URL (RFC 2397), a pair of empty texts for any other."""
    if not url.startswith("data:"):
        return "", ""
    head, comma, data = url[5:].partition(",")
    media_type, _, encoding = head.rpartition(";")
    if not comma or encoding != "base64" or not data:
        raise InvalidRequest(f"The data URL at {where} must be 'data:<type>;base64,<data>'.", param=where)
    return media_type.partition(";")[0] or "application/octet-stream", data


def _read(value: Any, kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{where}: {error}.", param=where) from None
