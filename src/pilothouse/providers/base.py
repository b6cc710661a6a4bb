"""What every HTTP provider shares: one pooled client, timeouts, and errors of the network as ProviderErrors.

A vendor's file adds its URLs, headers, translation and the reading of its error bodies.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import aiohttp
import msgspec

from pilothouse.call import Call
from pilothouse.errors import (
    ContentFiltered,
    ContextTooLong,
    ProviderAuth,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from pilothouse.snapshot import ProviderConfig, resolve_secrets

__all__ = ["HttpProvider", "retry_after"]

_ERROR_BODY_LIMIT = 64 * 1024


class HttpProvider:
    """Base of the providers that speak HTTP. The client is made at the first call, on the running loop."""

    operations: frozenset[str] = frozenset({"chat"})
    default_base_url: ClassVar[str] = ""

    def __init__(self, name: str, config: ProviderConfig) -> None:
        self.name = name
        self.config = config
        self.api_key = resolve_secrets(config.api_key, f"providers.{name}.api_key")
        base_url = resolve_secrets(config.base_url, f"providers.{name}.base_url") or self.default_base_url
        self.base_url = base_url.rstrip("/")
        extra = {k: resolve_secrets(v, f"providers.{name}.headers.{k}") or "" for k, v in config.headers.items()}
        self.headers = {"content-type": "application/json", **self.auth_headers(), **extra}
        self._session: aiohttp.ClientSession | None = None

    def auth_headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=75, ttl_dns_cache=60),
                auto_decompress=True,
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=256 * 1024,
            )
        return self._session

    @asynccontextmanager
    async def post(
        self, url: str, body: bytes, call: Call, headers: dict[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """POST and hand over a 2xx response; anything else is raised as the ProviderError that fits.

        Leaving the block early closes the connection, which is how an upstream call is cancelled.
        """
        timeout = aiohttp.ClientTimeout(
            total=call.remaining(), sock_connect=self.config.connect_timeout, sock_read=self.config.read_timeout
        )
        try:
            async with self.session.post(
                url, data=body, headers=self.headers if headers is None else headers, timeout=timeout
            ) as response:
                if response.status >= 300:
                    raw = await response.content.read(_ERROR_BODY_LIMIT)
                    raise self.error_from(response.status, raw, response.headers)
                yield response
        except TimeoutError as error:
            raise ProviderTimeout(
                f"Provider '{self.name}' did not answer in time: {error}.", provider=self.name
            ) from error
        except aiohttp.ClientPayloadError as error:
            raise ProviderUnavailable(
                f"Provider '{self.name}' broke off its answer: {error}.", provider=self.name
            ) from error
        except aiohttp.ClientError as error:
            raise ProviderUnavailable(
                f"Provider '{self.name}' cannot be reached: {error}.", provider=self.name
            ) from error

    def error_from(self, status: int, raw: bytes, headers: Any) -> ProviderError:
        """The error for a non-2xx answer. Vendors override `describe` to read their own error bodies."""
        message, code = self.describe(raw)
        text = f"Provider '{self.name}' answered {status}: {message or 'no message'}"
        details: dict[str, Any] = {
            "provider": self.name, "upstream_status": status, "retry_after": retry_after(headers),
        }  # fmt: skip
        lowered = f"{code} {message}".lower()
        if status in (401, 402, 403):
            return ProviderAuth(text, **details)
        if status == 429:
            return RateLimited(text, **details)
        if status == 408:
            return ProviderTimeout(text, **details)
        if status >= 500:
            return ProviderUnavailable(text, **details)
        if any(sign in lowered for sign in _CONTEXT_SIGNS):
            return ContextTooLong(text, **details)
        if "content_filter" in lowered or "content management policy" in lowered:
            return ContentFiltered(text, **details)
        return ProviderRejected(text, **details)

    def describe(self, raw: bytes) -> tuple[str, str]:
        """(message, code) from an error body; the OpenAI shape here."""
        try:
            body = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return raw[:500].decode("utf-8", "replace"), ""
        error = body.get("error", body) if isinstance(body, dict) else body
        if isinstance(error, dict):
            return str(error.get("message") or ""), str(error.get("code") or error.get("type") or "")
        return str(error), ""

    def protocol_error(self, what: str) -> ProviderProtocolError:
        return ProviderProtocolError(f"Provider '{self.name}' {what}.", provider=self.name)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)


_CONTEXT_SIGNS = (
    "context_length",
    "context length",
    "context window",
    "too many tokens",
    "prompt is too long",
    "maximum context",
    "input token count",
)


def retry_after(headers: Any) -> float | None:
    """Seconds from `retry-after-ms` or a numeric `retry-after`; None otherwise."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        try:
            if value is not None:
                return max(0.0, float(value) / scale)
        except ValueError:
            continue
    return None
