"""Numbers that states give to people: by their groups and check digits, and where these say little, by the words before
them. Sources: the issuers' own rules, see checksums.py.
"""

import re

from pilothouse.pii.checksums import (
    bsn,
    cn_resident,
    cpf,
    de_tax,
    fiscal_code,
    luhn,
    nhs,
    nif,
    nir,
    pesel,
    tfn,
    verhoeff,
)
from pilothouse.pii.forms import Alphabet, Form, Signs, beside, compiled, digits_of, numerous, said_before

__all__ = ["NATIONAL", "TOLD_NATIONAL"]


def _mixed(signs: Signs) -> bool:
    return b"000a" in signs.shape.translate(None, b" -")


_PLAIN = compiled(r"[1-9](?<![\w.+-].)\d{14}(?:\d\d[0-9Xx])?(?!\w|[.-]\d)")
_GROUPED = compiled(
    r"[0-9](?<![\w.+-].)(?:\d{2}-\d{2}-\d{4}|(?<=[2-9])\d{3}([ -])\d{4}\1\d{4}|\d{2}\.\d{3}\.\d{3}-\d{2}|\d{5}[+-]\d{4}"
    r"|\d{7}-\d{4}|(?<=[12]) \d\d \d\d (?:\d\d|2[AB]) \d{3} \d{3} \d\d|(?<=[12])\d{4}2[AB]\d{8})(?!\w|[.-]\d)"
)
_TOLD = compiled(r"[0-9](?<![\w.+-].)(?<![0-9][ -].)(?:\d{7,11}|\d{0,3}(?:[ .-]\d{2,6}){2,3})(?!\w|[.-]\d)")
_LETTERED = compiled(
    r"[A-Z0-9](?<![\w.-].)(?:[A-Z] ?\d\d ?\d\d ?\d\d ?[A-D]|\d{7}-?[A-Z]|(?<=[XYZ])-?\d{7}-?[A-Z]"
    r"|[A-Z]{5}[0-9L-V]{2}[A-EHLMPRST][0-9L-V]{2}[A-Z]\d{3}[A-Z])(?![\w-])"
)
_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]")
_SAID = {
    kind: said_before(words)
    for kind, words in {
        "us_ssn": r"ssn|social security|itin\b", "uk_nhs": r"nhs", "nl_bsn": r"bsn|burgerservice|sofi",
        "au_tfn": r"tfn|tax file", "ca_sin": r"sin\b|social insurance", "pl_pesel": r"pesel", "br_cpf": r"cpf",
        "de_tax_id": r"steuer|tax id|tin\b|id-?nr", "in_aadhaar": r"aadhaa?r|uidai", "se_personnummer": r"personn",
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
    if len(found) == 15 and found[0] in "12" and nir(found):
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


TOLD_NATIONAL: tuple[Form, ...] = (
    Form(_LETTERED, _lettered, Alphabet.CODE, 20, 20, _mixed),
    Form(_TOLD, _said, Alphabet.NUMBER, 28, 28, _national),
    Form(_PLAIN, _plain, Alphabet.NUMBER, 22, 22, numerous),
)
"""The more certain first; more certain than the number of a card."""
NATIONAL: tuple[Form, ...] = (Form(_GROUPED, _grouped, Alphabet.CODE, 26, 26, numerous),)
"""Less certain than that."""
