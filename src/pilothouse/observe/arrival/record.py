"""Takes finished spans on the request's path: encode, append to the spool. A few microseconds, no database in sight."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from pilothouse.call import Progress, Reservation, Span
from pilothouse.observe.privacy.discretion import Discretion, Policies, tame
from pilothouse.types import Usage

__all__ = ["Appends", "SpoolRecorder"]


class Appends(Protocol):
    """What the recorder needs of a spool."""

    def append(self, payload: bytes) -> None: ...


class SpoolRecorder:
    """The `call.Recorder` of a serving process. `wake` tells whoever empties the spool that something is in it.

    With a `discretion` nothing is written of a span but what that lets pass.
    """

    def __init__(
        self, spool: Appends, wake: Callable[[], None] = lambda: None, discretion: Discretion | None = None
    ) -> None:
        self._append = spool.append
        self._wake = wake
        self._discretion = discretion
        self._before = discretion if discretion is not None and discretion.needed else None
        self._encode = msgspec.msgpack.Encoder().encode

    def keep_to(self, policies: Policies) -> None:
        """Follow these policies from now on. Where nothing is to be done to spans, nothing is spent on them."""
        if self._discretion is not None:
            self._discretion.adopt(policies)
            self._before = self._discretion if self._discretion.needed else None

    def record(self, record: Span | Reservation | Progress) -> None:
        """Once this returns, the record survives a killed process. Raises Overloaded when a full spool refuses it."""
        if self._before is not None and isinstance(record, Span):
            record = self._before(record)
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
