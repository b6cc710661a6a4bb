"""Something about a configuration that should be looked at. Knows nothing of what that is."""

from dataclasses import dataclass

__all__ = ["Concern"]


@dataclass(frozen=True, slots=True)
class Concern:
    """`place` are the keys from the top. A `grave` one makes calls fail."""

    place: tuple[str | int, ...]
    text: str
    grave: bool = False
