"""What must hold of the body of a request, and how it is read. Everything that is not named here passes through.

Knows nothing of what becomes of a request.
"""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from pilothouse.errors import InvalidRequest

__all__ = [
    "ChatBody", "CompletionBody", "EmbedBody", "Json", "ModelName", "PromptField", "PromptedBody", "check_body",
    "decode_body",
]  # fmt: skip

T = TypeVar("T")

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_HALF_PAIR = re.compile(rb"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]")
Json = dict[str, Any]

# Names end up in headers, logs and metrics: callers choose them, so they are bounded and printable.
ModelName = Annotated[str, msgspec.Meta(max_length=512, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class PromptField(msgspec.Struct, forbid_unknown_fields=True):
    """A prompt of the registry as a request names it. `id` is OpenAI's word for its name; a `version` that is no number
    is a label."""

    name: ModelName | None = None
    id: ModelName | None = None
    version: int | Annotated[str, msgspec.Meta(max_length=64)] | None = None
    label: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    variables: Json | None = None


class _ChatFields(msgspec.Struct):
    """What must hold of a chat body before it goes upstream."""

    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    tools: list[Json] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stop: str | list[str] | None = None


class ChatBody(_ChatFields, kw_only=True):
    """The same of a whole chat."""

    model: ModelName
    messages: list[_Message]


class PromptedBody(_ChatFields, kw_only=True):
    """A chat body whose prompt says the rest."""

    model: ModelName | None = None
    messages: list[_Message] | None = None
    prompt: PromptField | None = None


class CompletionBody(msgspec.Struct):
    """The same of a text completion."""

    model: ModelName
    prompt: str | list[str | int | list[int]]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None


class EmbedBody(msgspec.Struct):
    """The same of an embeddings request."""

    model: ModelName
    input: str | list[str | int | list[int]]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


def decode_body(raw: bytes) -> Json:
    """The JSON object that a request body is. Raises InvalidRequest."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The request body is not valid JSON: {_fault(raw, error)}.") from None
    if not isinstance(body, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    return body


def _fault(raw: bytes, error: Exception) -> str:
    """What is wrong with these bytes, where the decoder's own words would not say."""
    if not raw or raw.startswith(_MARKS):
        return "it must be UTF-8, without a byte order mark" if raw else "it is empty"
    cut = "a text holds half of a surrogate pair, as one does that was cut within an emoji"
    return cut if _HALF_PAIR.search(raw) else str(error)


def check_body(body: Json, shape: type[T]) -> T:
    """The body as `shape` reads it. Raises InvalidRequest with `param` naming the field."""
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        param = path.rstrip("`").lstrip(".") or None
        raise InvalidRequest(f"{what}{f' (at {param})' if param else ''}.", param=param) from None
