"""Results that a model does not get to read: it holds a handle on each, and passes that on.

`{"$ref": "r1"}` anywhere in the arguments of a call stands for what r1 holds, `{"$ref": "r1", "at": ["items", 0]}` for
a part of it; in an answer to a person `{{r1}}` does. What comes out of a handle is never looked at for handles again.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from pilothouse.agents.labels import Label, Labelled, joined
from pilothouse.errors import InvalidRequest
from pilothouse.types import Json

__all__ = ["Handles", "as_text"]

_IN_TEXT = re.compile(r"\{\{(r[0-9]{1,6})\}\}")
_KEY = "$ref"


class Handles:
    """Those of one conversation. Names are given out in order and mean one thing for good."""

    def __init__(self) -> None:
        self._held: dict[str, Labelled] = {}

    def hold(self, held: Labelled) -> str:
        """Keep it; the name of its handle, such as `r1`."""
        name = f"r{len(self._held) + 1}"
        self._held[name] = held
        return name

    def get(self, name: Any) -> Labelled:
        """What a handle holds. Raises InvalidRequest for a name that is none."""
        held = self._held.get(name) if isinstance(name, str) else None
        if held is None:
            raise InvalidRequest(f"There is no handle {_short(name)}. There are: {', '.join(self._held) or 'none'}.")
        return held

    def filled(self, arguments: Mapping[str, Any], own: Label) -> tuple[Json, dict[str, Label]]:
        """Arguments with what their handles hold, and by name the label of each; `own` is that of what the model wrote
        itself. Raises InvalidRequest for a handle, or a place in one, that is not there."""
        made, labels = {}, {}
        for name, value in arguments.items():
            found = [own]
            made[name] = self._filled(value, found)
            labels[name] = joined(found)
        return made, labels

    def written(self, text: str, own: Label) -> Labelled:
        """A text with what it mentions put in; handles that are not there stay as they are."""
        found = [own]

        def put(match: re.Match[str]) -> str:
            held = self._held.get(match[1])
            if held is None:
                return match[0]
            found.append(held.label)
            return as_text(held.value)

        return Labelled(_IN_TEXT.sub(put, text), joined(found))

    def _filled(self, value: Any, found: list[Label]) -> Any:
        if isinstance(value, list):
            return [self._filled(item, found) for item in value]
        if not isinstance(value, dict):
            return value
        if _KEY not in value:
            return {key: self._filled(item, found) for key, item in value.items()}
        if not value.keys() <= {_KEY, "at"}:
            raise InvalidRequest('A handle stands alone, as {"$ref": "r1"}, with "at" for a part of it at most.')
        held = self.get(value[_KEY])
        found.append(held.label)
        return _part(held.value, value.get("at", []), value[_KEY])


def as_text(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _part(value: Any, path: Any, name: str) -> Any:
    if not isinstance(path, list):
        raise InvalidRequest(f"'at' of the handle {name} must be a list of keys and positions.")
    for step in path:
        fits = isinstance(value, dict) if isinstance(step, str) else isinstance(value, list) and type(step) is int
        try:
            value = value[step] if fits else _missing(step)
        except (KeyError, IndexError):
            raise InvalidRequest(f"{name} holds nothing at {_short(step)}.") from None
    return value


def _missing(step: Any) -> Any:
    raise KeyError(step)


def _short(given: Any) -> str:
    return repr(given)[:64]
