"""Takes finished spans on the request's path: encode, append to the spool. A few microseconds, no database in sight."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from pilothouse.call import Progress, Reservation, Span
from pilothouse.types import Usage

__all__ = ["Appends", "SpoolRecorder"]

_LARGEST = 2**63 - 1
_DEEPEST = 64


class Appends(Protocol):
    """What the recorder needs of a spool."""

    def append(self, payload: bytes) -> None: ...


class SpoolRecorder:
    """The `call.Recorder` of a serving process. `wake` tells whoever empties the spool that something is in it."""

    def __init__(self, spool: Appends, wake: Callable[[], None] = lambda: None) -> None:
        self._append = spool.append
        self._wake = wake
        self._encode = msgspec.msgpack.Encoder().encode

    def record(self, record: Span | Reservation | Progress) -> None:
        """Once this returns, the record survives a killed process. Raises Overloaded when a full spool refuses it."""
        try:
            payload = self._encode(record)
        except (OverflowError, TypeError, ValueError, RecursionError):
            if not isinstance(record, Span):
                raise
            payload = self._encode(_tamed(record))
        self._append(payload)
        self._wake()


def _tamed(span: Span) -> Span:
    """A copy of a span that held what msgpack cannot say: huge integers, lone surrogates, foreign objects, depth."""
    fields = {name: _tame(getattr(span, name)) for name in span.__struct_fields__ if name != "usage"}
    return Span(**fields, usage=span.usage and Usage(**_tame(msgspec.structs.asdict(span.usage))))


def _tame(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return max(-_LARGEST, min(_LARGEST, value))
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if depth > _DEEPEST:
        return "(nested too deeply)"
    if isinstance(value, dict):
        return {str(_tame(key)): _tame(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tame(item, depth + 1) for item in value]
    return repr(value)
