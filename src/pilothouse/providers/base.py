"""What every HTTP provider shares: one pooled client, timeouts, and failures as the ProviderError that fits.

A vendor's file adds its URLs, headers, translation and the reading of its error bodies.
"""

import asyncio
import difflib
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import msgspec
from yarl import URL

from pilothouse.call import Call
from pilothouse.config import ProviderConfig
from pilothouse.errors import (
    ConfigError,
    ProviderAuth,
    ProviderError,
    ProviderProtocolError,
    ProviderTimeout,
    ProviderUnavailable,
)
from pilothouse.providers.failures import UNREADABLE, describe_error, error_kind, retry_after
from pilothouse.providers.http1 import BrokenOff, Client, Disconnected, InvalidAnswer, Response
from pilothouse.snapshot import resolve_secrets

__all__ = ["Exchange", "HttpProvider"]

_ERROR_BODY_LIMIT = 64 * 1024
_BODY_LIMIT = 256 * 1024 * 1024
"""Bytes of a JSON answer, decompressed. 2,048 embeddings of 3,072 numbers, the most that OpenAI gives, are 140 MB."""
_END_PATIENCE = 0.25
"""Seconds to wait for the end of a stream whose last event has come, so that its connection can be used again."""
_NEVER = float("-inf")
_KEY_REST = 300.0
"""Seconds for which a key that was refused (401, 402, 403) is not used while there are others."""
_AT_ONCE = 1.0
"""Seconds within which a pooled connection that the server had closed for being idle shows itself as such. Who hangs up
later may have worked on the request, and would bill it twice."""
_NETWORK = (TimeoutError, OSError, InvalidAnswer, ValueError)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class HttpProvider:
    """Base of the providers that speak HTTP. The client is made at the first call, on the running loop.

    `known_options` are the names that `options` may hold; None leaves them unchecked.
    """

    operations: frozenset[str] = frozenset({"chat"})
    default_base_url: ClassVar[str] = ""
    known_options: ClassVar[frozenset[str] | None] = None

    def __init__(self, name: str, config: ProviderConfig) -> None:
        self.name = name
        self.config = config
        self.patience = (config.connect_timeout, config.read_timeout)
        self._check_options()
        self.api_key: str | None = None
        self.base_url = self._address(config.base_url or self.default_base_url, "base_url")
        extra = {k: self._header(v, f"headers.{k}") or "" for k, v in config.headers.items()}
        self._keyed = [self._headers_with(key, extra) for key in self._keys(config)]
        self._refused_at = [_NEVER] * len(self._keyed)
        self._use(0)
        self._client: Client | None = None

    def auth_headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    @property
    def client(self) -> Client:
        if self._client is None or self._client.closed:
            self._client = Client()
        return self._client

    def goes_on_without(self, key: str | None) -> bool:
        """Note that a key was refused and turn to the next: whether there is one that was not refused lately.

        When all were, the one whose refusal is the longest ago is used from then on.
        """
        now = time.monotonic()
        refused = next((at for at, (own, _) in enumerate(self._keyed) if own == key), 0)
        self._refused_at[refused] = now
        if self.api_key == key and len(self._keyed) > 1:
            following = [*range(refused + 1, len(self._keyed)), *range(refused + 1)]
            self._use(min(following, key=self._refused_at.__getitem__))
        return self.api_key != key and now - self._refused_at[self._key] > _KEY_REST

    async def headers_for(self, method: str, url: str | URL, body: bytes) -> Mapping[str, str]:
        """The headers of one request; for vendors that sign each."""
        return self.headers

    def post(self, url: str | URL, body: bytes, call: Call, headers: Mapping[str, str] | None = None) -> "Exchange":
        """`async with provider.post(...) as response`: a 2xx response, or the ProviderError that fits is raised.

        `headers` go beside the provider's own, in place of those of the same name. Leaving the block early closes the
        connection, which is how an upstream call is cancelled.
        """
        return Exchange(self, "POST", url, body, call.deadline, headers, call.patience)

    async def get_json(self, url: str | URL) -> Any:
        """The decoded JSON of a GET. Raises the ProviderError that fits."""
        async with Exchange(self, "GET", url, b"", None) as response:
            raw = await self.whole(response)
        try:
            return msgspec.json.decode(raw)
        except UNREADABLE as error:
            raise self.protocol_error(f"answered {url} with something that is not JSON") from error

    async def whole(self, response: Response) -> bytes:
        """The body. Raises ProviderProtocolError where there is no end to it."""
        pieces, size = [], 0
        async for piece in response:
            pieces.append(piece)
            size += len(piece)
            if size > _BODY_LIMIT:
                raise self.protocol_error(f"answered with more than {_BODY_LIMIT // 1024**2} MB")
        return b"".join(pieces)

    async def stream_end(self, response: Response) -> None:
        """After a stream's last event: read on to the end of the response, so that its connection is used again."""
        if response.complete:
            return
        with suppress(*_NETWORK):  # the answer is complete, whatever its connection does now
            async with asyncio.timeout(_END_PATIENCE):
                await response.until_complete()

    def error_from(self, status: int, raw: bytes, headers: Mapping[str, str]) -> ProviderError:
        """The error for a non-2xx answer. Vendors override `describe` to read their own error bodies."""
        message, code = self.describe(raw)
        text = f"Provider '{self.name}' answered {status}: {message or 'no message'}"
        kind = error_kind(status, f"{code} {message}")
        return kind(text, provider=self.name, upstream_status=status, retry_after=retry_after(headers))

    def error_in_stream(self, raw: bytes) -> ProviderError:
        """The error for an error event in the middle of a stream, where there is no HTTP status to go by."""
        message, code = self.describe(raw)
        text = f"Provider '{self.name}' sent an error in its stream: {message or code or 'no message'}"
        status = next((int(word) for word in code.split() if word.isdigit()), 0)
        return error_kind(status, f"{code} {message}")(text, provider=self.name)

    def describe(self, raw: bytes) -> tuple[str, str]:
        """(message, code words) from an error body: the OpenAI shape and what compatible servers make of it."""
        return describe_error(raw)

    def protocol_error(self, what: str) -> ProviderProtocolError:
        return ProviderProtocolError(f"Provider '{self.name}' {what}.", provider=self.name)

    def broken_off(self, why: object = "the stream ended before the answer did") -> ProviderUnavailable:
        return ProviderUnavailable(f"Provider '{self.name}' broke off its answer: {why}.", provider=self.name)

    def network_error(self, error: Exception) -> Exception:
        """The ProviderError for what the client raised; anything else comes back as it is."""
        if isinstance(error, TimeoutError):
            detail = str(error) or "the deadline passed"
            return ProviderTimeout(f"Provider '{self.name}' did not answer in time: {detail}.", provider=self.name)
        if isinstance(error, BrokenOff | Disconnected | InvalidAnswer):
            return self.broken_off(error)
        if isinstance(error, OSError):
            return ProviderUnavailable(f"Provider '{self.name}' cannot be reached: {error}.", provider=self.name)
        if isinstance(error, ProviderError) and not error.provider:
            error.provider = self.name
        return error

    def deadline(self, deadline: float | None) -> float | None:
        """Until when a call may last, on the clock of `time.monotonic`. Raises ProviderTimeout when that has passed."""
        if deadline is not None and deadline <= time.monotonic():
            raise ProviderTimeout(f"No time was left to ask provider '{self.name}'.", provider=self.name)
        return deadline

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _keys(self, config: ProviderConfig) -> list[str | None]:
        """The API keys in the order to use them, each once; [None] where there is none."""
        keys = [self._header(config.api_key, "api_key")]
        keys += [self._header(key, f"api_keys[{at}]") for at, key in enumerate(config.api_keys)]
        return list(dict.fromkeys(key for key in keys if key)) or [None]

    def _headers_with(self, key: str | None, extra: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
        self.api_key = key
        return key, {"content-type": "application/json", **self.auth_headers(), **extra}

    def _use(self, key: int) -> None:
        self._key = key
        self.api_key, self.headers = self._keyed[key]

    def _address(self, given: str, key: str) -> str:
        """An address of the configuration, without a closing slash; empty where there is none."""
        where = f"providers.{self.name}.{key}"
        address = (resolve_secrets(given, where) or "").rstrip("/")
        try:
            usable = not address or (address.startswith(("http://", "https://")) and URL(address).host)
        except ValueError:  # a port above 65535, half an IPv6 address
            usable = False
        if not usable:
            raise ConfigError(f"{where}: {given!r} is no address; write http://... or https://... .", param=where)
        return address

    def _header(self, given: str | None, key: str) -> str | None:
        """What is to stand in a header; the value itself is not repeated in the error, since it may be a secret."""
        where = f"providers.{self.name}.{key}"
        value = resolve_secrets(given, where)
        if value is not None and _CONTROL.search(value):
            raise ConfigError(f"{where}: holds a line break or another control character; take it out.", param=where)
        return value

    def _check_options(self) -> None:
        if self.known_options is None:
            return
        for option in self.config.options.keys() - self.known_options:
            where = f"providers.{self.name}.options.{option}"
            near = difflib.get_close_matches(option, self.known_options, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(self.known_options))}."
            raise ConfigError(f"{where}: unknown option; {hint}", param=where)


class Exchange:
    """One request and its answer, as an async context manager. A class, since a generator costs 5 us more per call."""

    __slots__ = ("_body", "_deadline", "_headers", "_method", "_patience", "_provider", "_response", "_url")

    def __init__(
        self,
        provider: HttpProvider,
        method: str,
        url: str | URL,
        body: bytes,
        deadline: float | None,
        headers: Mapping[str, str] | None = None,
        patience: tuple[float, float] | None = None,
    ) -> None:
        self._provider = provider
        self._method = method
        self._url = url
        self._body = body
        self._deadline = deadline
        self._headers = headers
        self._patience = patience or provider.patience
        self._response: Response | None = None

    async def __aenter__(self) -> Response:
        provider = self._provider
        while True:
            key = provider.api_key
            try:
                headers = await provider.headers_for(self._method, self._url, self._body)
                response = await self._sent({**headers, **self._headers} if self._headers else headers)
            except _NETWORK as error:
                raise provider.network_error(error) from error
            if response.status < 300:
                self._response = response
                return response
            failure = provider.error_from(response.status, await _error_body(response), response.headers)
            if not isinstance(failure, ProviderAuth) or not provider.goes_on_without(key):
                raise failure

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        assert self._response is not None
        if error is None:
            self._response.release()
            return
        self._response.release()
        if isinstance(error, Exception):
            meant = self._provider.network_error(error)
            if meant is not error:
                raise meant from error

    async def _sent(self, headers: Mapping[str, str]) -> Response:
        """The answer; asked for once more where a pooled connection turns out to be closed."""
        started = time.monotonic()
        try:
            return await self._send(headers)
        except Disconnected:
            if time.monotonic() - started > _AT_ONCE:
                raise
            return await self._send(headers)

    async def _send(self, headers: Mapping[str, str]) -> Response:
        provider, url = self._provider, self._url
        connect, read = self._patience
        return await provider.client.request(
            self._method, url if isinstance(url, URL) else URL(url, encoded=True), headers, self._body,
            connect_timeout=connect, read_timeout=read, deadline=provider.deadline(self._deadline),
        )  # fmt: skip


async def _error_body(response: Response) -> bytes:
    """The start of an error's body, or what came of it: the status alone says enough to go on with."""
    raw = b""
    try:
        with suppress(*_NETWORK):
            async for piece in response:
                raw += piece
                if len(raw) >= _ERROR_BODY_LIMIT:
                    break
    finally:
        response.release()
    return raw[:_ERROR_BODY_LIMIT]
