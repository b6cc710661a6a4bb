"""Google's Gemini API (generativelanguage.googleapis.com). The translation is in google_wire.py, this is its door.

Options: `api_version` (v1beta). Embeddings go out in batches of at most 100, Google's limit.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
from yarl import URL

from pilothouse.call import Call
from pilothouse.config import ProviderConfig
from pilothouse.errors import (
    ContentFiltered,
    ProviderAuth,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
)
from pilothouse.providers.completion import Completion
from pilothouse.providers.failures import UNREADABLE
from pilothouse.providers.google_wire import UNUSABLE, ContentReader, to_contents, usage_of
from pilothouse.providers.parameters import filled, native_embed_fields, tools_of
from pilothouse.providers.translated import TranslatingProvider, Translation
from pilothouse.types import ChatRequest, EmbedRequest, EmbedResponse, Json

__all__ = ["GoogleProvider"]

_BATCH = 100
_PAGE = 1000


class GoogleProvider(TranslatingProvider):
    """Gemini by Google, with an API key."""

    operations = frozenset({"chat", "embeddings"})
    default_base_url: ClassVar[str] = "https://generativelanguage.googleapis.com"
    known_options = frozenset({"api_version"})

    def __init__(self, name: str, config: ProviderConfig) -> None:
        super().__init__(name, config)
        self._root = f"{self.base_url}/{config.options.get('api_version', 'v1beta')}"

    def auth_headers(self) -> dict[str, str]:
        return {"x-goog-api-key": self.api_key} if self.api_key else {}

    def translated(self, request: ChatRequest) -> Translation:
        body = to_contents(request)
        method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
        one_call = not tools_of(request.body).parallel
        return Translation(
            self._url(request.model, method), body, ContentReader(Completion(request.model, one_call=one_call))
        )

    def failure_in(self, data: Json) -> ProviderError | None:
        if "error" in data:
            return self.error_from(int(data["error"].get("code") or 500), msgspec.json.encode(data), {})
        candidate: Json = (data.get("candidates") or [{}])[0]
        reason, why = candidate.get("finishReason"), candidate.get("finishMessage") or ""
        if reason in UNUSABLE:
            return ProviderUnavailable(f"Provider '{self.name}' spoilt its answer: {reason}. {why}", provider=self.name)
        if reason == "MISSING_THOUGHT_SIGNATURE":
            text = f"Provider '{self.name}' misses extra_content.google.thought_signature on a tool call. {why}"
            return ProviderRejected(text, provider=self.name)
        if reason == "PUP_LIMITED_DISABLED":  # Google's Prohibited Use Policy
            return ProviderAuth(f"Provider '{self.name}' has a limited or disabled account. {why}", provider=self.name)
        blocked = (data.get("promptFeedback") or {}).get("blockReason")
        if blocked and not candidate:
            return ContentFiltered(f"Provider '{self.name}' blocked the prompt: {blocked}.", provider=self.name)
        return None

    def error_from(self, status: int, raw: bytes, headers: Mapping[str, str]) -> ProviderError:
        """A bad key is a 400 with a reason among Google's error details; a 429 says there when to come back."""
        error = super().error_from(status, raw, headers)
        details = _details(raw)
        if status == 400 and any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
            return ProviderAuth(error.message, provider=self.name, upstream_status=status)
        if status == 429:  # whose message speaks of billing and token counts, whatever the quota was
            wait = next((_seconds(detail["retryDelay"]) for detail in details if "retryDelay" in detail), None)
            return RateLimited(
                error.message, provider=self.name, upstream_status=status, retry_after=wait or error.retry_after
            )
        return error

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Fields that are not OpenAI's, such as `taskType`, go to every text."""
        name = request.model if "/" in request.model else f"models/{request.model}"
        more = filled({"outputDimensionality": request.body.get("dimensions")}) | native_embed_fields(request.body)

        async def batch(texts: list[str]) -> tuple[list[list[float]], int | None]:
            asked = [{"model": name, "content": {"parts": [{"text": text}]}, **more} for text in texts]
            body, _ = await self.post_json(self._url(request.model, "batchEmbedContents"), {"requests": asked}, call)
            return self.reading(_embedded, body)

        return await self.embed_in_batches(request, _BATCH, batch)

    async def models(self) -> list[str]:
        return await self.named_on_pages(f"{self._root}/models?pageSize={_PAGE}", _models)

    def _url(self, model: str, method: str) -> URL:
        """`model` is a name, or a path such as tunedModels/name, and leads to no other model than it names."""
        path = model if "/" in model else f"models/{model}"
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise UnknownModel(f"'{model}' is no name of a model at provider '{self.name}'.", param="model")
        return URL(f"{self._root}/{quote(path, safe='/')}:{method}", encoded=True)


def _embedded(body: Json) -> tuple[list[list[float]], int | None]:
    usage = usage_of(body.get("usageMetadata"))
    return [item["values"] for item in body["embeddings"]], usage.input_tokens if usage else None


def _models(body: Json) -> tuple[list[str], str]:
    """The names on a page of models, and the query of the next page."""
    names = [model["name"].removeprefix("models/") for model in body["models"]]
    token = body.get("nextPageToken")
    return names, f"&pageToken={quote(token, safe='')}" if token else ""


def _details(raw: bytes) -> list[Json]:
    """google.rpc.Status.details of an error body; empty where there are none."""
    try:
        body: Any = msgspec.json.decode(raw)
    except UNREADABLE:
        return []
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    return [detail for detail in details or () if isinstance(detail, dict)]


def _seconds(duration: str) -> float | None:
    """A google.protobuf.Duration in JSON, such as "34s" or "10.689924287s"."""
    try:
        return max(0.0, float(duration.removesuffix("s")))
    except (ValueError, AttributeError):
        return None
