"""Makes a bounded, JSON-like copy of any value, whatever the value does. Knows nothing of spans."""

from itertools import islice
from typing import Any

__all__ = ["HOSTILE", "MOST_CHARACTERS", "capture", "cut"]

MOST_CHARACTERS = 200_000
_MOST_ITEMS = 1000
_DEEPEST = 10
_LONGEST_REPR = 2000
_LARGEST = 2**63 - 1
_PLAIN = (bool, float, type(None))
HOSTILE = (Exception, SystemExit, GeneratorExit)
"""What a method of a user's object may raise; an interrupt is none of its doing."""


def cut(text: str, limit: int) -> str:
    """The text, or its first `limit` characters and how many more there were."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more)"


def capture(value: Any, limit: int = MOST_CHARACTERS) -> Any:
    """None, bool, int, float, str, list or dict with at most about `limit` characters, 10 levels and 1,000 items a
    level. Never raises: what cannot be read is named instead."""
    kind = type(value)
    if kind is str:
        return value if len(value) <= limit else cut(value, limit)
    if kind in _PLAIN:
        return value
    return _Copy(limit).of(value, 0)


class _Copy:
    def __init__(self, limit: int) -> None:
        self._left = limit

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            self._left -= 8
            return value
        try:
            return self._read(value, kind, depth)
        except HOSTILE as error:
            return f"({kind.__name__} cannot be read: {type(error).__name__})"

    def _read(self, value: Any, kind: type, depth: int) -> Any:
        if issubclass(kind, str):
            return self._text(str.__str__(value))
        if issubclass(kind, int):
            self._left -= 8
            number = int.__index__(value)
            return number if -_LARGEST <= number <= _LARGEST else self._text(f"{number:#x}")
        if issubclass(kind, float):
            return float.__float__(value)
        if issubclass(kind, bytes | bytearray | memoryview):
            return f"({kind.__name__} of {len(value)} bytes)"
        if depth >= _DEEPEST or self._left <= 0:
            return f"({kind.__name__})"
        if issubclass(kind, dict):
            return self._pairs(dict.items(value), dict.__len__(value), depth)
        if issubclass(kind, list | tuple | set | frozenset):
            copied = [self.of(item, depth + 1) for item in islice(iter(value), _MOST_ITEMS) if self._left > 0]
            return copied if len(copied) >= len(value) else [*copied, f"… ({len(value) - len(copied)} more)"]
        return self._object(value, kind, depth)

    def _object(self, value: Any, kind: type, depth: int) -> Any:
        """Dataclasses, structs and pydantic models by their fields, anything else as its repr."""
        names = getattr(kind, "__dataclass_fields__", None) or getattr(kind, "__struct_fields__", None)
        if names is None and getattr(kind, "model_fields", None) is not None:
            names = vars(value)
        if names is not None:
            return self._pairs(((name, getattr(value, name, None)) for name in names), len(names), depth)
        return self._text(cut(str(repr(value)), _LONGEST_REPR))

    def _pairs(self, items: Any, count: int, depth: int) -> dict[str, Any]:
        copied: dict[str, Any] = {}
        for name, item in islice(items, _MOST_ITEMS):
            if self._left <= 0:
                break
            copied[name if type(name) is str else str(self.of(name, _DEEPEST))] = self.of(item, depth + 1)
        if len(copied) < count:
            copied["…"] = f"({count - len(copied)} more)"
        return copied

    def _text(self, text: str) -> str:
        kept = cut(text, max(0, self._left))
        self._left -= len(kept) + 8
        return kept
