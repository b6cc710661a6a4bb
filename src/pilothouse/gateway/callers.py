"""What a request says about its caller: the end user, and metadata that routing conditions read."""

from typing import Any

import msgspec

from pilothouse.call import Call
from pilothouse.errors import InvalidRequest
from pilothouse.types import ChatRequest, ModelRequest

__all__ = ["describe", "read_metadata"]

_LONGEST = 256  # characters: callers choose these, and they end up in counters and indexes
_MOST = 64


def describe(call: Call, request: ModelRequest) -> None:
    """Complete the Call by what the body says; what a header said before stays."""
    body = request.as_chat.body if isinstance(request, ChatRequest) else request.body
    if call.user_id is None:
        user = body.get("user") or body.get("safety_identifier")
        if isinstance(user, str) and user:
            call.user_id = user[:_LONGEST]
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        call.metadata = {**_texts(metadata), **call.metadata}


def read_metadata(header: str) -> dict[str, str]:
    """The JSON object of the header x-pilothouse-metadata. Raises InvalidRequest."""
    try:
        given = msgspec.json.decode(header)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        given = None
    if not isinstance(given, dict):
        raise InvalidRequest('The header x-pilothouse-metadata must be a JSON object, such as {"tier": "gold"}.')
    return _texts(given)


def _texts(metadata: dict[Any, Any]) -> dict[str, str]:
    pairs = list(metadata.items())[:_MOST]
    return {str(name)[:_LONGEST]: str(value)[:_LONGEST] for name, value in pairs if not isinstance(value, dict | list)}
