"""OpenAI's Batch API: a file of requests is uploaded, a batch over it made, and its output files are downloaded.

Written from https://platform.openai.com/docs/api-reference/batch and .../files. Knows nothing of our own batches but
their key, which travels as metadata.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from pilothouse.errors import InvalidRequest, ProviderError
from pilothouse.ids import new_id
from pilothouse.providers.base import Exchange, HttpProvider
from pilothouse.providers.batch_api import VendorBatch, VendorResult, lines_of
from pilothouse.providers.failures import UNREADABLE
from pilothouse.types import ChatChunk, Json, ModelRequest

__all__ = ["OpenAIBatches"]

_KEY = "pilothouse_batch"
_INPUT_KEPT = 3 * 86_400  # seconds: three times the window of a batch
_PAGE = 100
_MOST_PAGES = 10
_STATUSES = frozenset({
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled",
})  # fmt: skip

_encode = msgspec.json.Encoder().encode


class _Response(msgspec.Struct):
    status_code: int
    body: msgspec.Raw


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: _Error | None = None


_read_line = msgspec.json.Decoder(_Line).decode


class OpenAIBatches:
    """The batch API of `provider`. `native` makes the body that it takes of one of ours, `read` reads an answer."""

    def __init__(
        self,
        provider: HttpProvider,
        operations: frozenset[str],
        native: Callable[[ModelRequest], Json],
        read: Callable[[str, bytes], ChatChunk],
    ) -> None:
        self.operations = operations
        self._provider = provider
        self._native = native
        self._read = read

    def body(self, request: ModelRequest) -> Json:
        return self._native(request)

    def payload(self, key: str, endpoint: str, requests: Iterable[tuple[str, Json]]) -> bytes:
        try:
            lines = [
                _encode({"custom_id": custom_id, "method": "POST", "url": endpoint, "body": body})
                for custom_id, body in requests
            ]
        except RecursionError:
            raise InvalidRequest("A request is nested too deeply.") from None
        return b"\n".join([*lines, b""])

    async def create(self, key: str, endpoint: str, payload: bytes, headers: Sequence[tuple[str, str]] = ()) -> str:
        fields = {
            "purpose": "batch",
            "expires_after[anchor]": "created_at",
            "expires_after[seconds]": str(_INPUT_KEPT),
        }
        boundary, form = _form(fields, f"{key}.jsonl", payload)
        uploaded = await self._post("files", form, {"content-type": f"multipart/form-data; boundary={boundary}"})
        wanted = {
            "input_file_id": _text(uploaded, "id"),
            "endpoint": endpoint,
            "completion_window": "24h",
            "metadata": {_KEY: key},
        }
        return self._checked(await self._post("batches", _encode(wanted))).id

    async def find(self, key: str, since_us: int, count: int) -> str | None:
        after = ""
        for _ in range(_MOST_PAGES):
            page = await self._get(f"batches?limit={_PAGE}{after}")
            rows = [row for row in page.get("data") or () if isinstance(row, dict)]
            for row in rows:
                if (row.get("metadata") or {}).get(_KEY) == key:
                    return self._checked(row).id
            made = [at for row in rows if isinstance(at := row.get("created_at"), int)]
            if not rows or not page.get("has_more") or (made and min(made) < since_us // 1_000_000 - 3600):
                return None
            after = f"&after={quote(str(rows[-1].get('id')), safe='')}"
        return None

    async def look(self, vendor_id: str) -> VendorBatch:
        return self._checked(await self._get(f"batches/{quote(vendor_id, safe='')}"))

    async def download(self, source: str) -> bytes:
        provider = self._provider
        url = f"{provider.base_url}/files/{quote(source, safe='')}/content"
        async with Exchange(provider, "GET", url, b"", None) as response:
            return await provider.whole(response)

    def results(self, raw: bytes) -> Iterator[VendorResult]:
        for line in lines_of(raw):
            try:
                read = _read_line(line)
            except UNREADABLE as error:
                raise self._provider.protocol_error(f"has a batch result outside its format ({error})") from error
            if read.response is not None:
                yield VendorResult(read.custom_id, read.response.status_code, bytes(read.response.body))
            else:
                failure = read.error or _Error()
                message = failure.message or "The provider gave no reason."
                yield VendorResult(read.custom_id, code=failure.code or "provider_error", message=message)

    def read(self, operation: str, model: str, body: bytes) -> ChatChunk:
        return self._read(operation, body)

    def failure(self, status: int, body: bytes) -> ProviderError:
        return self._provider.error_from(status, body, {})

    async def cancel(self, vendor_id: str) -> None:
        await self._post(f"batches/{quote(vendor_id, safe='')}/cancel", b"")

    async def _post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Json:
        provider = self._provider
        async with Exchange(provider, "POST", f"{provider.base_url}/{path}", body, None, headers) as response:
            raw = await provider.whole(response)
        try:
            return msgspec.json.decode(raw, type=Json)
        except UNREADABLE as error:
            raise provider.protocol_error(f"answered /{path} outside its format ({error})") from error

    async def _get(self, path: str) -> Json:
        answer = await self._provider.get_json(f"{self._provider.base_url}/{path}")
        if not isinstance(answer, dict):
            raise self._provider.protocol_error(f"answered /{path} with no object")
        return answer

    def _checked(self, row: Json) -> VendorBatch:
        status = row.get("status")
        if not isinstance(row.get("id"), str) or status not in _STATUSES:
            raise self._provider.protocol_error("answered with no batch")
        sources = (row.get("output_file_id"), row.get("error_file_id"))
        given: Any = (row.get("errors") or {}).get("data") or ()
        errors = tuple(error for error in given if isinstance(error, dict))
        return VendorBatch(row["id"], status, tuple(x for x in sources if isinstance(x, str) and x), errors)


def _form(fields: dict[str, str], filename: str, content: bytes) -> tuple[str, bytes]:
    """(boundary, body) of a multipart form (RFC 7578) with one file. The names are ours, and need no escaping."""
    boundary = f"pilothouse-{new_id()}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: application/jsonl'
    parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode())
    return boundary, b"".join([*parts, content, f"\r\n--{boundary}--\r\n".encode()])


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
