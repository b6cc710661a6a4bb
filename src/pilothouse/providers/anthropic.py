"""Anthropic's Messages API. The translation is in anthropic_wire.py, this is its door: headers, errors, models.

Options: `max_tokens`, the limit of an answer where the caller sets none (16384), and `api_version`. The latter stays
at 2023-06-01 because 2026-10-21 refuses `temperature` and `top_p`, which OpenAI clients send.
"""

from typing import ClassVar
from urllib.parse import quote

import msgspec

from pilothouse.config import ProviderConfig
from pilothouse.errors import ConfigError, ProviderError
from pilothouse.providers.anthropic_wire import MessagesReader, to_messages
from pilothouse.providers.completion import Completion
from pilothouse.providers.translated import TranslatingProvider, Translation
from pilothouse.types import ChatRequest, Json

__all__ = ["AnthropicProvider"]

_API_VERSION = "2023-06-01"
_MAX_TOKENS = 16_384
_PAGE = 1000


class AnthropicProvider(TranslatingProvider):
    """Claude by Anthropic. Chat alone: Anthropic offers no embeddings."""

    default_base_url: ClassVar[str] = "https://api.anthropic.com"
    known_options = frozenset({"max_tokens", "api_version"})

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

    def translated(self, request: ChatRequest) -> Translation:
        body = to_messages(request, self._max_tokens)
        return Translation(f"{self._root}/messages", body, MessagesReader(Completion(request.model)))

    def failure_in(self, data: Json) -> ProviderError | None:
        return self.error_in_stream(msgspec.json.encode(data)) if data["type"] == "error" else None

    async def models(self) -> list[str]:
        return await self.named_on_pages(f"{self._root}/models?limit={_PAGE}", _models)


def _models(body: Json) -> tuple[list[str], str]:
    """The names on a page of models, and the query of the next page."""
    names = [model["id"] for model in body["data"]]
    return names, f"&after_id={quote(names[-1], safe='')}" if body.get("has_more") else ""
