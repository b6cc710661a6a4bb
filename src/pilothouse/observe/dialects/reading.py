"""The attributes of a span, sorted by what they tell. Knows the table of names and no dialect in particular."""

from collections.abc import Mapping
from typing import Any

from pilothouse.observe.dialects.values import whole
from pilothouse.observe.names import FLATTENED, MEANINGS

__all__ = ["Reading"]

_FLAT = tuple(f"{prefix}." for prefix in FLATTENED)
_meaning = MEANINGS.get


class Reading:
    """What a span tells. `rest` are the attributes that tell nothing known here; one that was asked for and turned out
    to be something else joins them, so that nothing is lost."""

    __slots__ = ("_flat", "_told", "rest")

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        told: dict[str, tuple[int, str, Any]] = {}
        rest: dict[str, Any] = {}
        flat: dict[str, dict[int, dict[str, Any]]] = {}
        for name, value in attributes.items():
            if value is None or value == "":
                continue
            place = _meaning(name)
            if place is not None:
                meaning, rank = place
                before = told.get(meaning)
                if before is None or rank < before[0]:
                    told[meaning] = (rank, name, value)
            elif not (name.startswith(_FLAT) and _listed(flat, name, value)):
                rest[name] = value
        self._told, self._flat, self.rest = told, flat, rest

    def __contains__(self, meaning: str) -> bool:
        return meaning in self._told

    def get(self, meaning: str) -> Any:
        """What it tells, None where it does not."""
        found = self._told.get(meaning)
        return None if found is None else found[2]

    def text(self, meaning: str) -> str | None:
        """The same as text."""
        found = self._told.get(meaning)
        if found is None:
            return None
        return found[2] if type(found[2]) is str else str(found[2])

    def count(self, meaning: str) -> int | None:
        """The same as a count; what is none joins the rest."""
        found = self._told.get(meaning)
        if found is None:
            return None
        number = whole(found[2])
        if number is None:
            self.rest[found[1]] = found[2]
        return number

    def keep(self, meaning: str) -> None:
        """Put back among the rest what nobody could use."""
        if (found := self._told.get(meaning)) is not None:
            self.rest[found[1]] = found[2]

    def listed(self, meaning: str) -> list[dict[str, Any]]:
        """A list of objects that came as one attribute per field, by flat names, in order."""
        items = self._flat.get(meaning)
        return [items[index] for index in sorted(items)] if items else []


def _listed(flat: dict[str, dict[int, dict[str, Any]]], name: str, value: Any) -> bool:
    """Sort in `prefix.3.field`; False where that is not its shape."""
    parts = name.split(".", 3)
    if len(parts) < 4 or not parts[2].isdecimal() or len(parts[2]) > 5:
        return False
    meaning = FLATTENED[f"{parts[0]}.{parts[1]}"]
    flat.setdefault(meaning, {}).setdefault(int(parts[2]), {})[parts[3]] = value
    return True
