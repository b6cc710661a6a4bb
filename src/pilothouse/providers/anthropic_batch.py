"""Anthropic's Message Batches API: the requests go in one JSON body, the results are one JSONL file.

Written from https://platform.claude.com/docs/en/api/creating-message-batches. There is no metadata on a batch: our key
begins every custom id, and a batch whose id was never noted is known by the first of its results.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from pilothouse.errors import InvalidRequest, ProviderError
from pilothouse.providers.anthropic_native import caller_headers
from pilothouse.providers.base import Exchange, HttpProvider
from pilothouse.providers.batch_api import Undecided, VendorBatch, VendorResult, lines_of
from pilothouse.providers.failures import UNREADABLE
from pilothouse.types import ChatChunk, Json, ModelRequest

__all__ = ["AnthropicBatches"]

_PAGE = 100
_SLACK = 120.0  # seconds that two clocks may differ
_STATUS_BY_TYPE = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "request_too_large": 413, "rate_limit_error": 429, "api_error": 500, "timeout_error": 504,
    "overloaded_error": 529,
}  # fmt: skip
_UNASKED = {
    "canceled": ("batch_cancelled", "The batch was cancelled before this request was asked."),
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
}

_encode = msgspec.json.Encoder().encode


class _Result(msgspec.Struct):
    type: str
    message: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")


class _Line(msgspec.Struct):
    custom_id: str
    result: _Result


class _Cause(msgspec.Struct, frozen=True):
    type: str = ""


class _Failure(msgspec.Struct):
    error: _Cause = _Cause()


_read_line = msgspec.json.Decoder(_Line).decode
_read_failure = msgspec.json.Decoder(_Failure).decode


class AnthropicBatches:
    """The batch API of `provider` under `root`. `native` makes the body of a Message of a request, `read` reads one."""

    operations = frozenset({"chat", "messages"})

    def __init__(
        self,
        provider: HttpProvider,
        root: str,
        native: Callable[[ModelRequest], Json],
        read: Callable[[str, str, bytes], ChatChunk],
    ) -> None:
        self._provider = provider
        self._url = f"{root}/messages/batches"
        self._native = native
        self._read = read

    def body(self, request: ModelRequest) -> Json:
        return self._native(request)

    def payload(self, key: str, endpoint: str, requests: Iterable[tuple[str, Json]]) -> bytes:
        try:
            return _encode({"requests": [{"custom_id": custom_id, "params": body} for custom_id, body in requests]})
        except RecursionError:
            raise InvalidRequest("A request is nested too deeply.") from None

    async def create(self, key: str, endpoint: str, payload: bytes, headers: Sequence[tuple[str, str]] = ()) -> str:
        sent = caller_headers(headers, self._provider.headers)
        return self._checked(await self._post(self._url, payload, sent)).id

    async def find(self, key: str, since_us: int, count: int) -> str | None:
        page = await self._provider.get_json(f"{self._url}?limit={_PAGE}")
        undecided = False
        for row in page.get("data") or ():
            if _made(row) < since_us / 1e6 - _SLACK or sum((row.get("request_counts") or {}).values()) != count:
                continue
            batch = self._checked(row)
            if not batch.ended:
                undecided = True
                continue
            first = next(self.results(await self.download(batch.id)), None)
            if first is not None and first.custom_id.startswith(key):
                return batch.id
        if undecided:
            raise Undecided
        return None

    async def look(self, vendor_id: str) -> VendorBatch:
        return self._checked(await self._provider.get_json(f"{self._url}/{quote(vendor_id, safe='')}"))

    async def download(self, source: str) -> bytes:
        url = f"{self._url}/{quote(source, safe='')}/results"
        async with Exchange(self._provider, "GET", url, b"", None) as response:
            return await self._provider.whole(response)

    def results(self, raw: bytes) -> Iterator[VendorResult]:
        for line in lines_of(raw):
            try:
                read = _read_line(line)
            except UNREADABLE as error:
                raise self._provider.protocol_error(f"has a batch result outside its format ({error})") from error
            yield self._result(read)

    def _result(self, read: _Line) -> VendorResult:
        kind = read.result.type
        if kind == "succeeded":
            return VendorResult(read.custom_id, 200, bytes(read.result.message))
        if kind == "errored":
            body = bytes(read.result.error)
            try:
                status = _STATUS_BY_TYPE.get(_read_failure(body).error.type, 500)
            except UNREADABLE:
                status = 500
            return VendorResult(read.custom_id, status, body)
        code, message = _UNASKED.get(kind, ("provider_error", f"The provider says '{kind}'."))
        return VendorResult(read.custom_id, code=code, message=message)

    def read(self, operation: str, model: str, body: bytes) -> ChatChunk:
        return self._read(operation, model, body)

    def failure(self, status: int, body: bytes) -> ProviderError:
        return self._provider.error_from(status, body, {})

    async def cancel(self, vendor_id: str) -> None:
        await self._post(f"{self._url}/{quote(vendor_id, safe='')}/cancel", b"")

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Any:
        async with Exchange(self._provider, "POST", url, body, None, headers) as response:
            raw = await self._provider.whole(response)
        try:
            return msgspec.json.decode(raw)
        except UNREADABLE as error:
            raise self._provider.protocol_error(f"answered outside its format ({error})") from error

    def _checked(self, row: Any) -> VendorBatch:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise self._provider.protocol_error("answered with no batch")
        ended = row.get("processing_status") == "ended"
        status = "completed" if ended else "in_progress"
        return VendorBatch(row["id"], status, (row["id"],) if ended else ())


def _made(row: Json) -> float:
    """Unix seconds at which a batch was made; 0 where that cannot be read."""
    try:
        return datetime.fromisoformat(str(row.get("created_at"))).timestamp()
    except ValueError:
        return 0.0
