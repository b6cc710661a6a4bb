"""Anthropic's Messages dialect, errors: their types, their statuses, their JSON. Knows nothing of what raised them.

Source: platform.claude.com/docs/en/api/errors.
"""

import msgspec

from pilothouse.errors import (
    AccessError,
    BodyTooLarge,
    ContextTooLong,
    Forbidden,
    NotFound,
    Overloaded,
    PilothouseError,
    ProviderTimeout,
    ProviderUnavailable,
    UnknownModel,
)

__all__ = ["error_body", "error_status"]

_OVERLOADED = 529
_BUSY = (503, _OVERLOADED)
_KINDS: tuple[tuple[type[PilothouseError], str], ...] = (
    (Forbidden, "permission_error"),
    (AccessError, "authentication_error"),
    (NotFound, "not_found_error"),
    (UnknownModel, "not_found_error"),
    (BodyTooLarge, "request_too_large"),
    (ProviderTimeout, "timeout_error"),
)
_TOO_LONG = "prompt is too long"
"""Anthropic's own words, by which Claude Code knows that it has to compact the conversation."""


def error_status(error: PilothouseError) -> int:
    """The HTTP status: as everywhere, but 529 where too much is asked of us or of the provider."""
    return _OVERLOADED if _is_overload(error) else error.status


def error_body(error: PilothouseError, request_id: str) -> bytes:
    """The error in Anthropic's shape; as an event of a stream it is the same."""
    told = {"type": _type(error), "message": _message(error)}
    return msgspec.json.encode({"type": "error", "error": told, "request_id": request_id})


def _type(error: PilothouseError) -> str:
    if _is_overload(error):
        return "overloaded_error"
    for kind, name in _KINDS:
        if isinstance(error, kind):
            return name
    if error.status == 429:
        return "rate_limit_error"
    return "api_error" if error.status >= 500 else "invalid_request_error"


def _message(error: PilothouseError) -> str:
    if isinstance(error, ContextTooLong) and _TOO_LONG not in error.message.lower():
        return f"{_TOO_LONG}: {error.message}"
    return error.message


def _is_overload(error: PilothouseError) -> bool:
    return isinstance(error, Overloaded) or (isinstance(error, ProviderUnavailable) and error.upstream_status in _BUSY)
