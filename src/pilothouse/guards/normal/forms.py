"""The forms of a text that guards read, each with a map of its places back: as it looks, decoded, and spelled plainly.

    the text ─► as it looks ─► letters apart joined · leetspeak · rot13 · backwards
      ├─► without markup ─► as it looks
      ├─► what tags and selectors smuggle ─► as it looks
      └─► decoded, up to three levels deep ─► the same of each level

A form is only made where something is there for it: of most texts there is one. A level is never longer than the one
before, and no form longer than its level, so that time and memory are linear in the text.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from pilothouse.guards.normal.decoding import decoded
from pilothouse.guards.normal.folding import folded, smuggled, without_unseen
from pilothouse.guards.normal.markup import without_markup
from pilothouse.guards.normal.places import Made, Places, chained
from pilothouse.guards.normal.spelling import leet, mirrored, rotated, spaced
from pilothouse.protocols import Subject

__all__ = ["DEPTH", "Form", "Normal", "normal_of", "normalised"]

DEPTH = 3
"""Encodings within encodings that are read."""

_SPELLINGS: tuple[tuple[str, Callable[[str], Made | None]], ...] = (
    ("letters apart", spaced), ("leetspeak", leet), ("rot13", rotated), ("backwards", mirrored),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """`text` is in small letters; `how` says what was done to read it, empty for the text as it looks."""

    how: tuple[str, ...]
    text: str
    places: Places | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters `start` to `end` stand in the text; `end` is above `start`."""
        return (start, end) if self.places is None else self.places.span(start, end)


@dataclass(frozen=True, slots=True)
class Normal:
    """All forms of a text; the first is the text as it looks."""

    forms: tuple[Form, ...]

    @property
    def plain(self) -> Form:
        return self.forms[0]


def normal_of(subject: Subject) -> Normal:
    """Of what guards look at; made once for all of them: `subject.once(normal_of)`."""
    return normalised(subject.text)


def normalised(text: str) -> Normal:
    """All forms of a text. Raises nothing for any text."""
    return Normal(tuple(chain.from_iterable(_spelled(*level) for level in _levels(text))))


def _levels(text: str) -> Iterator[tuple[tuple[str, ...], str, Places | None]]:
    """(how, text, places): the text, what is hidden in it, and what it decodes to."""
    yield (), text, None
    for name, make in (("markup", without_markup), ("smuggled", smuggled)):
        made = make(text)
        if made is not None:
            yield (name,), made.text, made.places
    seen = without_unseen(text)
    how: tuple[str, ...] = ()
    for _ in range(DEPTH):
        found = decoded(seen.text)
        if found is None:
            return
        made, names = found
        seen, how = Made(made.text, chained(made.places, seen.places)), how + names
        yield how, seen.text, seen.places


def _spelled(how: tuple[str, ...], text: str, places: Places | None) -> Iterator[Form]:
    plain = folded(text)
    form = Form(how, plain.text, chained(plain.places, places))
    yield form
    for name, make in _SPELLINGS:
        made = make(form.text)
        if made is not None:
            yield Form((*how, name), made.text, chained(made.places, form.places))
