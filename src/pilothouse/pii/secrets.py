"""Secrets: by the forms that vendors give their keys, and beside words that say what they are.

The forms are those of the vendors' own documentation and of the patterns that they publish for scanning.
"""

import base64
import json
import math
import re
from collections import Counter

from pilothouse.pii.forms import Alphabet, Form, Signs, beside, in_any_case, lengthy

__all__ = ["SECRETS", "bits", "is_stand_in"]

_STAND_IN = re.compile(
    r"x{4,}|\*{3,}|\.{3}|your|example|placeholder|redacted|dummy|changeme|<|1234567|abcdef", re.IGNORECASE
)

_VENDORS = (
    r"[sr]k-(?:proj-|svcacct-|admin-|ant-)?[\w-]{16}",  # OpenAI, Anthropic and those who do as they do
    r"(?:[srp]k|ph|whsec)[-_](?:live_|test_)?[\w-]{16}",  # Stripe, Pilothouse
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}",  # AWS
    r"gh[opsur]_\w{36}|github_pat_\w{22}",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w-]{20}",  # GitLab
    r"xox[a-z]-[\w-]{10}|xapp-[\w-]{20}",  # Slack
    r"AIza[\w-]{35}|ya29\.[\w-]{20}|GOCSPX-[\w-]{28}",  # Google
    r"hf_\w{30}|npm_\w{36}|pypi-AgE[\w-]{40}|r8_\w{32}|gsk_\w{32}|xai-\w{32}|nvapi-[\w-]{32}|pplx-\w{32}|tvly-\w{20}",
    r"SG\.[\w-]{16,64}\.[\w-]{16}",  # SendGrid
    r"do[opr]_v1_[0-9a-f]{64}|shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}|lin_api_\w{32}",  # DigitalOcean, Shopify, Linear
    r"(?:AC|SK)[0-9a-f]{32}(?!\w)|key-[0-9a-f]{32}(?!\w)|[0-9a-f]{32}-us[0-9]{1,2}(?!\w)",  # Twilio, Mailgun, Mailchimp
    r"dapi[0-9a-f]{32}|hvs\.[\w-]{24}|dp\.(?:pt|st|ct|sa)\.\w{40}",  # Databricks, Vault, Doppler
    r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27}",  # Discord
    r"sq0[a-z]{3}-[\w-]{22}|EAAA[\w-]{56}",  # Square
    r"AGE-SECRET-KEY-1[0-9A-Z]{50}",
)
_KEY = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_VENDORS)})")
_SEARCHED = 256  # characters of a long run of signs in which a key may begin
_TOKEN = re.compile(r"[A-Za-z0-9](?<![\w.-].)[A-Za-z0-9_.-]{15,8000}")
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----(?:[^-]{1,10000}(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY-----)?)?"
)
_PEM_BODY = re.compile(r"-----[A-Z0-9 ]{0,45}-----[^-]{0,10000}-{0,5}[A-Z0-9 ]{0,45}-{0,5}")
_PLACED = re.compile(
    r"[0-9Ah](?<![\w-].)(?:[0-9]{7,9}:AA[\w-]{32,36}|(?<=A)ccountKey=[\w+/=]{40,200}"
    r"|(?<=h)ooks\.slack\.com/services/T\w{6,20}/B\w{6,20}/\w{16,40})"
)
_SOLID = re.compile(r"\S*")
_BEARER = re.compile(r"[Bb]earer ([\w.~+/-]{16,4000}=*)")
_BASIC = re.compile(r"[Bb]asic ([A-Za-z0-9+/]{8,600}={0,2})(?![\w+/=-])")
_IN_ADDRESS = re.compile(r"://([^\s/:@]{1,64}:[^\s/@]{1,128})@")
_NAMED = re.compile(
    rf"[PpSsTtAaCcKk](?:(?<=[Pp])(?:{in_any_case('assword|asswd|asswort|assphrase|wd')})|(?<=[Ss]){in_any_case('ecret')}"
    rf"|(?<=[Tt]){in_any_case('oken')}|(?<=[Aa])(?:{in_any_case('pi|ccess')})[_-]?{in_any_case('key')}"
    rf"|(?<=[Kk]){in_any_case('ennwort')}|(?<=[Cc]){in_any_case('ontraseña')})"
    r"\\?[\"']?(?:[ ]{0,3}[:=][ ]{0,3}\\?[\"']?|[ ](?:is|ist|lautet|es)[ ])([^\s\"'\\,;\[]{6,500})"
)
_SPOKEN = re.compile(r"[a-z] $")


def _private(signs: Signs) -> bool:
    return "PRIVATE KEY--" in signs.text


def _placed_hint(signs: Signs) -> bool:
    return ":AA" in signs.text or "ccountKey=" in signs.text or "hooks.slack" in signs.text


def _borne(signs: Signs) -> bool:
    return "earer " in signs.text


def _based(signs: Signs) -> bool:
    return "asic " in signs.text


def _in_address(signs: Signs) -> bool:
    return "://" in signs.text and "@" in signs.text


def _key(found: str, before: str) -> tuple[str, int] | None:
    end = len(found.rstrip(".-"))
    if found.startswith("eyJ"):
        return ("secret", end) if _is_jwt(found[:end]) else None
    return ("secret", end) if _KEY.search(found[:_SEARCHED]) else None


def _is_jwt(found: str) -> bool:
    """RFC 7519: the first of its parts is JSON with an algorithm; one that was cut off is one, too."""
    head, *rest = found.split(".")
    try:
        told = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        return False
    return isinstance(told, dict) and ("alg" in told or "typ" in told) and bool(rest and rest[0])


def _basic(found: str, before: str) -> str | None:
    try:
        said = base64.b64decode(found + "=" * (-len(found) % 4), validate=True)
    except ValueError:
        return None
    return "secret" if b":" in said and said.isascii() and said.decode().isprintable() else None


def _named(found: str, before: str) -> str | None:
    """What is said in a sentence must look like a secret: it holds a digit."""
    return None if _SPOKEN.search(before) and not any(map(str.isdigit, found)) else "secret"


def _always(found: str, before: str) -> str:
    return "secret"


def bits(text: str) -> float:
    """The Shannon entropy of a text's characters, in bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def is_stand_in(text: str) -> bool:
    """Whether it is what examples have in place of a secret, such as `your-key` or `xxxx`."""
    return _STAND_IN.search(text) is not None


SECRETS: tuple[Form, ...] = (
    Form(_PEM, _always, Alphabet.CODE, 10_150, 64, _private, _PEM_BODY),
    Form(_TOKEN, _key, Alphabet.WORD, 8_002, 17, lengthy, _SOLID),
    Form(_PLACED, _always, Alphabet.WORD, 240, 110, _placed_hint),
    Form(_BEARER, _always, Alphabet.WORD, 4_100, 16, _borne, _SOLID, cued=True),
    Form(_BASIC, _basic, Alphabet.WORD, 612, 8, _based, _SOLID, cued=True),
    Form(_IN_ADDRESS, _always, Alphabet.WORD, 200, 195, _in_address, cued=True),
    Form(
        _NAMED,
        _named,
        Alphabet.WORD,
        540,
        6,
        beside("passw", "passp", "pwd", "secret", "token", "api", "access", "kennwort", "contraseña"),
        cued=True,
    ),
)
"""The more certain first."""
