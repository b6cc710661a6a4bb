"""What of a text is personal or secret, and the text without it: functions of kinds, made once."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import chain

from pilothouse.pii.accounts import ACCOUNTS
from pilothouse.pii.addresses import ADDRESSES
from pilothouse.pii.beside import BESIDE
from pilothouse.pii.claims import Found
from pilothouse.pii.forms import Form
from pilothouse.pii.kinds import GROUPS, expanded
from pilothouse.pii.national import NATIONAL, TOLD_NATIONAL
from pilothouse.pii.phones import PHONES
from pilothouse.pii.scan import STRIDE, Hinted, Scan, hinted, looked_through
from pilothouse.pii.secrets import SECRETS

__all__ = ["Found", "Scan", "finder", "hold_back", "redactor", "scanner"]

_SHORTEST = 6  # characters: a@b.de
_LONG = 4096  # characters, from which on a text that begins as base64 and has no space is taken to be base64
_base64 = re.compile(r"(?:data:[\w/+.-]{1,80};base64,)?[A-Za-z0-9+/=_\r\n-]{256}").match

_FAMILIES: tuple[tuple[tuple[Form, ...], frozenset[str]], ...] = (
    (SECRETS, frozenset(("secret",))),
    (ADDRESSES, frozenset(("email", "mac", "ip", "crypto_address", "url"))),
    (BESIDE, frozenset(("passport", "driver_license", "license_plate", "date_of_birth"))),
    (
        (*TOLD_NATIONAL, *ACCOUNTS, *NATIONAL, *PHONES),
        frozenset(("iban", "credit_card", "phone", *GROUPS["national_id"])),
    ),
)
"""Forms and the kinds that they tell, the more certain first. Who wants one kind has all of its family looked for, as
what is of one is of no other."""


@cache
def _forms(kinds: frozenset[str]) -> Hinted:
    return hinted([*chain.from_iterable(forms for forms, there in _FAMILIES if there & kinds)])


def hold_back(kinds: Iterable[str]) -> int:
    """How many characters wait at most before a Scan of these kinds has decided them, what it has begun to find
    aside. Of prose it is the last word."""
    return STRIDE + max((form.least for _, ranked in _forms(frozenset(kinds)) for _, form in ranked), default=0)


def scanner(kinds: Iterable[str]) -> Callable[[], Scan]:
    """Makes a Scan for each text. Raises ValueError for a kind that is none."""
    wanted = frozenset(expanded(kinds))
    forms = _forms(wanted)
    return lambda: Scan(forms, wanted)


def finder(kinds: Iterable[str]) -> Callable[[str], list[Found]]:
    """A function that tells where a text has something of these kinds, in order. What is of one is of no other. A long
    text that is base64 alone is a picture, and not searched. Raises ValueError for a kind that is none."""
    wanted = frozenset(expanded(kinds))
    forms = _forms(wanted)

    def find(text: str) -> list[Found]:
        if len(text) < _SHORTEST or not wanted or (len(text) > _LONG and " " not in text and _base64(text)):
            return []
        return looked_through(text, forms, wanted)

    return find


def redactor(kinds: Iterable[str]) -> Callable[[str], str]:
    """A function that replaces what is of these kinds: `ada@example.com` by `[email]`."""
    find = finder(kinds)

    def redact(text: str) -> str:
        found = find(text)
        if not found:
            return text
        made, at = list[str](), 0
        for kind, start, end in found:
            made += [text[at:start], f"[{kind}]"]
            at = end
        return "".join([*made, text[at:]])

    return redact
