"""Stand-ins for personal data, such as `<EMAIL_1>`, and the way back, also in a text that comes in pieces.

They hold for one call and are kept nowhere else. The same value has the same stand-in.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

__all__ = ["Pseudonyms", "Restoring"]

_STAND_IN = re.compile(r"(?:<|&lt;|\\u003[cC])([A-Z]{1,32}(?:_[A-Z]{1,32}){0,4}_[0-9]{1,6})(?:>|&gt;|\\u003[eE])")
"""As it was given, and as models write it in HTML and in JSON."""
_OPENS = re.compile(r"[<&\\]")
_BEGUN = re.compile(
    r"(?:<|&(?:l(?:t;?)?)?|\\(?:u(?:0(?:0(?:3[cC]?)?)?)?)?)"
    r"(?:(?<=[<;cC])[A-Z_]{1,64}(?:(?<=_)[0-9]{0,6})?(?:&(?:gt?)?|\\(?:u(?:0(?:03?)?)?)?)?)?\Z"
)
_LONGEST = 96


class Pseudonyms:
    """The stand-ins of one call."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._taken = set[str]()
        self._hidden: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def avoid(self, texts: Iterable[str]) -> None:
        """What stands in these texts already is nobody's stand-in."""
        for text in texts:
            if "_" in text:
                self._taken.update(found[1] for found in _STAND_IN.finditer(text))

    def stand_in(self, kind: str, value: str) -> str:
        """What the model sees of it. Spaces, hyphens and case of the value make no difference."""
        plain = "".join(filter(str.isalnum, value)).casefold() or value
        if kind in ("email", "url"):
            plain = value.casefold()
        name = self._names.get((kind, plain), "")
        if not name:
            number = 1 + sum(one == kind for one, _ in self._names)
            while (name := f"{kind.upper()}_{number}") in self._taken:
                number += 1
            self._names[kind, plain] = name
            self._values[name] = value
            self._taken.add(name)
        self.note(value, f"<{name}>")
        return f"<{name}>"

    def note(self, value: str, instead: str) -> None:
        """This stands in the place of a value, which may not be kept of the call elsewhere either."""
        self._hidden[value] = instead

    def hidden(self, value: Any) -> Any:
        """The same, texts in lists and maps too, with what was replaced in this call replaced there."""
        if isinstance(value, str):
            for found, instead in self._hidden.items():
                value = value.replace(found, instead)
            return value
        if isinstance(value, dict):
            return {self.hidden(key): self.hidden(one) for key, one in value.items()}
        return [self.hidden(one) for one in value] if isinstance(value, list) else value

    def restored(self, text: str, *, in_json: bool = False) -> str:
        """The text with the values in the places of their stand-ins; `in_json` escapes them for the inside of a
        string."""
        if not self._values or "_" not in text:
            return text

        def value(found: re.Match[str]) -> str:
            said = self._values.get(found[1])
            if said is None:
                return found[0]
            return json.dumps(said, ensure_ascii=False)[1:-1] if in_json else said

        return _STAND_IN.sub(value, text)


class Restoring:
    """The way back in one text that comes in pieces: what may be the begin of a stand-in waits, 96 characters at
    most."""

    def __init__(self, pseudonyms: Pseudonyms, *, in_json: bool = False) -> None:
        self._pseudonyms, self._in_json = pseudonyms, in_json
        self._held = ""

    def feed(self, piece: str) -> str:
        text = self._held + piece
        begins = (one.start() for one in _OPENS.finditer(text, max(0, len(text) - _LONGEST)))
        start = next((one for one in begins if _BEGUN.match(text, one)), len(text))
        self._held = text[start:]
        return self._pseudonyms.restored(text[:start], in_json=self._in_json)

    def end(self) -> str:
        """The rest."""
        text, self._held = self._held, ""
        return self._pseudonyms.restored(text, in_json=self._in_json)
