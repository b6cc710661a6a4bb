"""The nouns that cross room borders. Requests and answers use the field names of the OpenAI wire format.

A request keeps its whole JSON body, so that fields unknown to us reach the provider untouched; a chunk keeps its
bytes, so that what a provider sends is forwarded without being written anew. Knows nothing of providers or storage.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import msgspec

from pilothouse.errors import InvalidRequest

__all__ = [
    "ChatChunk", "ChatRequest", "ChatResponse", "Citation", "Document", "EmbedRequest", "EmbedResponse", "Hit",
    "Json", "ModelName", "ModelRequest", "Operation", "Section", "SingleRequest", "Usage", "check_body",
    "decode_body", "text_of",
]  # fmt: skip

T = TypeVar("T")

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_HALF_PAIR = re.compile(rb"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]")
Json = dict[str, Any]
Operation = Literal["chat", "text_completion", "messages", "responses"]


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one call. `input_tokens` includes cached and cache-writing ones, `output_tokens` the reasoning ones.

    `estimated` is true where the provider reported none and the figures were counted from the text. `units` is how
    often a price per request is due: the search units of a rerank, else 1.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    units: int = 1

    def to_openai(self) -> Json:
        """The `usage` object of a chat completion."""
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
            "prompt_tokens_details": {
                "cached_tokens": self.cached_tokens,
                "cache_write_tokens": self.cache_write_tokens,
            },
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }


# Names end up in headers, logs and metrics: callers choose them, so they are bounded and printable.
ModelName = Annotated[str, msgspec.Meta(max_length=512, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _ChatBody(msgspec.Struct):
    """What must hold of a chat body before it goes upstream; everything else passes through."""

    model: ModelName
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    tools: list[Json] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stop: str | list[str] | None = None


class _CompletionBody(msgspec.Struct):
    model: ModelName
    prompt: str | list[str | int | list[int]]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None


class _EmbedBody(msgspec.Struct):
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


@dataclass(slots=True)
class ChatRequest:
    """A request for a completion. `body` is the whole decoded JSON, the caller's own to keep.

    `operation` names the dialect of `body`: OpenAI's chat, legacy text completions or responses, Anthropic's messages.
    `translated` is the same request as a chat, for the dialects that are none; what looks into a request looks there.
    `unsaid` names the fields of `body` that a chat cannot express, though the answer would be another without them: a
    provider that has only chat refuses them. `headers` are the caller's own that belong to the request in its dialect
    (`anthropic-beta`, `anthropic-version`): a provider of that dialect forwards them.
    """

    body: Json
    operation: Operation = "chat"
    translated: "ChatRequest | None" = None
    unsaid: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, raw: bytes, operation: Operation = "chat") -> Self:
        """Decode and check a chat or text completion body. Raises InvalidRequest with `param` naming the field."""
        return cls.check(decode_body(raw), operation)

    @classmethod
    def check(cls, body: Json, operation: Operation = "chat") -> Self:
        check_body(body, _ChatBody if operation == "chat" else _CompletionBody)
        if operation == "chat" and not body["messages"]:
            raise InvalidRequest("'messages' is empty: send at least one message.", param="messages")
        return cls(body, operation)

    @property
    def model(self) -> str:
        return self.body["model"]  # type: ignore[no-any-return]

    @property
    def as_chat(self) -> "ChatRequest":
        """This request in the chat dialect, as far as it can be said there."""
        return self.translated or self

    @property
    def messages(self) -> list[Json]:
        """The messages in the chat dialect; of a text completion its prompt as a user message."""
        if self.translated is not None:
            return self.translated.messages
        if self.operation == "text_completion":
            return [{"role": "user", "content": self.last_user_text()}]
        return self.body.get("messages", [])  # type: ignore[no-any-return]

    @property
    def tools(self) -> list[Json]:
        return self.as_chat.body.get("tools") or []

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        """Whether the caller asked for the usage chunk of a stream (`stream_options.include_usage`)."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def max_tokens(self) -> int | None:
        body = self.as_chat.body
        return body.get("max_completion_tokens") or body.get("max_tokens")

    def last_user_text(self) -> str:
        """The text of the last user message, empty when there is none."""
        if self.operation == "text_completion":
            prompt = self.body["prompt"]
            return prompt if isinstance(prompt, str) else ""
        return next((text_of(m.get("content")) for m in reversed(self.messages) if m.get("role") == "user"), "")

    def edited(self, **fields: Any) -> "ChatRequest":
        """A copy with these top-level body fields set, in the translation too; the nested parts are shared."""
        translated = self.translated and self.translated.edited(**fields)
        return ChatRequest({**self.body, **fields}, self.operation, translated, self.unsaid, self.headers)


def text_of(content: Any) -> str:
    """The text of a message's `content`: a string, or the text parts of a list joined by newlines."""
    if isinstance(content, str):
        return content
    return "\n".join(p.get("text") or "" for p in content or () if isinstance(p, dict) and p.get("type") == "text")


@dataclass(slots=True)
class ChatChunk:
    """One step of an answer: an SSE event of a stream, or the whole body of a JSON answer.

    `raw` is the OpenAI-shaped JSON (`chat.completion.chunk`, or `chat.completion` for a JSON answer) as sent or as
    translated. `text` is the content it adds, `reasoning` likewise. `usage` is that of the whole call so far: the
    last chunk that has it counts. `usage_only` marks the extra chunk that `stream_options.include_usage` brings (no
    choices), which is not forwarded to a caller who did not ask for it. `model` is the name under which the provider
    answers, often more exact than the one asked for; the first chunk that has it counts. In the dialects of messages
    and responses `raw` is the data of one of their events, `event` its name, or their whole JSON answer; `tool_calls`
    are then the tool calls in it, or what it adds to them, as a chat would say them.
    """

    raw: bytes
    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    usage_only: bool = False
    model: str | None = None
    event: bytes | None = None
    tool_calls: list[Json] | None = None

    @property
    def data(self) -> Json:
        """`raw`, decoded anew at each call."""
        return msgspec.json.decode(self.raw)  # type: ignore[no-any-return]


@dataclass(slots=True)
class ChatResponse:
    """A whole answer: `data` is the OpenAI `chat.completion` object, `trace_id` finds it among the traces."""

    data: Json
    trace_id: str = ""

    @property
    def text(self) -> str:
        choices = self.data.get("choices") or [{}]
        return text_of((choices[0].get("message") or {}).get("content"))

    @property
    def tool_calls(self) -> list[Json]:
        choices = self.data.get("choices") or [{}]
        return (choices[0].get("message") or {}).get("tool_calls") or []


@dataclass(slots=True)
class SingleRequest:
    """A request with one answer and no stream; `body` is the whole decoded JSON. Its kinds name their operation."""

    body: Json
    operation: ClassVar[str] = ""
    stream: ClassVar[bool] = False

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Decode and check a request body. Raises InvalidRequest with `param` naming the field."""
        return cls.check(decode_body(raw))

    @classmethod
    def check(cls, body: Json) -> Self:
        """The request of a decoded body; each kind checks its own fields."""
        return cls(body)

    @property
    def model(self) -> str:
        return self.body["model"]  # type: ignore[no-any-return]

    def input_texts(self) -> list[str]:
        """Every text that the model is to read."""
        found = []
        for name in ("input", "query", "documents"):
            given = self.body.get(name)
            for item in given if isinstance(given, list) else [given]:
                text = item.get("text") if isinstance(item, dict) else item
                if isinstance(text, str):
                    found.append(text)
        return found

    def most_units(self) -> int:
        """How often a price per request may be due."""
        return 1

    def edited(self, **fields: Any) -> Self:
        """A copy with these top-level body fields set."""
        return type(self)({**self.body, **fields})


class EmbedRequest(SingleRequest):
    """An embeddings request."""

    __slots__ = ()
    operation = "embeddings"

    @classmethod
    def check(cls, body: Json) -> Self:
        check_body(body, _EmbedBody)
        if body["input"] in ("", []):
            raise InvalidRequest("'input' is empty: send a text or a list of texts.", param="input")
        return cls(body)

    @property
    def texts(self) -> list[str]:
        """The inputs as texts. Raises InvalidRequest for token-id inputs, which only the provider can read."""
        given = self.body["input"]
        texts = [given] if isinstance(given, str) else given
        if not all(isinstance(text, str) for text in texts):
            raise InvalidRequest("This model takes texts, not token ids.", param="input")
        return texts


ModelRequest = ChatRequest | SingleRequest


@dataclass(slots=True)
class EmbedResponse:
    """An embeddings answer. `raw` is the OpenAI-shaped JSON body (floats or base64, as the request asked)."""

    raw: bytes
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document with one place: a page (from 1) or a path of headings."""

    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()


@dataclass(slots=True)
class Document:
    """A source that was read. `source` is its path relative to the ingested folder; `metadata` is free."""

    source: str
    title: str
    sections: list[Section]
    metadata: Json = field(default_factory=dict)

    def __iter__(self) -> Iterator[Section]:
        return iter(self.sections)


@dataclass(frozen=True)
class Hit:
    """A chunk that a retriever found. `score` is the ranking score, higher is better; `ranks` holds each
    retriever's own rank (from 1), such as `{"dense": 3, "bm25": 1}`."""

    chunk_id: str
    text: str
    source: str
    title: str = ""
    page: int | None = None
    headings: tuple[str, ...] = ()
    score: float = 0.0
    ranks: dict[str, int] = field(default_factory=dict)

    @cached_property
    def place(self) -> str:
        """Where it stands, for people: `report.pdf, page 3` or `guide.md, Setup > Keys`."""
        if self.page is not None:
            return f"{self.source}, page {self.page}"
        return f"{self.source}, {' > '.join(self.headings)}" if self.headings else self.source


@dataclass(frozen=True, slots=True)
class Citation:
    """A source that an answer cites as `[number]`."""

    number: int
    chunk_id: str
    source: str
    place: str
    page: int | None = None
    headings: tuple[str, ...] = ()
