"""What stands in the place of personal data: its kind in brackets, itself with most signs crossed out, or a hash."""

import hmac
from collections.abc import Callable, Sequence
from typing import Literal

from pilothouse.guarded import Finding
from pilothouse.pii.claims import Found

__all__ = ["Allowed", "Style", "finding_of", "masked"]

Style = Literal["kind", "mask", "hash", "pseudonym"]
"""`[email]`; `***********.com`; `[email:9f86d081]`, the same for the same value and key; `<EMAIL_1>`, which becomes the
value again in what the caller gets."""

_SHOWN = 4
_LEAST_MASKED = 8


class Allowed:
    """Whether a value is one that may stand: those of the list, in any case and however their digits are grouped; one
    that begins with `@` allows the addresses of that domain."""

    def __init__(self, listed: Sequence[str]) -> None:
        self._domains = tuple(one.strip().casefold() for one in listed if one.strip().startswith("@"))
        self._values = frozenset(_plain(one) for one in listed)

    def __call__(self, value: str) -> bool:
        return _plain(value) in self._values or value.casefold().endswith(self._domains)


def masked(value: str) -> str:
    """Letters and digits crossed out but for the last four; all of them where there are fewer than eight."""
    signs = sum(map(str.isalnum, value))
    hidden = signs - _SHOWN if signs >= _LEAST_MASKED else signs
    made = list[str]()
    for sign in value:
        counts = sign.isalnum()
        made.append("*" if counts and hidden > 0 else sign)
        hidden -= counts
    return "".join(made)


def finding_of(found: Found, value: str, style: Style, key: str) -> Finding:
    """What was found, with what stands in its place. Who has no stand-ins to give says the kind."""
    instead: dict[str, Callable[[], str]] = {
        "mask": lambda: masked(value),
        "hash": lambda: f"[{found.kind}:{hmac.new(key.encode(), _plain(value).encode(), 'sha256').hexdigest()[:8]}]",
    }
    made = instead.get(style)
    return Finding(found.kind, found.start, found.end, None if made is None else made())


def _plain(value: str) -> str:
    """In one spelling: a number written with blanks or without is the same."""
    return value.strip().casefold() if "@" in value else "".join(filter(str.isalnum, value)).casefold()
