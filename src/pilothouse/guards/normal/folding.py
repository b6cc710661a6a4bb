"""Texts as they look: small letters, without what is not seen, look-alikes of other scripts as the Latin letters."""

import re

from pilothouse.guards.normal.lookalikes import is_unseen, skeleton
from pilothouse.guards.normal.places import Made, Writing

__all__ = ["folded", "smuggled", "without_unseen"]

_ODD = re.compile(r"[^\t-\r -~]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_TAGS = re.compile("[\U000e0020-\U000e007e]{2,}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")


def folded(text: str) -> Made:
    """As it looks. Of plain ASCII the places stay."""
    if _is_plain(text):
        return Made(text.lower())
    writing, at = Writing(), 0
    for run in _ODD.finditer(text):
        start, end = run.span()
        writing.copy(text[at:start].lower(), at)
        made = [skeleton(char) for char in run[0]]
        if "" not in made and len(joined := "".join(made)) == len(made):
            writing.copy(joined, start)
        else:
            for place, one in enumerate(made, start):
                if len(one) == 1:
                    writing.copy(one, place)
                else:
                    writing.put(one, place, place + 1)
        at = end
    writing.copy(text[at:].lower(), at)
    return writing.made()


def without_unseen(text: str) -> Made:
    """Without what is not seen, as it is otherwise: for what decoders read."""
    if _is_plain(text):
        return Made(text)
    writing, at = Writing(), 0
    for run in _ODD.finditer(text):
        if not any(map(is_unseen, run[0])):
            continue
        for place, char in enumerate(run[0], run.start()):
            if is_unseen(char):
                writing.copy(text[at:place], at)
                at = place + 1
    if not at:
        return Made(text)
    writing.copy(text[at:], at)
    return writing.made()


def _is_plain(text: str) -> bool:
    return text.isascii() and _CONTROLS.search(text) is None


def smuggled(text: str) -> Made | None:
    """What is written in characters that nobody sees: ASCII in Unicode tags, bytes in variation selectors. None where
    there is nothing. Flags of countries' parts are written in tags too, and come out as a few letters."""
    if text.isascii():
        return None
    writing = Writing()
    for found in _TAGS.finditer(text):
        writing.copy("".join(chr(ord(char) - 0xE0000) for char in found[0]), found.start())
        writing.put("\n", found.end() - 1, found.end())
    for found in _SELECTORS.finditer(text):
        raw = bytes(ord(c) - 0xFE00 if c <= "\ufe0f" else ord(c) - 0xE0100 + 16 for c in found[0])
        if raw.isascii():
            writing.copy(raw.decode("ascii"), found.start())
        else:
            writing.put(raw.decode("utf-8", "ignore"), *found.span())
        writing.put("\n", found.end() - 1, found.end())
    made = writing.made()
    return made if made.text else None
