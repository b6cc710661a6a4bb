"""What is encoded within a text, decoded in its place: base64, hexadecimal, URL and HTML escapes, `\\u0069`, Morse.

One level at a time; each is no longer than what it was made from. A run of letters counts as base64 or hexadecimal only
where it makes readable text. Plain functions.
"""

import base64
import binascii
import html
import re
from collections.abc import Callable
from typing import NamedTuple

from pilothouse.guards.normal.places import Made, Places, chained, replaced

__all__ = ["decoded"]

_LEAST = 16
"""Letters of a run that is tried as base64 or hexadecimal: 12 and 8 characters of text."""
_LETTERS = r"A-Za-z0-9+/_\-"
_RUN = re.compile(rf"(?<![{_LETTERS}])[{_LETTERS}]{{{_LEAST},}}(?:\r?\n[{_LETTERS}]{{{_LEAST},}})*={{0,2}}")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_PAIRS = re.compile(r"(?<![0-9A-Za-z])(?:0x)?[0-9a-fA-F]{2}(?:[ ,:]{1,2}(?:0x)?[0-9a-fA-F]{2}(?![0-9A-Za-z])){7,}")
_MAY_BE_PAIRS = re.compile(r"[ ,:](?:0x)?[0-9a-fA-F]{2}[ ,:]{1,2}(?:0x)?[0-9a-fA-F]{2}[ ,:]")
_PAIR = re.compile(r"(?:0x)?([0-9a-fA-F]{2})")
_PERCENT = re.compile(r"%[0-7][0-9a-fA-F]|(?:%[89a-fA-F][0-9a-fA-F])+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\})")
_MORSE = re.compile(r"(?<![.\-])[.\-]{1,6}(?: {1,3}(?:/ {0,3})?[.\-]{1,6}){5,}(?![.\-])")
_CODE = {
    "a": ".-", "b": "-...", "c": "-.-.", "d": "-..", "e": ".", "f": "..-.", "g": "--.", "h": "....", "i": "..",
    "j": ".---", "k": "-.-", "l": ".-..", "m": "--", "n": "-.", "o": "---", "p": ".--.", "q": "--.-", "r": ".-.",
    "s": "...", "t": "-", "u": "..-", "v": "...-", "w": ".--", "x": "-..-", "y": "-.--", "z": "--..",
    "0": "-----", "1": ".----", "2": "..---", "3": "...--", "4": "....-", "5": ".....", "6": "-....", "7": "--...",
    "8": "---..", "9": "----.",
}  # fmt: skip
_LETTER = {code: letter for letter, code in _CODE.items()}


class _Way(NamedTuple):
    """`hints`: without any of them in a text there is nothing to decode, nor where `gate` does not match."""

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str]], str | None]
    gate: re.Pattern[str] | None = None


def decoded(text: str) -> tuple[Made, tuple[str, ...]] | None:
    """The text with what is encoded in it decoded, one level deep, and the names of the encodings. None where there is
    nothing encoded."""
    made, names = text, list[str]()
    places: Places | None = None
    for way in _WAYS:
        if way.hints and not any(hint in made for hint in way.hints):
            continue
        if way.gate is not None and way.gate.search(made) is None:
            continue
        found = replaced(made, way.pattern, way.read)
        if found is not None:
            made, names = found.text, [*names, way.name]
            places = chained(found.places, places)
    return (Made(made, places), tuple(names)) if names else None


def _run(found: re.Match[str]) -> str | None:
    letters = found[0].replace("\r", "").replace("\n", "").rstrip("=")
    if _HEX.match(letters) and len(letters) % 2 == 0:
        return _readable(bytes.fromhex(letters))
    letters = letters.replace("-", "+").replace("_", "/")
    for skip in range(4):
        whole = letters[skip:]
        whole = whole[: len(whole) - 1] if len(whole) % 4 == 1 else whole
        try:
            raw = base64.b64decode(whole + "=" * (-len(whole) % 4))
        except binascii.Error:
            continue
        text = _readable(raw)
        if text is not None:
            return text
    return None


def _readable(raw: bytes) -> str | None:
    """The text of these bytes, None where they are hardly one."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    shown = "".join(text.split())
    return text if shown.isprintable() and any(map(str.isalnum, shown[:64])) else None


def _pairs(found: re.Match[str]) -> str | None:
    return _readable(bytes.fromhex("".join(_PAIR.findall(found[0]))))


def _percent(found: re.Match[str]) -> str | None:
    try:
        return bytes.fromhex(found[0].replace("%", "")).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _entity(found: re.Match[str]) -> str | None:
    text = html.unescape(found[0])
    return None if text == found[0] else text


def _escape(found: re.Match[str]) -> str | None:
    code = int(found[1] or found[2] or found[3], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else None


def _morse(found: re.Match[str]) -> str | None:
    made = ["".join(_LETTER.get(sign, "\0") for sign in word.split()) for word in re.split(r" *\/ *| {3}", found[0])]
    text = " ".join(made)
    return None if "\0" in text else text


_WAYS = (
    _Way("url", ("%",), _PERCENT, _percent),
    _Way("html", ("&",), _ENTITY, _entity),
    _Way("escapes", ("\\",), _ESCAPE, _escape),
    _Way("morse", (".-", "-."), _MORSE, _morse),
    _Way("hex", (), _PAIRS, _pairs, _MAY_BE_PAIRS),
    _Way("base64", (), _RUN, _run),
)
