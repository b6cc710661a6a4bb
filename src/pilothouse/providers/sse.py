"""Server-sent events from byte fragments, cut anywhere (WHATWG HTML, section 9.2). Knows nothing of JSON or vendors.

It stays in bytes: a character split over two fragments is whole again in the event's data.
"""

from typing import NamedTuple

from pilothouse.errors import ProviderProtocolError

__all__ = ["Event", "SseReader"]

_MAX_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event. `name` is its `event` field, empty for a plain message; `id` the last one the stream named."""

    data: bytes
    name: str = ""
    id: str = ""


class SseReader:
    """Feed fragments, get the events they complete, in order.

    Raises ProviderProtocolError for an event above `max_event_bytes`, complete or not.
    """

    __slots__ = ("_at_start", "_id", "_max", "_rest", "_skip_newline")

    def __init__(self, max_event_bytes: int = _MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._rest = bytearray()
        self._at_start = True
        self._skip_newline = False
        self._id = ""

    def feed(self, fragment: bytes) -> list[Event]:
        """The events that end in this fragment."""
        if self._skip_newline and fragment:
            fragment = fragment.removeprefix(b"\n")
            self._skip_newline = False
        if b"\r" in fragment:
            self._skip_newline = fragment.endswith(b"\r")
            fragment = fragment.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        rest = self._rest
        if rest:
            seen = len(rest)
            rest += fragment
            cut = rest.rfind(b"\n\n", seen - 1)
            complete = bytes(rest[: max(cut, 0)])
            if cut >= 0:
                del rest[: cut + 2]
        else:
            cut = fragment.rfind(b"\n\n")
            complete = fragment[: max(cut, 0)]
            rest += fragment[cut + 2 :] if cut >= 0 else fragment
        if len(rest) > self._max + 1:  # its last line end may have come already
            raise self._too_large()
        return self._events(complete) if cut >= 0 else []

    def finish(self) -> list[Event]:
        """The event left open when the stream ended: some servers leave out the last blank line. At most one."""
        rest, self._rest = bytes(self._rest), bytearray()
        return self._events(rest)

    def _events(self, complete: bytes) -> list[Event]:
        if self._at_start:
            self._at_start = False
            complete = complete.removeprefix(_BOM)
        events = []
        for block in complete.split(b"\n\n"):
            if len(block) > self._max:
                raise self._too_large()
            if block[:6] == b"data: " and b"\n" not in block:
                events.append(Event(block[6:], "", self._id))
            elif block:
                self._read_block(block, events)
        return events

    def _read_block(self, block: bytes, events: list[Event]) -> None:
        """Any fields in any order. Blank lines only stand at a block's edges, where they end nothing."""
        data: list[bytes] = []
        name = b""
        for line in block.split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value
            elif field == b"id" and b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        if data:
            events.append(Event(b"\n".join(data), name.decode("utf-8", "replace"), self._id))

    def _too_large(self) -> ProviderProtocolError:
        return ProviderProtocolError(f"The stream holds an event of more than {self._max} bytes.")
