"""Places in lists as opaque texts, which a page hands out and the next one begins with."""

import base64
import binascii
from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest

__all__ = ["cursor_of", "place_in"]


def cursor_of(*place: object) -> str:
    """The text for a place, told by texts and numbers."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def place_in(cursor: str, of: Any, where: str = "this list") -> Any:
    """The place that a cursor names, a tuple of the type `of`. Raises InvalidRequest for one that no page gave."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=of)
    except (msgspec.MsgspecError, binascii.Error, UnicodeError, ValueError):
        raise InvalidRequest(f"'{cursor[:80]}' is no place in {where}.", param="cursor") from None
