"""Cohere's API (v2). The translation is in cohere_wire.py, this is its door.

Options: `input_type`, what embeddings are for where a request does not say (search_document). They go out in batches
of at most 96 texts, Cohere's limit.
"""

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

from pilothouse.call import Call
from pilothouse.errors import ProviderAuth, ProviderError, ProviderTimeout, ProviderUnavailable
from pilothouse.providers.cohere_wire import ChatReader, billed, to_chat
from pilothouse.providers.completion import Completion
from pilothouse.providers.parameters import filled, native_embed_fields, tools_of
from pilothouse.providers.reranking import ranked, scored
from pilothouse.providers.translated import TranslatingProvider, Translation
from pilothouse.single import RerankRequest
from pilothouse.types import ChatRequest, EmbedRequest, EmbedResponse, Json

__all__ = ["CohereProvider"]

_BATCH = 96
_PAGE = 1000
_INVALID_TOKEN = 498


class CohereProvider(TranslatingProvider):
    """Command and Embed models by Cohere."""

    operations = frozenset({"chat", "embeddings", "rerank"})
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
        asked = {
            "model": request.model,
            "input_type": self.config.options.get("input_type", "search_document"),
            "embedding_types": ["float"],
            **filled({"output_dimension": request.body.get("dimensions")}),
            **native_embed_fields(request.body),
        }

        async def batch(texts: list[str]) -> tuple[list[list[float]], int | None]:
            body, _ = await self.post_json(f"{self.base_url}/v2/embed", {**asked, "texts": texts}, call)
            return self.reading(_embedded, body)

        return await self.embed_in_batches(request, _BATCH, batch)

    async def rerank(self, request: RerankRequest, call: Call) -> EmbedResponse:
        """Cohere takes texts alone and gives none back: documents are put in here."""
        asked = {**request.body, "documents": request.texts}
        asked.pop("return_documents", None)
        body, _ = await self.post_json(f"{self.base_url}/v2/rerank", asked, call)
        return self.reading(_ranked, request, body)

    async def models(self) -> list[str]:
        return await self.named_on_pages(f"{self.base_url}/v1/models?page_size={_PAGE}", _models)


def _embedded(body: Json) -> tuple[list[list[float]], int | None]:
    used = billed(body.get("meta"))
    return body["embeddings"]["float"], None if used is None else used.input_tokens


def _ranked(request: RerankRequest, body: Json) -> EmbedResponse:
    meta = body.get("meta") or {}
    return ranked(request, request.model, scored(body["results"]), billed(meta), id=body.get("id"), meta=meta)


def _models(body: Json) -> tuple[list[str], str]:
    """The names on a page of models, and the query of the next page."""
    token = body.get("next_page_token")
    return [model["name"] for model in body["models"]], f"&page_token={quote(token, safe='')}" if token else ""
