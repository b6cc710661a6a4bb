"""The nouns that cross room borders. Requests and answers use the field names of the OpenAI wire format.

A request keeps its whole JSON body, so that fields unknown to us reach the provider untouched; a chunk keeps its
bytes, so that what a provider sends is forwarded without being written anew. Knows nothing of providers or storage.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import msgspec

from pilothouse.bodies import (
    ChatBody,
    CompletionBody,
    EmbedBody,
    Json,
    ModelName,
    PromptedBody,
    PromptField,
    check_body,
    decode_body,
)
from pilothouse.errors import InvalidRequest

__all__ = [
    "MADE_FROM", "PROMPT_MODEL", "ChatChunk", "ChatRequest", "ChatResponse", "Citation", "Document", "EmbedRequest",
    "EmbedResponse", "Hit", "Json", "ModelName", "ModelRequest", "Operation", "PromptField", "Section",
    "SingleRequest", "Usage", "check_body", "decode_body", "names_prompt", "prompt_model", "text_of", "unmarked",
]  # fmt: skip

Operation = Literal["chat", "text_completion", "messages", "responses"]

PROMPT_MODEL = "prompt:"
"""How a model's name begins that stands for a prompt of the registry and all that goes with it."""
MADE_FROM = "made_from_prompt"
"""The key of a recorded request under which it says from which prompt and variables it was made. Nobody sends it."""


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


def names_prompt(body: Json) -> bool:
    """Whether a body names a prompt of the registry, in `prompt` or as its model."""
    if isinstance(body.get("prompt"), dict):
        return True
    model = body.get("model")
    return isinstance(model, str) and model.startswith(PROMPT_MODEL)


def prompt_model(body: Json) -> str:
    """The prompt that a body names as the name of a model, without version and label where it stands in `prompt`."""
    prompt = body.get("prompt")
    named = prompt.get("name") or prompt.get("id") if isinstance(prompt, dict) else None
    return str(body.get("model")) if named is None else f"{PROMPT_MODEL}{named}"


def unmarked(body: Json) -> Json:
    """A body without what only a record of it says."""
    return body if MADE_FROM not in body else {name: value for name, value in body.items() if name != MADE_FROM}


@dataclass(slots=True)
class ChatRequest:
    """A request for a completion. `body` is the whole decoded JSON, the caller's own to keep.

    `operation` names the dialect of `body`: OpenAI's chat, legacy text completions or responses, Anthropic's messages.
    `translated` is the same request as a chat, for the dialects that are none; what looks into a request looks there.
    `unsaid` names the fields of `body` that a chat cannot express, though the answer would be another without them: a
    provider that has only chat refuses them. `headers` are the caller's own that belong to the request in its dialect
    (`anthropic-beta`, `anthropic-version`): a provider of that dialect forwards them. A body that names a prompt
    (`names_prompt`) may lack what that says; the gateway makes the whole request of it.
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
        body = unmarked(body)
        if operation == "chat" and names_prompt(body):
            check_body(body, PromptedBody)
            return cls(body, operation)
        if operation == "chat" and "messages" not in body and body.get("prompt") is not None:
            told = """'prompt' is an object here, {"name": "answer", "variables": {...}}; else a chat has 'messages'."""
            raise InvalidRequest(told, param="prompt")
        check_body(body, ChatBody if operation == "chat" else CompletionBody)
        if operation == "chat" and not body["messages"]:
            raise InvalidRequest("'messages' is empty: send at least one message.", param="messages")
        return cls(body, operation)

    @property
    def model(self) -> str:
        """The model that is asked for: `prompt:NAME` where that is up to a prompt."""
        model = self.body.get("model")
        return prompt_model(self.body) if model is None else model

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
        return self.body.get("messages") or []

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
    """A whole answer: `data` is the OpenAI `chat.completion` object, `trace_id` finds it among the traces. `cost_nano`
    is in nano-USD, None where nothing says what it cost."""

    data: Json
    trace_id: str = ""
    cost_nano: int | None = None

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
        check_body(body, EmbedBody)
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
