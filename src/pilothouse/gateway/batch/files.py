"""`/v1/files`: upload, list, get, content, delete. An upload streams into the store; it is never held whole.

Knows nothing of what a file is for, but that the input of batches is kept for 30 days.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing
from urllib.parse import quote

import msgspec

from pilothouse.call import Call
from pilothouse.errors import BodyTooLarge, InvalidRequest, StorageError
from pilothouse.gateway.batch.multipart import FormReader, Part
from pilothouse.gateway.http import Exchange, Headers
from pilothouse.gateway.routes import Route
from pilothouse.storage.files import FileStore, FileWriter

__all__ = ["Files", "page_size"]

_PATH = "/v1/files"
_PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
_PAGE = 10_000
_FORM = 256 * 1024  # bytes that a form may have beside its file
_LONGEST_FIELD = 4 * 1024
_KEEP = {"batch": 30 * 86_400.0}  # seconds, as at OpenAI
_KEEP_LEAST, _KEEP_MOST = 3600, 30 * 86_400
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Files:
    """The handlers. `identity` gives the headers that say which call this was, `limit` the most bytes of a file."""

    def __init__(self, store: FileStore, limit: Callable[[], int], identity: Callable[[Call], Headers]) -> None:
        self._store = store
        self._limit = limit
        self._identity = identity

    @property
    def routes(self) -> list[Route]:
        return [
            Route("POST", _PATH, self.upload),
            Route("GET", _PATH, self.list),
            Route("GET", _PATH + "/{id}", self.retrieve),
            Route("DELETE", _PATH + "/{id}", self.delete),
            Route("GET", _PATH + "/{id}/content", self.content),
        ]

    async def upload(self, exchange: Exchange, call: Call) -> None:
        form = _Form(self._store, call.project_id, self._limit(), FormReader(exchange.header(b"content-type")))
        try:
            async with aclosing(exchange.pieces(form.limit + _FORM)) as pieces:
                async for piece in pieces:
                    await form.take(piece)
            writer = form.finish()
            stored = await asyncio.to_thread(self._store.complete, call.project_id, writer)
        except BaseException:
            if form.writer is not None:
                await asyncio.shield(asyncio.to_thread(form.writer.discard))
            raise
        await exchange.json(msgspec.json.encode(stored.to_json()), self._identity(call))

    async def list(self, exchange: Exchange, call: Call) -> None:
        order = exchange.query("order")
        if order not in (None, "asc", "desc"):
            raise InvalidRequest("'order' must be asc or desc.", param="order")
        size = page_size(exchange, _PAGE, _PAGE)
        found = await asyncio.to_thread(
            self._store.list, call.project_id, purpose=exchange.query("purpose"), limit=size + 1,
            after=exchange.query("after"), newest_first=order != "asc",
        )  # fmt: skip
        page = found[:size]
        body = {
            "object": "list", "data": [stored.to_json() for stored in page], "has_more": len(found) > size,
            "first_id": page[0].id if page else None, "last_id": page[-1].id if page else None,
        }  # fmt: skip
        await exchange.json(msgspec.json.encode(body), self._identity(call))

    async def retrieve(self, exchange: Exchange, call: Call) -> None:
        stored = await asyncio.to_thread(self._store.get, call.project_id, exchange.parts["id"])
        await exchange.json(msgspec.json.encode(stored.to_json()), self._identity(call))

    async def delete(self, exchange: Exchange, call: Call) -> None:
        identity = exchange.parts["id"]
        await asyncio.to_thread(self._store.delete, call.project_id, identity)
        body = {"id": identity, "object": "file", "deleted": True}
        await exchange.json(msgspec.json.encode(body), self._identity(call))

    async def content(self, exchange: Exchange, call: Call) -> None:
        stored = await asyncio.to_thread(self._store.get, call.project_id, exchange.parts["id"])
        named = f"attachment; filename*=UTF-8''{quote(stored.filename, safe='')}".encode()
        headers = [(b"content-disposition", named), *self._identity(call)]
        left, number = stored.bytes, 0
        if not left:
            await exchange.start_download(headers, 0)
            await exchange.send_piece(b"", more=False)
        while left:
            part = await asyncio.to_thread(self._store.part, call.project_id, stored.id, number)
            if part is None:  # deleted meanwhile
                raise StorageError(f"File '{stored.id}' is gone.")
            if not number:
                await exchange.start_download(headers, stored.bytes)
            left, number = left - len(part), number + 1
            await exchange.send_piece(part, more=left > 0)


class _Form:
    """A form on its way: its file goes to the store as it comes."""

    def __init__(self, store: FileStore, project_id: str, limit: int, reader: FormReader) -> None:
        self._store = store
        self._project_id = project_id
        self._reader = reader
        self._file: Part | None = None
        self._fields: dict[str, bytes] = {}
        self.limit = limit
        self.writer: FileWriter | None = None

    async def take(self, piece: bytes) -> None:
        for part, data in self._reader.feed(piece):
            if part.name == "file":
                await self._take_file(part, data)
                continue
            value = self._fields.get(part.name, b"") + data
            if len(value) > _LONGEST_FIELD:
                raise InvalidRequest(f"The field '{part.name}' is longer than {_LONGEST_FIELD} bytes.", param=part.name)
            self._fields[part.name] = value
        if self.writer is not None and self.writer.full:
            await asyncio.to_thread(self.writer.flush)

    async def _take_file(self, part: Part, data: bytes) -> None:
        if self.writer is None:
            self._file = part
            self.writer = await asyncio.to_thread(self._store.begin, self._project_id)
        if part is not self._file:
            raise InvalidRequest("Send one 'file' at a time.", param="file")
        self.writer.add(data)
        if self.writer.size > self.limit:
            raise BodyTooLarge(f"The file is larger than the limit of {self.limit} bytes (batch.max_file_bytes).")

    def finish(self) -> FileWriter:
        """The complete file, described by the other fields."""
        self._reader.finish()
        if self.writer is None or self._file is None:
            raise InvalidRequest("The form has no 'file'.", param="file")
        purpose = self._text("purpose")
        if purpose not in _PURPOSES:
            raise InvalidRequest(f"'purpose' must be one of {', '.join(_PURPOSES)}.", param="purpose")
        self.writer.purpose = purpose
        self.writer.filename = _CONTROL.sub("", self._file.filename or "")[:255] or "file"
        self.writer.keep_s = self._keep() or _KEEP.get(purpose)
        return self.writer

    def _keep(self) -> float | None:
        seconds = self._text("expires_after[seconds]")
        if not seconds:
            return None
        if self._text("expires_after[anchor]") != "created_at":
            raise InvalidRequest("'expires_after[anchor]' must be created_at.", param="expires_after[anchor]")
        if not (seconds.isdecimal() and seconds.isascii() and _KEEP_LEAST <= int(seconds[:12]) <= _KEEP_MOST):
            name = "expires_after[seconds]"
            raise InvalidRequest(f"'{name}' must be a number from {_KEEP_LEAST} to {_KEEP_MOST}.", param=name)
        return float(seconds)

    def _text(self, name: str) -> str:
        return self._fields.get(name, b"").decode("utf-8", "replace").strip()


def page_size(exchange: Exchange, usual: int, most: int) -> int:
    """The `limit` of a list. Raises InvalidRequest."""
    given = exchange.query("limit")
    if given is None:
        return usual
    size = int(given[:9]) if given.isascii() and given.isdecimal() else 0
    if not 1 <= size <= most:
        raise InvalidRequest(f"'limit' must be a number from 1 to {most}.", param="limit")
    return size
