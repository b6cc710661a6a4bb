"""What the store may know of a span, seen to before anything of it is written. Knows nothing of spools."""

from typing import Any

import msgspec

from pilothouse.call import Span
from pilothouse.storage.payloads import Packer

__all__ = ["Discretion", "tame"]

_LARGEST = 2**63 - 1
_DEEPEST = 64


class Discretion:
    """Turns a finished span into the one that may be written; the span itself, which others may still read, stays.

    With a key, input and output leave sealed to their place, so that they are readable nowhere on the disk.
    """

    def __init__(self, packer: Packer) -> None:
        self._packer = packer

    @property
    def needed(self) -> bool:
        """Whether it has anything to do."""
        return self._packer.keyring is not None

    def __call__(self, span: Span) -> Span:
        if span.body is None and self._packer.keyring is not None:
            span = self._sealed(span)
        return span

    def _sealed(self, span: Span) -> Span:
        if span.input is None and span.output is None:
            return span
        body, place = {"input": span.input, "output": span.output}, (span.project_id, span.trace_id, span.id)
        try:
            packed = self._packer.pack(body, *place)
        except (OverflowError, TypeError, ValueError, RecursionError):
            packed = self._packer.pack(tame(body), *tame(place))
        return msgspec.structs.replace(span, input=None, output=None, body=packed)


def tame(value: Any, depth: int = 0) -> Any:
    """`value` without what neither msgpack nor JSON can say: huge integers, lone surrogates, foreign objects, depth."""
    if value is None or isinstance(value, bool | float | bytes):
        return value
    if isinstance(value, int):
        return max(-_LARGEST, min(_LARGEST, value))
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if depth > _DEEPEST:
        return "(nested too deeply)"
    if isinstance(value, dict):
        return {str(tame(key)): tame(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tame(item, depth + 1) for item in value]
    return repr(value)
