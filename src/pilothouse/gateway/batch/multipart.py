"""Forms with files (multipart/form-data, RFC 7578), read piece by piece as they arrive, in bounded memory.

Knows nothing of HTTP beyond the text of a Content-Type header, nor of what the fields mean.
"""

from dataclasses import dataclass
from email.message import Message

from pilothouse.errors import InvalidRequest

__all__ = ["FormReader", "Part"]

_MOST_PARTS = 64
_LONGEST_HEAD = 8 * 1024
_LONGEST_BOUNDARY = 70  # characters (RFC 2046, 5.1.1)
_LONGEST_NAME = 512


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One field of the form. `filename` is None where it is no file. Compared by identity."""

    name: str
    filename: str | None = None


class FormReader:
    """`feed` it the body as it comes, then `finish`. Raises InvalidRequest for anything outside the format."""

    def __init__(self, content_type: str | None) -> None:
        boundary = _boundary(content_type or "")
        self._delimiter = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")  # the first delimiter has no line before it
        self._part: Part | None = None
        self._in_head = False
        self._parts = 0
        self._ended = False

    def feed(self, data: bytes) -> list[tuple[Part, bytes]]:
        """What of which part came with these bytes. A part that is empty comes as one with no bytes."""
        if self._ended:
            return []
        self._buffer += data
        found: list[tuple[Part, bytes]] = []
        while not self._ended and (self._read_head(found) if self._in_head else self._read_body(found)):
            pass
        return found

    def finish(self) -> None:
        """The body has ended. Raises InvalidRequest where the form has not."""
        if not self._ended:
            raise _malformed("it ends before its closing boundary")

    def _read_body(self, found: list[tuple[Part, bytes]]) -> bool:
        """Up to the next delimiter; False where more bytes are needed."""
        buffer, delimiter = self._buffer, self._delimiter
        at = buffer.find(delimiter)
        end = at if at >= 0 else max(0, len(buffer) - len(delimiter) + 1)
        if self._part is not None and end:
            found.append((self._part, bytes(buffer[:end])))
        del buffer[:end]
        after = len(delimiter)
        if at < 0 or len(buffer) < after + 2:
            return False
        closing = bytes(buffer[after : after + 2])
        if closing == b"--":
            self._ended = True
            buffer.clear()
        elif closing == b"\r\n":
            self._in_head = True
            del buffer[:after]  # its CRLF stays: a part without headers then ends its head at once
        else:
            raise _malformed("a boundary is followed by something else than a line end")
        return True

    def _read_head(self, found: list[tuple[Part, bytes]]) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if max(end, 0 if end >= 0 else len(self._buffer)) > _LONGEST_HEAD:
            raise _malformed(f"the head of a part is longer than {_LONGEST_HEAD} bytes")
        if end < 0:
            return False
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise _malformed(f"it has more than {_MOST_PARTS} parts")
        self._part = _part(bytes(self._buffer[:end]))
        found.append((self._part, b""))
        del self._buffer[: end + 4]
        self._in_head = False
        return True


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["content-type"] = content_type
    if message.get_content_type() != "multipart/form-data":
        raise InvalidRequest("Send the file as a form: Content-Type must be multipart/form-data.")
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise InvalidRequest("The Content-Type multipart/form-data needs a boundary of 1 to 70 characters.")
    return boundary.encode()


def _part(head: bytes) -> Part:
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not line or not colon or name.strip().lower() != b"content-disposition":
            continue
        message = Message()
        message["content-disposition"] = value.decode("utf-8", "replace").strip()
        field = message.get_param("name", header="content-disposition")
        if isinstance(field, str) and message.get_content_disposition() == "form-data":
            return Part(field[:_LONGEST_NAME], message.get_filename())
    raise _malformed("a part has no Content-Disposition: form-data with a name")


def _malformed(why: str) -> InvalidRequest:
    return InvalidRequest(f"The form cannot be read: {why}.")
