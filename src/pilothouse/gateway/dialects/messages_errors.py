"""Anthropic's Messages dialect, errors: their types, their statuses, their JSON. Knows nothing of what raised them.

Source: platform.claude.com/docs/en/api/errors.
"""

import msgspec

from pilothouse.errors import ContextTooLong, Overloaded, PilothouseError, ProviderUnavailable

__all__ = ["error_body", "error_status"]

_OVERLOADED = 529
_BUSY = (503, _OVERLOADED)
_TYPES = {
    401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large",
    429: "rate_limit_error", 504: "timeout_error", _OVERLOADED: "overloaded_error",
}  # fmt: skip
_TOO_LONG = "prompt is too long"
"""Anthropic's own words, by which Claude Code knows that it has to compact the conversation."""


def error_status(error: PilothouseError) -> int:
    """The HTTP status: as everywhere, but 529 where too much is asked of us or of the provider."""
    busy = isinstance(error, ProviderUnavailable) and error.upstream_status in _BUSY
    return _OVERLOADED if busy or isinstance(error, Overloaded) else error.status


def error_body(error: PilothouseError, request_id: str) -> bytes:
    """The error in Anthropic's shape; as an event of a stream it is the same."""
    status = error_status(error)
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    told = {"type": kind, "message": _message(error)}
    return msgspec.json.encode({"type": "error", "error": told, "request_id": request_id})


def _message(error: PilothouseError) -> str:
    if isinstance(error, ContextTooLong) and _TOO_LONG not in error.message.lower():
        return f"{_TOO_LONG}: {error.message}"
    return error.message
