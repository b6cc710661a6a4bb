"""Filters of the list of traces, as they stand in an address and in the form over the list. Knows nothing of pages.

An address holds exact numbers (microseconds, nano-USD). The form has fields for people beside them: a field that was
left as it was shown keeps the exact number, one that was emptied drops it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite

from pilothouse.console.forms import written_time
from pilothouse.console.render import moment
from pilothouse.observe import Filters
from pilothouse.observe.money import duration, usd

__all__ = ["FIELDS", "PERIODS", "STATUSES", "address_of", "filters_of", "number", "shown", "told"]

PERIODS = {"15m": ("15 minutes", 15), "1h": ("hour", 60), "24h": ("24 hours", 24 * 60), "7d": ("7 days", 7 * 24 * 60)}
STATUSES = ("ok", "error", "cancelled")
FIELDS = {
    "user_id": "User", "session_id": "Session", "feature": "Feature", "environment": "Environment",
    "release": "Release", "tag": "Tag", "prompt": "Prompt", "error_code": "Error code", "endpoint": "Endpoint",
    "team_id": "Team", "key_id": "Key id", "score": "Score", "score_least": "Score at least",
    "score_most": "Score at most", "topic": "Topic", "slower": "At least ms", "dearer": "At least USD",
    "from": "From (UTC)", "to": "Until (UTC)",
}  # fmt: skip
"""The fields of the form beside text, model, status and period, each with its label."""

_NAMES = {
    "since_us": "from", "until_us": "until", "endpoint": "endpoint", "key_id": "key", "team_id": "team",
    "user_id": "user", "session_id": "session", "feature": "feature", "environment": "environment",
    "release": "release", "error_code": "error", "tag": "tag", "slower_us": "at least", "dearer_nano": "at least",
    "prompt": "prompt", "score": "score", "score_least": "score at least", "score_most": "score at most",
    "topic": "topic",
}  # fmt: skip
_FIRST = ("text", "model", "status", "period")
_EXACT = {"from": "since_us", "to": "until_us", "slower": "slower_us", "dearer": "dearer_nano"}
_SCORES = ("score_least", "score_most")
_LONGEST = 1000
_MINUTE_US = 60_000_000
_LARGEST = 10**18


def address_of(query: Mapping[str, str]) -> dict[str, str]:
    """The parameters that filter, in one order, without those that say nothing. What is no number is none."""
    found = {name: query.get(name, "").strip() for name in _FIRST}
    for name in _NAMES:
        value = query.get(name, "").strip()[:_LONGEST]
        if name in _EXACT.values():
            exact = _exact(query, name, _whole(value))
            found[name] = "" if exact is None else str(exact)
        elif name not in _SCORES or number(value) is not None:
            found[name] = value
    return {name: value for name, value in found.items() if value}


def filters_of(address: Mapping[str, str], now_us: int) -> Filters:
    """What such parameters filter. A period ends now; a `since_us` goes before it."""
    named = {name: value for name, value in address.items() if name in _NAMES and name not in _SCORES}
    exact = {name: int(named.pop(name)) for name in _EXACT.values() if name in named}
    scores = {name: float(address[name]) for name in _SCORES if name in address}
    period = PERIODS.get(address.get("period", ""))
    if period is not None:
        exact.setdefault("since_us", now_us - period[1] * _MINUTE_US)
    return Filters(
        address.get("model"), address.get("status"), address.get("text"), **exact, **scores, **named  # type: ignore[arg-type]
    )  # fmt: skip


def shown(address: Mapping[str, str]) -> dict[str, str]:
    """What the fields of the form say."""
    texts = {name: address.get(name, "") for name in FIELDS if name not in _EXACT}
    return texts | {field: _written(field, int(address[name])) if name in address else ""
                    for field, name in _EXACT.items()}  # fmt: skip


def told(address: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(name, what it is called, its value for people) of every filter that is not at the top of the form."""
    return [(name, label, _told(name, address[name])) for name, label in _NAMES.items() if name in address]


def _exact(query: Mapping[str, str], name: str, given: int | None) -> int | None:
    """The exact number; what the field for people says instead, where that was changed."""
    field = next(field for field, exact in _EXACT.items() if exact == name)
    text = query.get(field)
    if text is None or (given is not None and text.strip() == _written(field, given)):
        return given
    return _read(field, text.strip())


def _written(field: str, value: int) -> str:
    if field in ("from", "to"):
        return written_time(min(value, 253_402_300_799_000_000))
    amount = Decimal(value) / (1000 if field == "slower" else 1_000_000_000)
    return f"{amount:f}".rstrip("0").rstrip(".") if amount % 1 else f"{amount:.0f}"


def _read(field: str, text: str) -> int | None:
    """An exact number from a field for people."""
    if field in ("from", "to"):
        try:
            at = datetime.fromisoformat(text)
            return max(0, round(at.replace(tzinfo=at.tzinfo or UTC).timestamp())) * 1_000_000
        except (ValueError, OverflowError):
            return None
    try:
        amount = Decimal(text[:40]) * (1000 if field == "slower" else 1_000_000_000)
        return int(amount) if 0 <= amount < _LARGEST else None
    except (InvalidOperation, ValueError):
        return None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def number(text: str) -> float | None:
    """A finite number, None where a text is none."""
    try:
        given = float(text)
    except ValueError:
        return None
    return given if isfinite(given) else None


def _told(name: str, value: str) -> str:
    if name in ("since_us", "until_us"):
        return f"{moment(int(value))} UTC"
    return duration(int(value)) if name == "slower_us" else usd(int(value)) if name == "dearer_nano" else value
