"""Words that are spelled so that only people and models read them: `i g n o r e`, `1gn0re`, `erongi`, rot13.

Works on folded texts. What is costly is only made where a cheap sign of it is there. Plain functions.
"""

import re
import string

from pilothouse.guards.normal.places import Made, Mirror, Writing

__all__ = ["leet", "mirrored", "rotated", "spaced"]

_SEPARATORS = r"\s.\-_*~|/,:·•+"
_SINGLE = rf"(?<![a-z0-9])[a-z0-9@$!](?:[{_SEPARATORS}]{{1,4}}[a-z0-9@$!](?![a-z0-9])){{4,}}"
_CHUNKS = r"(?<![a-z0-9])[a-z]{1,3}(?:[.\-_*~|·•+][a-z]{1,3}(?![a-z])){2,}"
_SPACED = re.compile(f"{_SINGLE}|{_CHUNKS}")
_MAY_BE_SINGLE = re.compile(rf"[{_SEPARATORS}][a-z0-9@$!][{_SEPARATORS}]{{1,4}}[a-z0-9@$!](?![a-z0-9])")
_MAY_BE_CHUNKS = re.compile(r"[.\-_*~|·•+][a-z]{1,3}[.\-_*~|·•+]")
_GAP = re.compile(rf"[{_SEPARATORS}]+")
_LEET = re.compile(r"[013457$](?:(?<=[a-z].)(?=[a-z])|(?<![a-z0-9].)(?=[a-z]{3}))")
_FROM_LEET = str.maketrans("01345789@$l", "oieastbgasi")
_SIGNS = (
    "vtaber", "qvfertneq", "sbetrg", "cerivbhf", "vafgehpgvba", "cebzcg", "flfgrz", "erirny", "erfgevpgvba", "ehyrf",
)  # fmt: skip
_ROTATED = str.maketrans(string.ascii_lowercase, string.ascii_lowercase[13:] + string.ascii_lowercase[:13])
_BACKWARDS = (
    "erongi", "dragersid", "tegrof", "suoiverp", "noitcurtsni", "tpmorp", "metsys", "laever", "noitcirtser",
    "selur",
)  # fmt: skip


def spaced(text: str) -> Made | None:
    """The words that are spelled letter by letter, one after the other; gaps between words are kept where they are
    wider than those between letters. None where there are none."""
    if not (_MAY_BE_SINGLE.search(text) or _MAY_BE_CHUNKS.search(text)):
        return None
    writing = Writing()
    for found in _SPACED.finditer(text):
        _joined(writing, text, *found.span())
        writing.put("\n", found.end() - 1, found.end())
    made = writing.made()
    return made if made.text else None


def _joined(writing: Writing, text: str, start: int, end: int) -> None:
    gaps = [gap.span() for gap in _GAP.finditer(text, start, end)]
    narrow = min(until - begin for begin, until in gaps)
    blank = not all(any(map(str.isspace, text[begin:until])) for begin, until in gaps)
    at = start
    for begin, until in gaps:
        writing.copy(text[at:begin], at)
        if until - begin > narrow or (blank and any(map(str.isspace, text[begin:until]))):
            writing.put(" ", begin, until)
        at = until
    writing.copy(text[at:end], at)


def leet(text: str) -> Made | None:
    """Digits and signs as the letters that they stand for; every `l` as an `i` too, since a 1 is either."""
    return Made(text.translate(_FROM_LEET)) if _LEET.search(text) else None


def rotated(text: str) -> Made | None:
    """Rot13, where it shows a word that attacks need."""
    return Made(text.translate(_ROTATED)) if any(sign in text for sign in _SIGNS) else None


def mirrored(text: str) -> Made | None:
    """Read from its end, where that shows a word that attacks need."""
    return Made(text[::-1], Mirror(len(text))) if any(sign in text for sign in _BACKWARDS) else None
