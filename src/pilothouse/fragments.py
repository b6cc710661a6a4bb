"""Of those in a process who want the same part of an answer at once, one makes it: for threads and for tasks.

Knows nothing of the server that keeps the parts; `client.py` asks it.
"""

import threading
from concurrent.futures import Future
from typing import Any, Literal

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.types import Json

__all__ = ["Making", "Part"]


class Part:
    """What a part is known by, as the server's API takes it in `name`. `seconds` is for how long to keep it.

    Raises InvalidRequest for what cannot be a name.
    """

    def __init__(self, section: str, inputs: Any, manifest: Any, seconds: float) -> None:
        self.name: Json = {"section": section, "inputs": inputs, "manifest": manifest}
        self.key = _as_json(self.name, "inputs", "deterministic")
        self.seconds = seconds
        if not seconds > 0:
            raise InvalidRequest("'ttl' must be more than 0 seconds.", param="ttl")

    def made(self, value: Any) -> bytes:
        """A value that was made, as JSON. Raises InvalidRequest where JSON cannot hold it."""
        return _as_json(value, "value")

    def kept(self, raw: bytes) -> Json:
        """What to send so that the value is kept."""
        return {**self.name, "value": msgspec.Raw(raw), "ttl": self.seconds}


class Making:
    """The parts that are being made. Whoever `begin`s alone makes it, and then `end`s; the others get a Future."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[bytes, Future[bytes | None]] = {}

    def begin(self, key: bytes) -> Future[bytes | None] | None:
        """None: it is yours to make. Else what it will be as JSON, or None if its maker fails: begin again then."""
        with self._lock:
            if (running := self._running.get(key)) is None:
                self._running[key] = Future()
            return running

    def end(self, key: bytes, raw: bytes | None) -> None:
        """It is made, or None: it could not be."""
        with self._lock:
            running = self._running.pop(key)
        running.set_result(raw)


def _as_json(value: Any, what: str, order: Literal["deterministic"] | None = None) -> bytes:
    try:
        return msgspec.json.encode(value, order=order)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"The {what} of a fragment must be what JSON can hold: {error}.", param=what) from None
