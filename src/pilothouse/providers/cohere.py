"""Cohere's API (v2). The translation is in cohere_wire.py, this is its door.

Options: `input_type`, what embeddings are for where a request does not say (search_document). They go out in batches
of at most 96 texts, Cohere's limit.
"""

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

from pilothouse.call import Call
from pilothouse.errors import ProviderAuth, ProviderError, ProviderTimeout, ProviderUnavailable
from pilothouse.providers.cohere_wire import ChatReader, to_chat
from pilothouse.providers.completion import Completion, embeddings
from pilothouse.providers.parameters import tools_of
from pilothouse.providers.translated import TranslatingProvider, Translation
from pilothouse.types import ChatRequest, EmbedRequest, EmbedResponse, Json, Usage

__all__ = ["CohereProvider"]

_BATCH = 96
_PAGE = 1000
_INVALID_TOKEN = 498
_OPENAI_EMBED = frozenset({"model", "input", "encoding_format", "user", "dimensions"})


class CohereProvider(TranslatingProvider):
    """Command and Embed models by Cohere."""

    operations = frozenset({"chat", "embeddings"})
    default_base_url: ClassVar[str] = "https://api.cohere.com"
    known_options = frozenset({"input_type"})

    def translated(self, request: ChatRequest) -> Translation:
        completion = Completion(request.model, one_call=not tools_of(request.body).parallel)
        return Translation(f"{self.base_url}/v2/chat", to_chat(request), ChatReader(completion))

    def failure_in(self, data: Json) -> ProviderError | None:
        """An answer may end in ERROR or TIMEOUT, in a stream by its last event."""
        end = data["delta"] if data.get("type") == "message-end" else data
        text = f"Provider '{self.name}' broke off its answer: {end.get('error') or end.get('finish_reason')}."
        match end.get("finish_reason"):
            case "ERROR":
                return ProviderUnavailable(text, provider=self.name)
            case "TIMEOUT":
                return ProviderTimeout(text, provider=self.name)
        return None

    def error_from(self, status: int, raw: bytes, headers: Mapping[str, str]) -> ProviderError:
        error = super().error_from(status, raw, headers)
        if status == _INVALID_TOKEN:
            return ProviderAuth(error.message, provider=self.name, upstream_status=status)
        return error

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Fields that are not OpenAI's, such as `input_type` and `truncate`, go along untouched."""
        asked: Json = {
            "model": request.model,
            "input_type": self.config.options.get("input_type", "search_document"),
            "embedding_types": ["float"],
        }
        if request.body.get("dimensions") is not None:
            asked["output_dimension"] = request.body["dimensions"]
        asked |= {name: value for name, value in request.body.items() if name not in _OPENAI_EMBED}
        vectors: list[list[float]] = []
        tokens: list[float | None] = []
        texts = request.texts
        for start in range(0, len(texts), _BATCH):
            batch = {**asked, "texts": texts[start : start + _BATCH]}
            body, _ = await self.post_json(f"{self.base_url}/v2/embed", batch, call)
            vectors += self.reading(lambda body: body["embeddings"]["float"], body)
            billed = (body.get("meta") or {}).get("billed_units") or {}
            tokens.append(billed.get("input_tokens"))
        usage = None if None in tokens else Usage(int(sum(count or 0 for count in tokens)))
        return embeddings(vectors, request.model, usage, request.body.get("encoding_format"))

    async def models(self) -> list[str]:
        names: list[str] = []
        token = ""
        while True:
            body = await self.get_json(f"{self.base_url}/v1/models?page_size={_PAGE}{token}")
            names += self.reading(lambda body: [model["name"] for model in body["models"]], body)
            if not body.get("next_page_token"):
                return names
            token = f"&page_token={quote(body['next_page_token'], safe='')}"
