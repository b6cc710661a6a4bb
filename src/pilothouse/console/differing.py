"""What differs between two JSON objects, key by key. Knows nothing of what the keys mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pilothouse.types import Json

__all__ = ["Change", "changes"]


@dataclass(frozen=True, slots=True)
class Change:
    """A key, dotted, with its value on both sides; None where there is none."""

    key: str
    old: Any
    new: Any


def changes(before: Json | None, after: Json | None) -> list[Change]:
    """The leaves that differ, in the order of their first appearance. An empty value counts as none."""
    old, new = dict(_leaves(before or {}, "")), dict(_leaves(after or {}, ""))
    return [
        Change(key, old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)
    ]


def _leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Lists are leaves, but for those of objects."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{at}.{key}" if at else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{at}.{index}")
    else:
        yield at, None if value in ("", []) else value
