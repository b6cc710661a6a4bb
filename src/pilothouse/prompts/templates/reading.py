"""A text read as a template of its syntax, once: what was read is kept, up to a bound, until it is pushed out."""

import threading
from collections import OrderedDict

from pilothouse.errors import InvalidRequest, TemplateRefused
from pilothouse.prompts.templates.braces import compile_format
from pilothouse.prompts.templates.jinja import compile_jinja
from pilothouse.prompts.templates.limits import MAX_TEMPLATE
from pilothouse.prompts.templates.mustache import compile_mustache
from pilothouse.prompts.templates.run import Compiled

__all__ = ["SYNTAXES", "Shelf", "read_template"]

SYNTAXES = {"jinja": compile_jinja, "mustache": compile_mustache, "format": compile_format}
_NODE_WEIGHT = 64
"""Characters that a node of a template that was read weighs; about a kilobyte in memory."""


class Shelf:
    """Templates that were read, by syntax and text, the longest unused going first once they weigh more than `room`
    characters together. Safe for threads."""

    def __init__(self, room: int) -> None:
        self.room, self.weight = room, 0
        self._kept = OrderedDict[tuple[str, str], Compiled]()
        self._lock = threading.Lock()

    def get(self, text: str, syntax: str) -> Compiled:
        """Raises TemplateRefused with the line, or InvalidRequest for a syntax that there is not."""
        key = syntax, text
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = _read(text, syntax)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self.weight += _weight(text, made)
                while self.weight > self.room:
                    (_, old), dropped = self._kept.popitem(last=False)
                    self.weight -= _weight(old, dropped)
        return made


def _weight(text: str, made: Compiled) -> int:
    return len(text) + _NODE_WEIGHT * (made.nodes + 1)


def _read(text: str, syntax: str) -> Compiled:
    if syntax not in SYNTAXES:
        raise InvalidRequest(f"There is no syntax '{syntax}'. There are: {', '.join(SYNTAXES)}.", param="syntax")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise TemplateRefused("the template holds half of a surrogate pair, which is no character.") from None
    if size > MAX_TEMPLATE:
        raise TemplateRefused(f"the template has {size:,} bytes; at most {MAX_TEMPLATE:,} are allowed.")
    return SYNTAXES[syntax](text)


_SHELF = Shelf(room=8 * 1024 * 1024)


def read_template(text: str, syntax: str) -> Compiled:
    """The template of a text, from the shelf of this process. Raises as `Shelf.get` does."""
    return _SHELF.get(text, syntax)
