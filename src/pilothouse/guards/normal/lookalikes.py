"""Letters of other scripts that look like Latin ones, and what any character looks like to a reader.

The look-alikes of Cyrillic, Greek, Armenian and Cherokee are a table of our own, made by eye; variants of Latin
letters, such as small capitals or letters in squares, come from the names in Python's `unicodedata`.
"""

import re
import unicodedata
from functools import lru_cache

__all__ = ["is_unseen", "skeleton"]

_LOOK_ALIKES = {
    other: latin
    for latin, others in {
        "a": "аАαΑɑᎪ", "b": "ВвЬьΒβᏴƄ", "c": "сСϲϹᏟ", "d": "ԁԀᎠժ", "e": "еЕεΕєҽᎬ", "f": "ϝғҒք", "g": "ԍԌɡցᏀ",
        "h": "һҺНнΗհᎻ",
        "i": "іІιΙӏᎥӀ", "j": "јЈϳᎫ", "k": "кКκΚᏦ", "l": "ⅼᏞ", "m": "мМΜᎷ", "n": "ηΝոռ", "o": "оОοΟօՕσѳ", "p": "рРρΡᏢ",
        "q": "ԛԚզ", "r": "гᎡᏒ", "s": "ѕЅՏᏚ", "t": "тТτΤᎢ", "u": "υսՍ", "v": "νѵѴᏙ", "w": "ԝԜωᎳ", "x": "хХχΧ",
        "y": "уУγΥүҮ", "z": "ΖζᏃ",
    }.items()
    for other in others
}  # fmt: skip
_MARKS = dict.fromkeys("‘’ʼ‛′`´", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-")
_LATIN_NAME = re.compile(r"\b(?:LATIN|REGIONAL INDICATOR)\b.*\bLETTER (?:[A-Z]+ )*([A-Z])(?: WITH .*)?$")
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_COMBINING = (
    (0x0300, 0x0370),
    (0x0483, 0x048A),
    (0x1AB0, 0x1B00),
    (0x1DC0, 0x1E00),
    (0x20D0, 0x2100),
    (0xFE20, 0xFE30),
)
"""Marks over letters of any script; vowel signs of other scripts are letters of their own and stay."""
_KNOWN = 4096


@lru_cache(_KNOWN)
def skeleton(char: str) -> str:
    """What one character looks like, in small letters: `e` for é, Е or 𝐞, `fi` for ﬁ, nothing for what is not seen.

    Compatibility forms are those of NFKC, of the character by itself.
    """
    if is_unseen(char):
        return ""
    return "".join(map(_plain, unicodedata.normalize("NFKC", char)))


def is_unseen(char: str) -> bool:
    """Whether nothing is shown for it: controls, zero widths, directions of writing, tags and variation selectors."""
    if char in _UNSEEN or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
        return True
    return unicodedata.category(char) in ("Cf", "Cc") and char not in "\t\n\v\f\r\x85"


def _plain(char: str) -> str:
    found = _LOOK_ALIKES.get(char) or _MARKS.get(char)
    if found is not None:
        return found
    if any(start <= ord(char) < end for start, end in _COMBINING):
        return ""
    if unicodedata.category(char) in ("Zs", "Zl", "Zp") or char in "\x85\u2800":
        return " "
    parts = unicodedata.normalize("NFD", char)
    if len(parts) > 1 and unicodedata.combining(parts[1]):
        return _plain(parts[0])
    named = _LATIN_NAME.search(unicodedata.name(char, ""))
    lower = named[1].lower() if named else char.lower()
    return lower if len(lower) == 1 else char
