"""Telephone numbers: with a country's code, a trunk zero, in the groups in which they are written, or beside a word
that says so. Source: ITU-T E.164.
"""

import re

from pilothouse.pii.forms import Alphabet, Form, Signs, beside, compiled, digits_of, numerous, said_before

__all__ = ["PHONES"]

_EXTENSION = r"(?:[ ,]{0,2}(?:x|ext\.?)[ ]?\d{1,6})?(?!\w|-\d|\.\d|/\d)"
_PHONE = compiled(
    r"[0-9(+](?<![\w.+/-].)(?:"
    r"(?:(?<=\+)[1-9]\d{0,14}|(?<=\()\+[1-9]\d{0,2}\)|(?<=0)0[1-9]\d{0,12})"
    r"(?:[ .\-/]{0,2}\(\d{1,5}\)|[ .\-/]{1,2}\d{1,11}|(?<=\))\d{1,11}){0,6}"  # with the country's code
    r"|(?:(?<=0)|(?<=\()0)\d{1,4}\)?(?:[ .\-/]{1,2}\d{2,8}){1,4}"  # with a trunk zero
    r"|(?:(?<=1)[ .-])?(?:(?<=\()[2-9]\d\d\)[ .-]?|(?<=[2-9])\d\d[ .-]|\(?[2-9]\d\d\)?[ .-])"
    r"\d{3}[ .-]\d{4}"  # North America
    r"|\d(?:-\d\d){3,4}"  # pairs
    r"|(?<=\()\d{2,4}\)[ -]?\d{2,4}[ -]\d{2,4}"
    rf"){_EXTENSION}"
)
_GIVEN = compiled(
    r"[0-9(](?<![\w.+/-].)(?<![0-9][ .\-/].)\d{0,14}"
    rf"(?:[ .\-/]{{0,2}}\(\d{{1,5}}\)|[ .\-/]{{1,2}}\d{{1,11}}|(?<=\))\d{{1,11}}){{0,5}}{_EXTENSION}"
)
_CODES = frozenset(
    re.findall(
        r"\d+",
        "1 7 20 21 22 23 24 25 26 27 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 "
        "53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 80 81 82 84 85 86 87 88 90 91 92 93 94 95 96 97 "
        "98 99 ",
    )
)
"""E.164 country codes; those of three digits by their first two."""
_CALLED = said_before(
    r"phone|tele?(?:fon|ph|\b)|call|mobil|cell|fax|ring\b|dial|whats-?app|sms|text me|handy|contact"
    r"|reach (?:me|us|him|her)|hotline|móvil|numéro"
    r"|(?:my|his|her|their|our|your) number|messages? (?:to|on|at|from)|answer(?:s|ing)? (?:at|on)"
)
_EXTENDED = re.compile(r"[ ,]{0,2}[xeXE]")
_DATE = compiled(r"(?:19|20)\d\d[ ./-]\d{1,2}[ ./-]\d{1,2}(?!\d)|\d{1,2}[ ./-]\d{1,2}[ ./-](?:19|20)\d\d(?!\d)")


def _phone(found: str, before: str) -> tuple[str, int] | None:
    number, end = _dialled(found)
    size = len(digits := digits_of(number))
    if size < 7 or _DATE.match(number):
        return None
    coded = number[0] == "+" or number[:2] in ("(+", "00")
    if coded and (size < 8 or ((code := digits.lstrip("0"))[:1] not in _CODES and code[:2] not in _CODES)):
        return None
    return "phone", end


def _given(found: str, before: str) -> tuple[str, int] | None:
    number, end = _dialled(found)
    if not _CALLED(before[-40:]) or len(digits_of(number)) < 7 or _DATE.match(number):
        return None
    return "phone", end


def _dialled(found: str) -> tuple[str, int]:
    """At most fifteen digits of it (E.164) without an extension, and how much of what was found belongs to it."""
    number = _EXTENDED.split(found, maxsplit=1)[0]
    end = len(number)
    while len(digits_of(number[:end])) > 15:
        end = max(number.rfind(sign, 0, end) for sign in " .-/(")
    if end == len(number):
        return number, len(found)
    number = number[:end].rstrip(" .-/(")
    return number, len(number)


_CALLS = beside("phone", "tel", "call", "mobil", "cell", "fax", "ring", "dial", "whats", "sms", "text", "handy",
                "contact", "reach", "hotline", "móvil", "num", "messag", "answer")  # fmt: skip


def _calling(signs: Signs) -> object:
    return signs.numerous and _CALLS(signs)


PHONES: tuple[Form, ...] = (
    Form(_PHONE, _phone, Alphabet.NUMBER, 140, 50, numerous),
    Form(_GIVEN, _given, Alphabet.NUMBER, 140, 50, _calling),
)
"""The more certain first."""
