"""Takes finished spans on the request's path: encode, append to the spool. A few microseconds, no database in sight."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from pilothouse.call import Progress, Reservation, Span
from pilothouse.observe.discretion import tame
from pilothouse.types import Usage

__all__ = ["Appends", "SpoolRecorder"]


class Appends(Protocol):
    """What the recorder needs of a spool."""

    def append(self, payload: bytes) -> None: ...


class SpoolRecorder:
    """The `call.Recorder` of a serving process. `wake` tells whoever empties the spool that something is in it.

    `before` is what is done to a span before anything of it is written (see `discretion`), None for nothing.
    """

    def __init__(self, spool: Appends, wake: Callable[[], None] = lambda: None) -> None:
        self._append = spool.append
        self._wake = wake
        self.before: Callable[[Span], Span] | None = None
        self._encode = msgspec.msgpack.Encoder().encode

    def record(self, record: Span | Reservation | Progress) -> None:
        """Once this returns, the record survives a killed process. Raises Overloaded when a full spool refuses it."""
        if self.before is not None and isinstance(record, Span):
            record = self.before(record)
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
    fields = {name: tame(getattr(span, name)) for name in span.__struct_fields__ if name != "usage"}
    return Span(**fields, usage=span.usage and Usage(**tame(msgspec.structs.asdict(span.usage))))
