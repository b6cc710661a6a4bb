"""What only the words before it tell: passports, driving licences, number plates, dates of birth."""

import re

from pilothouse.pii.checksums import is_date
from pilothouse.pii.forms import Alphabet, Form, beside, compiled, said_before

__all__ = ["BESIDE"]

_DOCUMENT = re.compile(r"[A-Z0-9](?<![\w-].)(?=[A-Z]{0,4}[ -]?[0-9])[A-Z0-9]{0,19}(?:[ -][A-Z0-9]{1,9}){0,3}(?!\w|-\w)")
_PLATE = re.compile(r"[A-ZÄÖÜ0-9](?<![\w-].)[A-ZÄÖÜ0-9]{0,7}(?:[ -]{1,2}[A-Z0-9]{1,4}){0,3}(?!\w|-\w)")
_MONTHS = (
    "jan(?:uary|uar|vier|eiro|)|feb(?:ruary|ruar|)|mar(?:ch|s|zo|)|m[äa]rz|apr(?:il|)|may|mai|mayo|jun[ei]?|jul[yi]?|aug(?:ust|)|"
    "sep(?:t|tember|)|o[ck]t(?:ober|)|nov(?:ember|)|de[cz](?:ember|)"
)
_DATE = compiled(
    r"[0-9JFMASOND](?<![\w.].)(?:[0-9]?[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{3}[./-]\d{1,2}[./-]\d{1,2}"
    rf"|[0-9]?(?:st|nd|rd|th|\.)?[ -](?:of )?(?i:{_MONTHS})\.?,?[ -]\d{{2,4}}"
    r"|(?<=[JFMASOND])[a-zä]{2,8}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})(?!\w|[./-]\d)"
)
_passport = said_before(r"passport|reisepass|passeport|pasaporte|passaporto|paspoort")
_licence = said_before(
    r"driv(?:er'?s?|er’s|ing) (?:licen[cs]e|permit)|führerschein|permis de conduire|licencia de conducir"
    r"|carnet de conducir|patente di guida|rijbewijs|dl (?:no|number|#)"
)
_plated = said_before(
    r"(?:licen[cs]e|number|registration) plate|plates? (?:is|no|number|:)|vehicle registration|kennzeichen"
    r"|immatriculation|matrícula|targa|kenteken|reg(?:istration)?\.? (?:no|number)"
)
_born = said_before(
    r"born|birth|d\.o\.b|dob\b|geboren|geb\.|geburts|née?\b|naissance|nacid[oa]|nacimiento|nat[oa] il|nascita|nascid"
    r"|nascimento|geboorte|urodz|född"
)


def _document(found: str, before: str) -> tuple[str, int] | None:
    near, end = before[-32:], len(found)
    kind = "driver_license" if _licence(near) else "passport" if _passport(near) else ""
    while kind and end > 0:
        if any(map(str.isdigit, found[max(0, _gap(found, end)) : end])):
            return (kind, end) if sum(map(str.isdigit, found[:end])) >= 5 else None
        end = _gap(found, end)
    return None


def _plate(found: str, before: str) -> tuple[str, int] | None:
    if not _plated(before[-32:]):
        return None
    end = len(found)
    while end > 0:
        plate = found[:end]
        if 4 <= sum(map(str.isalnum, plate)) <= 9:
            mixed = any(map(str.isdigit, plate)) and any(map(str.isalpha, plate))
            return ("license_plate", end) if mixed else None
        end = len(found[: max(0, _gap(found, end))].rstrip(" -"))
    return None


def _gap(found: str, end: int) -> int:
    """Where the last group before a place begins, its separator included; -1 where it is the first."""
    return max(found.rfind(" ", 0, end), found.rfind("-", 0, end))


def _birth(found: str, before: str) -> str | None:
    if not _born(before[-40:]):
        return None
    parts = [int(part) for part in re.findall("[0-9]+", found)]
    if len(parts) != 3:
        return "date_of_birth"  # its month is a word
    year, *rest = sorted(parts, reverse=True) if max(parts) > 31 else (2000, *parts[:2])
    year = year if year > 99 else 1900 + year
    return "date_of_birth" if any(is_date(year, *order) for order in (rest, rest[::-1])) else None


_PAPERS = beside("passport", "passeport", "pasaporte", "passaporto", "paspoort", "reisepass", "licence", "license",
                 "permi", "führerschein", "conducir", "patente", "rijbewijs", "dl ")  # fmt: skip
_PLATES = beside("plate", "regist", "reg ", "reg.", "kennzeichen", "immatric", "matrícula", "targa", "kenteken")
_BIRTHS = beside("born", "birth", "d.o.b", "dob", "gebo", "geb.", "geburt", "né", "naissance", "naci", "nato il",
                 "nata il", "nasci", "urodz", "född")  # fmt: skip

BESIDE: tuple[Form, ...] = (
    Form(_DOCUMENT, _document, Alphabet.CODE, 52, 52, _PAPERS),
    Form(_PLATE, _plate, Alphabet.CODE, 30, 30, _PLATES),
    Form(_DATE, _birth, Alphabet.DATE, 36, 36, _BIRTHS),
)
"""The more certain first."""
