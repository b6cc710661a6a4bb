"""Reading failures: which error a status and a body stand for, and how long to wait. Plain functions, no network."""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from pilothouse.errors import (
    ContentFiltered,
    ContextTooLong,
    ProviderAuth,
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from pilothouse.ids import now_us

__all__ = ["UNREADABLE", "describe_error", "error_kind", "retry_after"]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes that are no JSON raises: broken syntax or types, no UTF-8, nesting without end."""

_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_QUOTA = ("insufficient_quota", "billing")
_NO_CREDIT = "credit balance is too low"
_CONTEXT = (
    "context_length", "context length", "context window", "too many tokens", "prompt is too long", "maximum context",
    "input token count", "input is too long", "context size", "context limit",
)  # fmt: skip
_FILTER = (
    "content_filter", "content filtering policy", "content management policy", "content_policy", "responsibleaipolicy",
)  # fmt: skip
_BY_WORD: tuple[tuple[type[ProviderError], tuple[str, ...]], ...] = (
    (RateLimited, ("rate_limit", "rate limit", "resource_exhausted", "throttl", "too many requests")),
    (ProviderAuth, ("authentication", "api_key", "api key", "permission", "unauthenticated")),
    (ProviderRejected, ("invalid_request", "invalid_argument", "validation", "not_found")),
)


def error_kind(status: int, words: str) -> type[ProviderError]:
    """The error class for an HTTP status and the code and message that came with it.

    Status 0 stands for none, as in the middle of a stream: then the words decide, and a failure that they do not
    explain counts as the provider's own (ProviderUnavailable).
    """
    words = words.lower()
    if any(sign in words for sign in _CONTEXT) and (status < 500 and status not in (401, 403, 429)):
        return ContextTooLong
    if any(sign in words for sign in _FILTER) and status < 500:
        return ContentFiltered
    if status in (401, 402, 403) or _NO_CREDIT in words or (status in (0, 429) and any(s in words for s in _QUOTA)):
        return ProviderAuth
    if status == 429:
        return RateLimited
    if status in (408, 504, 524):
        return ProviderTimeout
    if status == 0:
        return next((kind for kind, signs in _BY_WORD if any(s in words for s in signs)), ProviderUnavailable)
    return ProviderUnavailable if status >= 500 else ProviderRejected


def describe_error(raw: bytes) -> tuple[str, str]:
    """(message, code words) of an error body in OpenAI's shape or one of its many relatives.

    Reads `{"error": {...}}`, `{"error": "text"}`, `{"message": ...}`, `{"detail": ...}`, a list of these, a plain
    text, and a proxy's HTML page (its title).
    """
    try:
        body: Any = msgspec.json.decode(raw)
    except UNREADABLE:
        text = raw[:8192].decode("utf-8", "replace").strip()
        title = _TITLE.search(text)
        return (title.group(1).strip() if title else text[:500]), ""
    if isinstance(body, list) and body:
        body = body[0]
    outer = body if isinstance(body, dict) else {}
    error = outer.get("error", body)
    if not isinstance(error, dict):
        return _text(error), _text(outer.get("error_type") or outer.get("type") or "")
    message = next((error[key] for key in ("message", "detail", "msg", "title") if error.get(key)), "")
    code = " ".join(str(error[key]) for key in ("code", "type", "status") if error.get(key) is not None)
    return _text(message), code


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (seconds or an HTTP date); None where neither says."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(ValueError):
            seconds = float(headers.get(name, "")) / scale
            if math.isfinite(seconds):
                return max(0.0, seconds)
    try:
        at = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, at.timestamp() - now_us() / 1e6)
    except (ValueError, TypeError):
        return None
