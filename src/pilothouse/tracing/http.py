"""Sends spans and scores to a server over HTTP, on one connection of the standard library (it loads fast)."""

import encodings.idna  # noqa: F401 - else the first connection does it, in a thread that a fork may cut off
import gzip
import http.client
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pilothouse.tracing.delivery import Away, Refused
from pilothouse.tracing.encode import Mask, encode, to_map
from pilothouse.tracing.spans import ActiveSpan

__all__ = ["HttpSender"]

_TIMEOUT = 10.0
_PACKED_FROM = 1024
_SPLIT = (413,)
_LATER = (408, 425, 429, 500, 502, 503, 504)


class HttpSender:
    """`POST {url}/api/spans` (msgpack) and `/api/scores` (JSON)."""

    def __init__(self, url: str, api_key: str | None, mask: Mask | None = None) -> None:
        parts = urlsplit(url)
        self._secure, self._host, self._path = parts.scheme == "https", parts.netloc, parts.path.rstrip("/")
        self._host = self._host.rpartition("@")[2]
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._mask = mask
        self._connection: http.client.HTTPConnection | None = None

    def send(self, items: Sequence[Any]) -> None:
        spans = [to_map(item, self._mask) for item in items if isinstance(item, ActiveSpan)]
        scores = [item for item in items if not isinstance(item, ActiveSpan)]
        if spans:
            self._post("/api/spans", encode(spans), "application/msgpack")
        if scores:
            self._post("/api/scores", msgspec.json.encode({"scores": scores}), "application/json", packs=False)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def abandon(self) -> None:
        """Closes the copy of the descriptor, and nothing else: a thread of the parent may have been reading an answer,
        and to close what it reads from would wait for ever for its lock."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.sock is not None:
            os.close(connection.sock.detach())

    def _post(self, path: str, body: bytes, media: str, packs: bool = True) -> None:
        headers = {**self._headers, "content-type": media}
        if packs and len(body) >= _PACKED_FROM:
            body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
        status, answer, after = self._ask(path, body, headers)
        if status in _LATER:
            raise Away(f"{self._host} answers {status}: {answer}", after)
        if status >= 300:
            raise Refused(f"{self._host} answers {status}: {answer}", split=status in _SPLIT)

    def _ask(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, float]:
        """Status, the beginning of the answer, seconds to wait. A connection that the server closed is opened again."""
        for fresh in (self._connection is None, True):
            try:
                if self._connection is None:
                    kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
                    self._connection = kind(self._host, timeout=_TIMEOUT)
                self._connection.request("POST", self._path + path, body, headers)
                response = self._connection.getresponse()
                text = response.read()[:500].decode("utf-8", "replace")
                return response.status, text, _seconds(response.getheader("retry-after"))
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if fresh:
                    raise Away(f"{self._host} cannot be reached: {error!r}") from error
        raise Away(f"{self._host} cannot be reached")


def _seconds(header: str | None) -> float:
    try:
        return min(60.0, max(0.0, float(header or 0)))
    except ValueError:
        return 0.0
