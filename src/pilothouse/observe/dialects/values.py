"""Values as other tools write them: JSON within texts, counts and money as texts, times of ISO 8601. Knows no names."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from pilothouse.call import Scalar
from pilothouse.observe.depth import DEEPEST, shallow

__all__ = ["money", "scalar", "structured", "when_us", "whole"]

_NANO = 10**9
_DEAREST = 1e6  # USD of one call; beyond it a number is a mistake
_LARGEST = 2**53
_WIDEST = 2**63
_LONGEST = 8_000  # characters of an attribute: texts belong into inputs and outputs, which are kept apart
_OPENS = ("{", "[", '"')
_decode = msgspec.json.decode
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


def structured(value: Any) -> Any:
    """What a text of JSON says, also where that is a text of JSON again; any other text stays as it is."""
    for _ in range(2):
        if not isinstance(value, str) or value[:1] not in _OPENS:
            break
        try:
            told = _decode(value)
        except _UNREADABLE:
            break
        value = told if value.count("[") + value.count("{") <= DEEPEST else shallow(told)
    return value


def whole(value: Any) -> int | None:
    """A count that is not negative, also from a text or a float; None for what is none."""
    if type(value) is int:
        number = value
    elif isinstance(value, bool) or not isinstance(value, float | str):
        return None
    else:
        try:
            number = int(value)
        except (ValueError, OverflowError):
            return None
    return number if 0 <= number < _LARGEST else None


def money(value: Any) -> int | None:
    """Nano-USD of an amount in USD; None for what is none."""
    if value is None:
        return None
    try:
        usd = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return round(usd * _NANO) if 0 <= usd < _DEAREST else None


def when_us(value: Any) -> int | None:
    """UTC microseconds of an ISO 8601 time, which may itself be a JSON text; None for what is none."""
    text = structured(value)
    try:
        at = datetime.fromisoformat(text)
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e6)
    except (TypeError, ValueError, OverflowError):
        return None


def scalar(value: Any) -> Scalar:
    """An attribute's value as spans hold it: nested ones as JSON text, long ones cut with a note of it."""
    if isinstance(value, int) and not -_WIDEST <= value < _WIDEST:
        return str(value)
    if isinstance(value, bool | int | float):
        return value
    if type(value) is list and all(type(item) is str for item in value) and sum(map(len, value)) <= _LONGEST:
        return value
    text = value if isinstance(value, str) else _json(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text) - _LONGEST} more)"


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeError, TypeError, OverflowError, RecursionError):
        return repr(value)
