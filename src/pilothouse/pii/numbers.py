"""Numbers of people: cards, accounts, telephones, and those that states give them.

One number is of one kind: what its groups and check digits say, and where these say little, the words before it. Sources:
ISO/IEC 7812, ISO 13616, ITU-T E.164, and the issuers' own rules (checksums.py).
"""

import re

from pilothouse.pii.checksums import (
    bsn,
    cn_resident,
    cpf,
    de_tax,
    fiscal_code,
    luhn,
    mod_97,
    nhs,
    nif,
    nir,
    pesel,
    tfn,
    verhoeff,
)
from pilothouse.pii.forms import Alphabet, Form, Signs, beside, digits_of, said_before

__all__ = ["COUNTRIES", "NUMBERS"]

COUNTRIES = dict(
    pair.split(":") for pair in
    "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BI:27 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22 DJ:27 DK:18 "
    "DO:28 EE:20 EG:29 ES:24 FI:18 FK:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 "
    "IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 MD:24 ME:22 MK:19 MN:20 MR:27 MT:31 "
    "MU:30 NI:28 NL:18 NO:15 OM:23 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 RU:33 SA:24 SC:31 SD:18 SE:24 SI:19 SK:24 "
    "SM:27 SO:23 ST:25 SV:28 TL:23 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20".split()
)  # fmt: skip
"""How long an IBAN of a country is (SWIFT's registry, release 97)."""


def _numerous(signs: Signs) -> bool:
    return signs.numerous


def _accounted(signs: Signs) -> bool:
    return signs.numerous and b"aa00" in signs.shape


# ---- cards and accounts

_CARD = re.compile(
    r"[1-6](?<![\w.+(].)(?:\d{11,18}|\d{3}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{3}([ -])\d{6}\2\d{4,5})(?!\w|\.\d)"
)
_IBAN = re.compile(r"[A-Z](?<![^\W_].)[A-Z]\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![^\W_])")
_IBAN_TIGHT = re.compile(r"[A-Za-z](?<![^\W_].)[A-Za-z]\d{2}[A-Za-z0-9]{11,30}(?![^\W_])")


def _card(found: str, before: str) -> tuple[str, int] | None:
    """The longest of the groups that is a card: what follows may be another number."""
    end = len(found)
    while (size := len(digits := digits_of(found[:end]))) >= 12:
        four = int(digits[:4])
        issued = four >= 3000 or 2221 <= four <= 2720 or (four in (1800, 2131) and size == 15)
        if issued and luhn(digits):
            return "credit_card", end
        end = max(found.rfind(" ", 0, end), found.rfind("-", 0, end))
        if end < 0:
            return None
    return None


def _iban(found: str, before: str) -> tuple[str, int] | None:
    left = int(COUNTRIES.get(found[:2].upper(), 0))
    for end, sign in enumerate(found, 1):
        left -= sign.isalnum()
        if left == 0:
            ends = end == len(found) or not found[end].isalnum()
            compact = "".join(filter(str.isalnum, found[:end])).upper()
            return ("iban", end) if ends and mod_97(compact) else None
    return None


# ---- what states give

_PLAIN = re.compile(r"[1-9](?<![\w.+-].)\d{14}(?:\d\d[\dXx])?(?!\w|[.-]\d)")
_GROUPED = re.compile(
    r"[0-9](?<![\w.+-].)(?:\d{2}-\d{2}-\d{4}|(?<=[2-9])\d{3}([ -])\d{4}\1\d{4}|\d{2}\.\d{3}\.\d{3}-\d{2}|\d{5}[+-]\d{4}"
    r"|\d{7}-\d{4}|(?<=[12]) \d\d \d\d (?:\d\d|2[AB]) \d{3} \d{3} \d\d|(?<=[12])\d{4}2[AB]\d{8})(?!\w|[.-]\d)"
)
_TOLD = re.compile(r"[0-9](?<![\w.+-].)(?<![0-9][ -].)(?:\d{7,11}|\d{0,3}(?:[ .-]\d{2,6}){2,3})(?!\w|[.-]\d)")
_LETTERED = re.compile(
    r"[A-Z0-9](?<![\w.-].)(?:[A-Z] ?\d\d ?\d\d ?\d\d ?[A-D]|\d{7}-?[A-Z]|(?<=[XYZ])-?\d{7}-?[A-Z]"
    r"|[A-Z]{5}[0-9L-V]{2}[A-EHLMPRST][0-9L-V]{2}[A-Z][0-9L-V]{3}[A-Z])(?![\w-])"
)
_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]")
_SAID = {
    kind: said_before(words)
    for kind, words in {
        "us_ssn": r"ssn|social security|itin\b", "uk_nhs": r"nhs", "nl_bsn": r"bsn|burgerservice|sofi",
        "au_tfn": r"tfn|tax file", "ca_sin": r"sin\b|social insurance", "pl_pesel": r"pesel", "br_cpf": r"cpf",
        "de_tax_id": r"steuer|tax id|tin\b|id-?nr", "in_aadhaar": r"aadh?aar|uidai", "se_personnummer": r"personn",
    }.items()
}  # fmt: skip


_NATIONS = beside("ssn", "security", "itin", "nhs", "bsn", "burgers", "sofi", "tfn", "tax", "sin", "social insur",
                  "pesel", "cpf", "steuer", "tin", "idnr", "id-nr", "id nr", "aadh", "uidai", "personn")  # fmt: skip


def _national(signs: Signs) -> object:
    return signs.numerous and _NATIONS(signs)


def _ssn(digits: str) -> bool:
    """Social Security Administration, POMS RM 10201.030: no area 000, 666 or from 900 on, no empty group."""
    return digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"


def _swedish(digits: str) -> bool:
    ten = digits[-10:]
    return 1 <= int(ten[2:4]) <= 12 and 1 <= int(ten[4:6]) % 60 <= 31 and luhn(ten)


_BY_SIZE = {
    8: (("au_tfn", tfn),),
    9: (("us_ssn", _ssn), ("ca_sin", luhn), ("au_tfn", tfn), ("nl_bsn", bsn)),
    10: (("uk_nhs", nhs), ("se_personnummer", _swedish)),
    11: (("pl_pesel", pesel), ("br_cpf", cpf), ("de_tax_id", de_tax)),
    12: (("in_aadhaar", verhoeff), ("se_personnummer", _swedish)),
}
"""Whose digits check by chance once in ten or so: a word before them must say it."""


def _plain(found: str, before: str) -> str | None:
    if len(found) == 15 and found.isdigit() and nir(found):
        return "fr_nir"
    return "cn_resident_id" if len(found) == 18 and cn_resident(found) else None


def _said(found: str, before: str) -> str | None:
    digits = digits_of(found)
    for kind, holds in _BY_SIZE.get(len(digits), ()):
        if _SAID[kind](before) and holds(digits):
            return kind
    return None


def _grouped(found: str, before: str) -> str | None:
    digits = digits_of(found)
    if len(digits) == 9:
        return "us_ssn" if _ssn(digits) else None
    if found[3] == ".":
        return "br_cpf" if cpf(digits) else None
    if found[1] == " " or len(found) == 15:
        return "fr_nir" if nir(found.replace(" ", "")) else None
    if len(digits) == 12 and len(found) == 14:
        return "in_aadhaar" if verhoeff(digits) else None
    return "se_personnummer" if _swedish(digits) else None


def _lettered(found: str, before: str) -> str | None:
    compact = found.replace(" ", "").replace("-", "")
    if len(compact) == 16:
        return "it_fiscal_code" if fiscal_code(compact) else None
    if compact[:2].isalpha():
        return "uk_nino" if _NINO.match(compact) else None
    return "es_nif" if nif(compact) else None


# ---- telephones

_EXTENSION = r"(?:[ ,]{0,2}(?:x|ext\.?)[ ]?\d{1,6})?(?!\w|-\d|\.\d|/\d)"
_PHONE = re.compile(
    r"[0-9(+](?<![\w.+/-].)(?:"
    r"(?:(?<=\+)[1-9]\d{0,14}|(?<=\()\+[1-9]\d{0,2}\)|(?<=0)0[1-9]\d{0,12})(?:[ .\-/]{0,2}\(\d{1,5}\)|[ .\-/]{1,2}\d{1,11}"
    r"|(?<=\))\d{1,11}){0,6}"  # with the country's code
    r"|(?:(?<=0)|(?<=\()0)\d{1,4}\)?(?:[ .\-/]{1,2}\d{2,8}){1,4}"  # with a trunk zero
    r"|(?:(?<=1)[ .-])?(?:(?<=\()[2-9]\d\d\)[ .-]?|(?<=[2-9])\d\d[ .-]|\(?[2-9]\d\d\)?[ .-])\d{3}[ .-]\d{4}"  # North America
    r"|\d(?:-\d\d){3,4}"  # pairs
    r"|(?<=\()\d{2,4}\)[ -]?\d{2,4}[ -]\d{2,4}"
    rf"){_EXTENSION}"
)
_GIVEN = re.compile(
    r"[0-9(](?<![\w.+/-].)(?<![0-9][ .\-/].)\d{0,14}(?:[ .\-/]{0,2}\(\d{1,5}\)|[ .\-/]{1,2}\d{1,11}|(?<=\))\d{1,11}){0,5}"
    rf"{_EXTENSION}"
)
_CODES = frozenset(
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 "
    "92 93 94 95 98 21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99".split()
)
"""E.164 country codes; those of three digits by their first two."""
_CALLED = said_before(
    r"phone|tele?(?:fon|ph|\b)|call|mobil|cell|fax|ring\b|dial|whats-?app|sms|text me|handy|contact|reach (?:me|us|him|her)"
    r"|hotline|móvil|numéro|(?:my|his|her|their|our|your) number|messages? (?:to|on|at|from)|answer(?:s|ing)? (?:at|on)"
)
_EXTENDED = re.compile(r"[ ,]{0,2}[xeXE]")
_DATE = re.compile(r"(?:19|20)\d\d[ ./-]\d{1,2}[ ./-]\d{1,2}(?!\d)|\d{1,2}[ ./-]\d{1,2}[ ./-](?:19|20)\d\d(?!\d)")


def _phone(found: str, before: str) -> tuple[str, int] | None:
    number, end = _dialled(found)
    size = len(digits := digits_of(number))
    if size < 7 or _DATE.match(number):
        return None
    coded = number[0] == "+" or number[:2] in ("(+", "00")
    if coded and (size < 8 or not (code := digits.lstrip("0"))[:1] in _CODES and code[:2] not in _CODES):
        return None
    return "phone", end


def _given(found: str, before: str) -> tuple[str, int] | None:
    number, end = _dialled(found)
    if not _CALLED(before[-40:]) or len(digits_of(number)) < 6 or _DATE.match(number):
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


_CALLS = beside("phone", "tel", "call", "mobil", "cell", "fax", "ring", "dial", "whats", "sms", "text", "handy", "contact",
                "reach", "hotline", "móvil", "num", "messag", "answer")  # fmt: skip


def _calling(signs: Signs) -> object:
    return signs.numerous and _CALLS(signs)


NUMBERS: tuple[Form, ...] = (
    Form(_IBAN, _iban, Alphabet.CODE, 48, 48, _accounted),
    Form(_IBAN_TIGHT, _iban, Alphabet.WORD, 38, 38, _accounted),
    Form(_LETTERED, _lettered, Alphabet.CODE, 20, 20, _numerous),
    Form(_TOLD, _said, Alphabet.NUMBER, 28, 28, _national),
    Form(_PLAIN, _plain, Alphabet.NUMBER, 22, 22, _numerous),
    Form(_CARD, _card, Alphabet.NUMBER, 26, 26, _numerous),
    Form(_GROUPED, _grouped, Alphabet.CODE, 26, 26, _numerous),
    Form(_PHONE, _phone, Alphabet.NUMBER, 140, 50, _numerous),
    Form(_GIVEN, _given, Alphabet.NUMBER, 140, 50, _calling),
)
"""The more certain first."""
