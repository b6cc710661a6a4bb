"""Anthropic's Messages API, asked in its own words (anthropic_native.py) or by a chat (anthropic_wire.py).

This is the door to both: addresses, headers, errors, models, and the counting of tokens.

Options: `max_tokens`, the limit of an answer where the caller sets none (16384), and `api_version`. The latter stays
at 2023-06-01 because 2026-10-21 refuses `temperature` and `top_p`, which OpenAI clients send. `batch` says whether the
server has the Message Batches API, which is known of api.anthropic.com alone.
"""

from collections.abc import AsyncGenerator
from typing import ClassVar
from urllib.parse import quote

import msgspec

from pilothouse.call import Call
from pilothouse.config import ProviderConfig
from pilothouse.errors import ConfigError, InvalidRequest, ProviderError, Unsupported
from pilothouse.providers.anthropic_batch import AnthropicBatches
from pilothouse.providers.anthropic_native import NativeReader, caller_headers, forwarded
from pilothouse.providers.anthropic_wire import MessagesReader, to_messages
from pilothouse.providers.base import Exchange
from pilothouse.providers.batch_api import BatchApi
from pilothouse.providers.completion import Completion
from pilothouse.providers.sse import SseReader
from pilothouse.providers.translated import TranslatingProvider, Translation
from pilothouse.types import ChatChunk, ChatRequest, Json, ModelRequest

__all__ = ["AnthropicProvider"]

_API_VERSION = "2023-06-01"
_MAX_TOKENS = 16_384
_PAGE = 1000


class AnthropicProvider(TranslatingProvider):
    """Claude by Anthropic, or a server that speaks its format. Anthropic offers no embeddings."""

    operations = frozenset({"chat", "messages"})
    default_base_url: ClassVar[str] = "https://api.anthropic.com"
    known_options = frozenset({"max_tokens", "api_version", "batch"})

    def __init__(self, name: str, config: ProviderConfig) -> None:
        super().__init__(name, config)
        self._root = self.base_url.removesuffix("/v1") + "/v1"
        self._max_tokens = config.options.get("max_tokens", _MAX_TOKENS)
        if not isinstance(self._max_tokens, int) or self._max_tokens < 1:
            where = f"providers.{name}.options.max_tokens"
            raise ConfigError(f"{where}: must be a number of tokens above 0.", param=where)

    def auth_headers(self) -> dict[str, str]:
        version = str(self.config.options.get("api_version", _API_VERSION))
        return {"anthropic-version": version, **({"x-api-key": self.api_key} if self.api_key else {})}

    def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        return self._messages(request, call) if request.operation == "messages" else super().chat(request, call)

    async def count_tokens(self, request: ChatRequest, call: Call) -> Json:
        """The answer of Anthropic's own count, such as `{"input_tokens": 12}`; nothing is billed for it."""
        async with self._asked("messages/count_tokens", request, call) as response:
            raw = await self.whole(response)
        return self.reading(lambda: msgspec.json.decode(raw, type=Json))

    async def _messages(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        reader = NativeReader()
        async with self._asked("messages", request, call) as response:
            if not request.stream:
                yield self.reading(reader.whole, await self.whole(response))
                return
            frames, begun = SseReader(), False
            async for fragment in response:
                for data in frames.feed(fragment):
                    begun = True
                    yield self._event(reader, data)
                if reader.done:
                    break
            for data in frames.finish():
                yield self._event(reader, data)
            if not reader.done:
                raise self.broken_off() if begun else self.protocol_error("streamed nothing in its documented format")
            await self.stream_end(response)

    def _event(self, reader: NativeReader, data: bytes) -> ChatChunk:
        chunk = self.reading(reader.feed, data)
        if reader.failed:
            raise self.error_in_stream(data)
        return chunk

    def _asked(self, path: str, request: ChatRequest, call: Call) -> Exchange:
        try:
            raw = msgspec.json.encode(forwarded(request.body))
        except RecursionError:
            raise InvalidRequest("The request is nested too deeply.") from None
        return self.post(f"{self._root}/{path}", raw, call, caller_headers(request.headers, self.headers))

    def translated(self, request: ChatRequest) -> Translation:
        body = to_messages(request, self._max_tokens)
        return Translation(f"{self._root}/messages", body, MessagesReader(Completion(request.model)))

    def failure_in(self, data: Json) -> ProviderError | None:
        return self.error_in_stream(msgspec.json.encode(data)) if data["type"] == "error" else None

    @property
    def batches(self) -> BatchApi | None:
        """Its batch API, where it has one: that of api.anthropic.com, or of a server whose option `batch` says so."""
        if not self.config.options.get("batch", self.base_url == self.default_base_url):
            return None
        return AnthropicBatches(self, self._root, self._batch_body, self._batch_answer)

    def _batch_body(self, request: ModelRequest) -> Json:
        if not isinstance(request, ChatRequest):
            raise Unsupported(f"'{request.model}' has no {request.operation}.", param="model")
        return forwarded(request.body) if request.operation == "messages" else to_messages(request, self._max_tokens)

    def _batch_answer(self, operation: str, model: str, raw: bytes) -> ChatChunk:
        if operation == "messages":
            return self.reading(NativeReader().whole, raw)
        return self.reading(lambda: MessagesReader(Completion(model)).whole(msgspec.json.decode(raw, type=Json)))

    async def models(self) -> list[str]:
        return await self.named_on_pages(f"{self._root}/models?limit={_PAGE}", _models)


def _models(body: Json) -> tuple[list[str], str]:
    """The names on a page of models, and the query of the next page."""
    names = [model["id"] for model in body["data"]]
    return names, f"&after_id={quote(names[-1], safe='')}" if body.get("has_more") else ""
