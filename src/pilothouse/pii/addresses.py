"""Where people and machines are reached: e-mail, pages, IP and hardware addresses, and those of cryptocurrencies.

Sources: RFC 5321 and 6531 (e-mail), RFC 4291 (IPv6), IEEE 802 (MAC), BIP 13, 173 and 350 (Bitcoin).
"""

import ipaddress
import re

from pilothouse.pii.checksums import base58check, bech32
from pilothouse.pii.forms import Alphabet, Form, Signs, compiled, lengthy

__all__ = ["ADDRESSES"]


def _at(signs: Signs) -> bool:
    return "@" in signs.text


def _linked(signs: Signs) -> bool:
    return "://" in signs.text or "www." in signs.text


def _colons(signs: Signs) -> bool:
    return ":" in signs.text and (b"0:0" in signs.hexadecimal or b"::" in signs.hexadecimal)


def _hardware(signs: Signs) -> bool:
    return b"00:00:00" in signs.hexadecimal


def _dotted(signs: Signs) -> bool:
    shape = signs.shape
    return b"0.0" in shape and (b"0.0.0" in shape or b"0.00.0" in shape or b"0.000.0" in shape)


_EMAIL = re.compile(
    r"(?<![\w.%+-])[\w.%+'-]{1,64}@[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W\d_](?:[\w-]{0,61}[^\W_])?){1,7}"
)
_URL = re.compile(r"(?<![\w.@/])(?:https?://|www\.)[^\s<>\"'`|\\^{}\[\]()]{3,1000}")
_IPV4 = compiled(r"[0-9](?<![\w.].)\d{0,2}\.(?:\d{1,3}\.){2}\d{1,3}(?!\w|\.\d)")
_IPV6 = compiled(
    r"[0-9A-Fa-f:](?<![\w:.].)(?:(?<=:)|[0-9A-Fa-f]{0,3}:)(?:[0-9A-Fa-f]{0,4}:){1,6}"
    r"(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{1,4})?(?![\w:])"
)
_MAC = re.compile(r"[0-9A-Fa-f](?<![\w:-].)[0-9A-Fa-f]([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:-])")
_CRYPTO = re.compile(
    r"[013bBtTlL](?<![A-Za-z0-9].)(?:(?<=[13])[1-9A-HJ-NP-Za-km-z]{25,34}|(?<=0)x[0-9A-Fa-f]{40}"
    r"|(?i:(?<=b)c1|(?<=t)b1|(?<=l)tc1)[02-9ac-hj-np-zAC-HJ-NP-Z]{11,71})"
    r"(?![A-Za-z0-9])"
)


def _ip(found: str, before: str) -> str | None:
    if "." not in found and sum(map(str.isalnum, found)) <= 4:
        return None  # `a::b` may be anything
    try:
        ipaddress.ip_address(found)
    except ValueError:
        return None
    if "." in found:
        return None if before[-9:].lower().rstrip().endswith(("version", " ver", "release")) else "ip"
    return "ip"


def _url(found: str, before: str) -> tuple[str, int]:
    return "url", len(found.rstrip(".,;:!?"))


def _coin(found: str, before: str) -> str | None:
    if found[:2] == "0x":
        return "crypto_address" if len({*found[2:].lower()}) > 4 else None
    holds = base58check(found) if found[0] in "13" else bech32(found)
    return "crypto_address" if holds else None


ADDRESSES: tuple[Form, ...] = (
    Form(_EMAIL, lambda found, before: "email", Alphabet.WORD, 570, 195, _at),
    Form(_MAC, lambda found, before: "mac", Alphabet.WORD, 20, 20, _hardware),
    Form(_IPV6, _ip, Alphabet.WORD, 56, 56, _colons),
    Form(_IPV4, _ip, Alphabet.WORD, 20, 20, _dotted),
    Form(_CRYPTO, _coin, Alphabet.WORD, 80, 80, lengthy),
    Form(_URL, _url, Alphabet.WORD, 1012, 14, _linked, re.compile(r"\S*")),
)
"""The more certain first."""
