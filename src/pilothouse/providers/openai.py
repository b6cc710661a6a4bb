"""OpenAI, and every server that speaks its format: vLLM, TGI, Ollama, llama.cpp, Groq, Mistral, Together, Azure.

The format is the house's own, so bodies pass through: a request is encoded once, an answer is forwarded as it came
and only the few fields that the gateway counts by are read from it.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import msgspec
from yarl import URL

from pilothouse.call import Call
from pilothouse.config import ProviderConfig
from pilothouse.errors import ProviderProtocolError
from pilothouse.providers.base import HttpProvider
from pilothouse.providers.batch_api import BatchApi
from pilothouse.providers.failures import UNREADABLE
from pilothouse.providers.grammar import constrained
from pilothouse.providers.openai_batch import OpenAIBatches
from pilothouse.providers.openai_responses import HELD, LAST, native_body, read_event, read_response
from pilothouse.providers.reranking import ranked, scored
from pilothouse.providers.sse import SseReader
from pilothouse.providers.usage import counted, openai_usage, part_of
from pilothouse.single import ModerationRequest, RerankRequest
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse, Json, ModelRequest, text_of

__all__ = ["OpenAIProvider"]

_PATHS = {
    "chat": "chat/completions", "text_completion": "completions", "embeddings": "embeddings", "models": "models",
    "responses": "responses", "moderations": "moderations",
}  # fmt: skip
_NOT_DEPLOYED = ("models", "responses")
"""Paths that Azure does not put under a deployment."""
_AZURE_RESPONSES = "2025-03-01-preview"
"""The first of Azure's dated versions with the Responses API, as its own error message says."""


class _Part(msgspec.Struct):
    """A `delta` or a `message`. vLLM and DeepSeek say `reasoning_content`, OpenRouter and Groq `reasoning`; Mistral
    streams lists of parts as `content`."""

    content: str | list[Json] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    delta: _Part | None = None
    message: _Part | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Groq(msgspec.Struct):
    usage: Any = None


class _Answer(msgspec.Struct):
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: _Groq | None = None


class _Moderated(msgspec.Struct):
    results: list[msgspec.Raw]


class _Embedded(msgspec.Struct):
    data: msgspec.Raw
    usage: Any = None


_read_answer = msgspec.json.Decoder(_Answer).decode
_read_embedded = msgspec.json.Decoder(_Embedded).decode
_read_moderated = msgspec.json.Decoder(_Moderated).decode
_DONE = b"[DONE]"
_BATCHED = ("chat", "text_completion", "embeddings", "responses")
_encode = msgspec.json.Encoder().encode


class OpenAIProvider(HttpProvider):
    """Options: `api_version` makes it Azure (base_url is the resource's, models are deployment names);
    `stream_usage: false` is for servers that refuse `stream_options`; `responses` says whether the server has OpenAI's
    Responses API, which is known of api.openai.com and of Azure's versions alone, `moderations` whether it moderates,
    which is known of api.openai.com. Other servers than those two may rerank: at `rerank_path`, which is `rerank` below
    base_url and counts from the server's root where it begins with a slash. `rerank_format: tei` is for Text Embeddings
    Inference, which has a shape of its own. `batch` says whether the server has the Batch API, as api.openai.com.
    `grammar: true` is for llama.cpp: what `response_format` asks for goes as a grammar."""

    operations = frozenset({"chat", "text_completion", "embeddings"})
    default_base_url = "https://api.openai.com/v1"
    known_options = frozenset(
        {"api_version", "batch", "grammar", "moderations", "rerank_format", "rerank_path", "responses", "stream_usage"}
    )

    def __init__(self, name: str, config: ProviderConfig) -> None:
        version = config.options.get("api_version")
        self._api_version = None if version is None else str(version)  # YAML reads 2024-10-21 as a date
        self._stream_usage = config.options.get("stream_usage", True) is not False
        self._grammar = config.options.get("grammar") is True
        super().__init__(name, config)
        if self._has_responses():
            self.operations = self.operations | {"responses"}
        official = self.base_url == self.default_base_url
        if config.options.get("moderations", official):
            self.operations = self.operations | {"moderations"}
        if not official and version is None:
            self.operations = self.operations | {"rerank"}
        self._urls = {operation: URL(f"{self.base_url}/{path}") for operation, path in _PATHS.items()}
        self._urls["rerank"] = self._rerank_url(str(config.options.get("rerank_path", "rerank")))
        self._tei = config.options.get("rerank_format") == "tei"

    def auth_headers(self) -> dict[str, str]:
        if self._api_version is not None and self.api_key:
            return {"api-key": self.api_key}
        return super().auth_headers()

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        if request.operation == "responses":
            async with aclosing(self._respond(request, call)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        body, stream = request.body, request.stream
        if self._grammar and request.operation == "chat":
            body = constrained(body)
        if stream and self._stream_usage:
            body = {**body, "stream_options": {**(body.get("stream_options") or {}), "include_usage": True}}
        async with self.post(self._url(request.operation, request.model), _encode(body), call) as response:
            if not stream:
                yield self._chunk(await self.whole(response))
                return
            if "json" in response.headers.get("content-type", ""):
                self._chunk(await self.whole(response))
                raise self.protocol_error("answered a stream request without streaming")
            reader, begun, finished = SseReader(), False, False
            async for fragment in response:
                for data in reader.feed(fragment):
                    if data == _DONE:
                        await self.stream_end(response)
                        return
                    chunk = self._chunk(data)
                    begun, finished = True, finished or chunk.finish_reason is not None
                    yield chunk
            for chunk in self._after_the_end(reader.finish(), begun, finished):
                yield chunk

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        async with self.post(self._url("embeddings", request.model), _encode(request.body), call) as response:
            raw = await self.whole(response)
        answer = self._embedded(raw)
        return EmbedResponse(raw, openai_usage(answer.usage))

    def _embedded(self, raw: bytes) -> _Embedded:
        try:
            return _read_embedded(raw)
        except UNREADABLE as error:
            raise self.protocol_error(f"answered with no embeddings ({error})") from error

    async def rerank(self, request: RerankRequest, call: Call) -> EmbedResponse:
        body = {"query": request.query, "texts": request.texts} if self._tei else request.body
        async with self.post(self._url("rerank", request.model), _encode(body), call) as response:
            raw = await self.whole(response)
        try:
            return _read_ranked(request, raw)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, *UNREADABLE) as error:
            raise self.protocol_error(f"answered outside the format of a rerank ({error!r})") from error

    async def moderate(self, request: ModerationRequest, call: Call) -> EmbedResponse:
        async with self.post(self._url("moderations", request.model), _encode(request.body), call) as response:
            raw = await self.whole(response)
        try:
            _read_moderated(raw)
        except UNREADABLE as error:
            raise self.protocol_error(f"answered with no moderation ({error})") from error
        return EmbedResponse(raw)

    @property
    def batches(self) -> BatchApi | None:
        """Its batch API, where it has one: that of api.openai.com, or of a server whose option `batch` says so."""
        if not self.config.options.get("batch", self.base_url == self.default_base_url) or self._api_version:
            return None
        operations = self.operations & frozenset(_BATCHED)
        return OpenAIBatches(self, operations, _batch_body, self._batch_answer)

    def _batch_answer(self, operation: str, raw: bytes) -> ChatChunk:
        if operation == "responses":
            return self._whole_response(raw)
        if operation == "embeddings":
            answer = self._embedded(raw)
            return ChatChunk(raw, usage=openai_usage(answer.usage))
        return self._chunk(raw)

    async def models(self) -> list[str]:
        answer = await self.get_json(self._url("models", ""))
        rows = answer.get("data") if isinstance(answer, dict) else answer
        return [row["id"] for row in rows or () if isinstance(row, dict) and isinstance(row.get("id"), str)]

    async def _respond(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        """The same course in the Responses dialect, whose streams end with an event of their own."""
        url = self._url("responses", request.model)
        async with self.post(url, _encode(native_body(request.body)), call) as response:
            if not request.stream:
                yield self._whole_response(await self.whole(response))
                return
            if "json" in response.headers.get("content-type", ""):
                self._whole_response(await self.whole(response))
                raise self.protocol_error("answered a stream request without streaming")
            reader, held, events = SseReader(), list[ChatChunk](), 0
            async for fragment in response:
                for data in reader.feed(fragment):
                    chunk = self._event(data)
                    events += 1
                    if chunk.event in HELD:
                        held.append(chunk)
                        continue
                    for waiting in held:
                        yield waiting
                    held.clear()
                    yield chunk
                    if chunk.event in LAST:
                        await self.stream_end(response)
                        return
            last = self._last_event(reader.finish())
            if last is None:
                raise self.broken_off() if events else self.protocol_error("answered a stream request with no events")
            for chunk in (*held, last):
                yield chunk

    def _last_event(self, left: list[bytes]) -> ChatChunk | None:
        """The closing event of a stream that ended without its last blank line."""
        for data in left:
            try:
                chunk = self._event(data)
            except ProviderProtocolError as error:
                raise self.broken_off() from error
            if chunk.event in LAST:
                return chunk
        return None

    def _whole_response(self, raw: bytes) -> ChatChunk:
        try:
            status, chunk = read_response(raw)
        except UNREADABLE as error:
            raise self.protocol_error(f"answered outside the Responses format ({error})") from error
        if status == "failed" or (status is None and self.describe(raw)[0]):
            raise self.error_in_stream(raw)
        if status is None:
            raise self.protocol_error("answered without a response")
        return chunk

    def _event(self, raw: bytes) -> ChatChunk:
        try:
            event, chunk = read_event(raw)
        except UNREADABLE as error:
            raise self.protocol_error(f"answered outside the Responses format ({error})") from error
        if event.failure is not None:
            raise self.error_in_stream(event.failure or raw)
        return chunk

    def _rerank_url(self, path: str) -> URL:
        return URL(self.base_url).origin() / path.lstrip("/") if path[:1] == "/" else URL(f"{self.base_url}/{path}")

    def _has_responses(self) -> bool:
        wanted = self.config.options.get("responses")
        if wanted is not None:
            return bool(wanted)
        if self._api_version is None:
            return self.base_url == self.default_base_url
        return self._api_version[:4].isdigit() and self._api_version >= _AZURE_RESPONSES

    def _url(self, operation: str, model: str) -> URL:
        if self._api_version is None:
            return self._urls[operation]
        place = "" if operation in _NOT_DEPLOYED else f"deployments/{quote(model, safe='')}/"
        address = f"{self.base_url}/openai/{place}{_PATHS[operation]}?api-version={quote(self._api_version)}"
        return URL(address, encoded=True)

    def _chunk(self, raw: bytes) -> ChatChunk:
        """An event or a whole body as a chunk. Raises the ProviderError that it tells of, or ProviderProtocolError."""
        try:
            answer = _read_answer(raw)
        except UNREADABLE as error:
            raise self.protocol_error(f"answered outside the OpenAI format ({error})") from error
        choices = answer.choices
        if choices is None or answer.error:
            if self.describe(raw)[0]:
                raise self.error_in_stream(raw)
            raise self.protocol_error("answered without choices")
        usage = answer.usage or (answer.x_groq.usage if answer.x_groq else None)
        chunk = ChatChunk(raw, usage=openai_usage(usage), model=answer.model)
        for choice in choices:
            part = choice.delta or choice.message
            if part is not None:
                content = part.content
                if content:
                    chunk.text += content if isinstance(content, str) else text_of(content)
                chunk.reasoning += part.reasoning_content or part.reasoning or _thinking(content)
            elif choice.text:
                chunk.text += choice.text
            chunk.finish_reason = choice.finish_reason or chunk.finish_reason
        chunk.usage_only = not choices and chunk.usage is not None
        return chunk

    def _after_the_end(self, left: list[bytes], begun: bool, finished: bool) -> Iterator[ChatChunk]:
        """What to make of a stream that ended without `[DONE]`. Raises unless its answer was complete."""
        for data in left:
            if data == _DONE:
                return
            try:
                chunk = self._chunk(data)
            except ProviderProtocolError as error:
                raise self.broken_off() from error
            begun, finished = True, finished or chunk.finish_reason is not None
            yield chunk
        if not begun:
            raise self.protocol_error("answered a stream request with no events")
        if not finished:
            raise self.broken_off()


def _read_ranked(request: RerankRequest, raw: bytes) -> EmbedResponse:
    """From the shape of Cohere, Jina and vLLM (`results`), Voyage (`data`) or Text Embeddings Inference (a list)."""
    body = msgspec.json.decode(raw)
    if isinstance(body, list):
        return ranked(request, request.model, scored(body), None)
    told = part_of(body, "usage") or part_of(part_of(body, "meta"), "tokens")
    tokens = told.get("prompt_tokens") or told.get("input_tokens") or told.get("total_tokens")
    rows = body["results"] if "results" in body else body["data"]
    more = {name: body[name] for name in ("id", "meta") if name in body}
    return ranked(request, body.get("model") or request.model, scored(rows), counted(tokens, None), **more)


def _batch_body(request: ModelRequest) -> Json:
    return native_body(request.body) if request.operation == "responses" else request.body


def _thinking(content: str | list[Json] | None) -> str:
    """The text of Mistral's `thinking` parts."""
    parts = content if isinstance(content, list) else ()
    return "".join(text_of(part.get("thinking")) for part in parts if part.get("type") == "thinking")
