"""Bodies of what applications send to be kept: bounded, also once unpacked, and also all of them together."""

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.requests import ClientDisconnect

from pilothouse.errors import BodyTooLarge, Cancelled, InvalidRequest, Overloaded

__all__ = ["Inbound"]

_AT_ONCE = 4


class Inbound:
    """A body has at most `max_body_bytes`, packed and unpacked. Four of that size may be in memory at once, and more
    are put off."""

    def __init__(self, max_body_bytes: int) -> None:
        self._limit = max_body_bytes
        self._room = _AT_ONCE * max_body_bytes

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """The body, unpacked; its room is given back at the end. Raises BodyTooLarge, InvalidRequest, Overloaded."""
        encoding = request.headers.get("content-encoding", "").lower()
        if encoding not in ("", "identity", "gzip", "deflate"):
            raise InvalidRequest(f"No support for content-encoding '{encoding}'; use gzip, deflate or none.")
        packed, claimed = encoding in ("gzip", "deflate"), 0
        try:
            read = bytearray()
            try:
                async for chunk in request.stream():
                    claimed += self._claim(len(chunk))
                    read += chunk
                    self._check(len(read))
            except ClientDisconnect:
                raise Cancelled("The client left before the whole body was there.") from None
            body = bytes(read)
            if packed:
                body = self._unpacked(body)
                claimed += self._claim(len(body))
            yield body
        finally:
            self._room += claimed

    def _claim(self, size: int) -> int:
        if size > self._room:
            raise Overloaded("Too much arrives at once. Send this again a little later.")
        self._room -= size
        return size

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise BodyTooLarge(f"The request body is larger than the limit of {self._limit} bytes; send less at once.")

    def _unpacked(self, packed: bytes) -> bytes:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, as its first bytes say
        try:
            unpacked = unpacker.decompress(packed, self._limit + 1)
        except zlib.error as error:
            raise InvalidRequest(f"The request body cannot be unpacked: {error}.") from None
        self._check(len(unpacked))
        if not unpacker.eof:
            raise InvalidRequest("The request body ends before its packed data does.")
        return unpacked
