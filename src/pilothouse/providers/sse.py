"""Server-sent events from byte fragments, cut anywhere (WHATWG HTML, section 9.2). Knows nothing of JSON or vendors.

An event is its data, which says all that vendors' streams say; names and ids are read over. It stays in bytes: a
character split over two fragments is whole again.
"""

from pilothouse.errors import ProviderProtocolError

__all__ = ["SseReader"]

_MAX_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class SseReader:
    """Feed fragments, get the data of the events they complete, in order.

    Raises ProviderProtocolError for an event above `max_event_bytes`, complete or not.
    """

    __slots__ = ("_at_start", "_max", "_rest", "_skip_newline")

    def __init__(self, max_event_bytes: int = _MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._rest = bytearray()
        self._at_start = True
        self._skip_newline = False

    def feed(self, fragment: bytes) -> list[bytes]:
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

    def finish(self) -> list[bytes]:
        """The event left open when the stream ended: some servers leave out the last blank line. At most one."""
        rest, self._rest = bytes(self._rest), bytearray()
        return self._events(rest)

    def _events(self, complete: bytes) -> list[bytes]:
        if self._at_start:
            self._at_start = False
            complete = complete.removeprefix(_BOM)
        events = []
        for block in complete.split(b"\n\n"):
            if len(block) > self._max:
                raise self._too_large()
            if block[:6] == b"data: " and b"\n" not in block:
                events.append(block[6:])
            elif block and (data := _data_lines(block)):
                events.append(b"\n".join(data))
        return events

    def _too_large(self) -> ProviderProtocolError:
        return ProviderProtocolError(f"The stream holds an event of more than {self._max} bytes.")


def _data_lines(block: bytes) -> list[bytes]:
    """The values of the `data` fields of an event, which may hold others, in any order."""
    fields = (line.partition(b":") for line in block.split(b"\n"))
    return [value.removeprefix(b" ") for name, _, value in fields if name == b"data"]
