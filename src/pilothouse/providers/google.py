"""Google's Gemini API (generativelanguage.googleapis.com). The translation is in google_wire.py, this is its door.

Options: `api_version` (v1beta). Embeddings go out in batches of at most 100, Google's limit.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
from yarl import URL

from pilothouse.call import Call
from pilothouse.errors import (
    ContentFiltered,
    ProviderAuth,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from pilothouse.providers.completion import Completion, embeddings
from pilothouse.providers.google_wire import UNUSABLE, ContentReader, to_contents, usage_of
from pilothouse.providers.parameters import tools_of
from pilothouse.providers.translated import TranslatingProvider, Translation
from pilothouse.snapshot import ProviderConfig
from pilothouse.types import ChatRequest, EmbedRequest, EmbedResponse, Json, Usage

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
        theirs = {k: v for k, v in request.body.items() if k not in ("model", "input", "encoding_format", "user")}
        if (dimensions := theirs.pop("dimensions", None)) is not None:
            theirs["outputDimensionality"] = dimensions
        texts, vectors, used = request.texts, [], 0
        counted = False
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            parts = [{"model": name, "content": {"parts": [{"text": text}]}, **theirs} for text in batch]
            body, _ = await self.post_json(self._url(request.model, "batchEmbedContents"), {"requests": parts}, call)
            vectors += self.reading(lambda body: [item["values"] for item in body["embeddings"]], body)
            usage = self.reading(usage_of, body.get("usageMetadata"))
            counted, used = counted or usage is not None, used + (usage.input_tokens if usage else 0)
        return embeddings(vectors, request.model, Usage(used) if counted else None, request.body.get("encoding_format"))

    async def models(self) -> list[str]:
        names: list[str] = []
        token = ""
        while True:
            body = await self.get_json(f"{self._root}/models?pageSize={_PAGE}{token}")
            names += self.reading(lambda body: [m["name"].removeprefix("models/") for m in body["models"]], body)
            if not body.get("nextPageToken"):
                return names
            token = f"&pageToken={quote(body['nextPageToken'], safe='')}"

    def _url(self, model: str, method: str) -> URL:
        """`model` is a name, or a path such as tunedModels/name."""
        path = model if "/" in model else f"models/{model}"
        return URL(f"{self._root}/{quote(path, safe='/')}:{method}", encoded=True)


def _details(raw: bytes) -> list[Json]:
    """google.rpc.Status.details of an error body; empty where there are none."""
    try:
        body: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
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
