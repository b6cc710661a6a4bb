"""Numbers of cards and accounts, by issuer, length and check digits. Sources: ISO/IEC 7812, ISO 13616."""

import re

from pilothouse.pii.checksums import luhn, mod_97
from pilothouse.pii.forms import Alphabet, Form, Signs, compiled, digits_of, numerous

__all__ = ["ACCOUNTS", "COUNTRIES"]

COUNTRIES = dict(
    re.findall(
        r"(..):(\d\d)",
        "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BI:27 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22 DJ:27 "
        "DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FK:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28 IE:22 "
        "IL:23 IQ:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 MD:24 ME:22 MK:19 "
        "MN:20 MR:27 MT:31 MU:30 NI:28 NL:18 NO:15 OM:23 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 RU:33 SA:24 SC:31 "
        "SD:18 SE:24 SI:19 SK:24 SM:27 SO:23 ST:25 SV:28 TL:23 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20 ",
    )
)
"""How long an IBAN of a country is (SWIFT's registry, release 97)."""


def _accounted(signs: Signs) -> bool:
    return b"aa00" in signs.shape


_CARD = compiled(
    r"[1-6](?<![\w.+(].)(?:\d{11,18}|\d{3}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{3}([ -])\d{6}\2\d{4,5})"
    r"(?!\w|\.\d)"
)
_IBAN = compiled(r"[A-Z](?<![^\W_].)[A-Z]\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![^\W_])")
_IBAN_TIGHT = compiled(r"[A-Za-z](?<![^\W_].)[A-Za-z]\d{2}[A-Za-z0-9]{11,30}(?![^\W_])")


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


ACCOUNTS: tuple[Form, ...] = (
    Form(_IBAN, _iban, Alphabet.CODE, 48, 48, _accounted),
    Form(_IBAN_TIGHT, _iban, Alphabet.WORD, 38, 38, _accounted),
    Form(_CARD, _card, Alphabet.NUMBER, 26, 26, numerous),
)
"""The more certain first."""
