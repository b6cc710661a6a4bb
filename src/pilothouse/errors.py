"""Every error that Pilothouse raises on purpose.

    PilothouseError                     500 internal_error
    ├── InvalidRequest                  400 invalid_request_error     what the caller sent cannot be served
    │   ├── NotFound                    404 not_found
    │   ├── UnknownModel                404 model_not_found
    │   ├── MethodNotAllowed            405 method_not_allowed         names the methods there are
    │   ├── Conflict                    409 conflict                   someone else changed it first
    │   │   └── PromotionRefused        409 promotion_refused          a version may not get the label; says why
    │   ├── BodyTooLarge                413 request_too_large
    │   ├── UnsupportedMedia            415 unsupported_media_type     names the types there are
    │   ├── Unsupported                 400 unsupported                the provider has no such feature
    │   ├── Blocked                     400 guard_blocked              a guard stopped it; `guard` says which
    │   ├── TemplateRefused             400 template_refused           cannot be read, or goes past its limits
    │   ├── MissingVariable             400 missing_variable           a prompt asks for it
    │   ├── UnknownVariable             400 unknown_variable           a prompt does not know it
    │   └── BadVariable                 400 invalid_variable           of another type, or too long
    ├── ConfigError                     400 invalid_config             names file, line and key
    │   └── MissingExtra                500 missing_extra              names the extra to install
    ├── AccessError
    │   ├── Unauthenticated             401 invalid_api_key
    │   └── Forbidden                   403 permission_denied
    ├── LimitError                      429 limit_exceeded             a limit of the caller's own; `headers` say which
    │   ├── TooManyRequests             429 rate_limit_exceeded        retryable
    │   └── BudgetExceeded              429 insufficient_quota
    ├── ProviderError                   502 provider_error             an upstream model API failed
    │   ├── ProviderAuth                502 provider_auth              its key was refused
    │   ├── RateLimited                 429 rate_limit_exceeded        retryable
    │   ├── ContextTooLong              400 context_length_exceeded
    │   ├── ContentFiltered             400 content_filter
    │   ├── ProviderRejected            400 invalid_request_error      the provider found the request invalid
    │   ├── ProviderUnavailable         503 provider_unavailable       retryable: 5xx, overloaded, refused
    │   ├── ProviderTimeout             504 provider_timeout           retryable
    │   └── ProviderProtocolError       502 provider_protocol_error    it answered outside its documented format
    ├── DocumentError                   422 unreadable_document        names the file
    ├── DeliveryError                   502 delivery_failed            a channel or a collector was not reached
    ├── StorageError                    503 storage_unavailable
    ├── ModelFilesError                 503 model_files                the encoder's files are absent, damaged or wrong
    ├── Overloaded                      503 overloaded                 we stop admitting
    └── Cancelled                       499 cancelled                  the caller left or asked to stop

Each class carries its HTTP `status`, its OpenAI-style `code` and whether another attempt may help (`retryable`).
A message says what happened, where, and what to do next.
"""

from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "AccessError", "BadVariable", "Blocked", "BodyTooLarge", "BudgetExceeded", "Cancelled", "ConfigError", "Conflict",
    "ContentFiltered", "ContextTooLong", "DeliveryError", "DocumentError", "Forbidden", "InvalidRequest",
    "LimitError", "MethodNotAllowed", "MissingExtra", "MissingVariable", "ModelFilesError", "NotFound", "Overloaded",
    "PilothouseError", "PromotionRefused", "ProviderAuth", "ProviderError", "ProviderProtocolError",
    "ProviderRejected", "ProviderTimeout", "ProviderUnavailable", "RateLimited", "StorageError", "TemplateRefused",
    "TooManyRequests", "Unauthenticated", "UnknownModel", "UnknownVariable", "Unsupported", "UnsupportedMedia",
]  # fmt: skip


class PilothouseError(Exception):
    """Root of the tree. `param` names the offending field, such as `messages[0].role`."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    type: ClassVar[str] = "server_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class InvalidRequest(PilothouseError):
    status, code, type = 400, "invalid_request_error", "invalid_request_error"


class NotFound(InvalidRequest):
    status, code = 404, "not_found"


class UnknownModel(InvalidRequest):
    status, code = 404, "model_not_found"


class MethodNotAllowed(InvalidRequest):
    """The path exists, for other methods: `allowed`."""

    status, code = 405, "method_not_allowed"

    def __init__(self, method: str, path: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{method} is not allowed on {path}; use {' or '.join(allowed)}.")
        self.allowed = allowed


class Conflict(InvalidRequest):
    status, code = 409, "conflict"


class PromotionRefused(Conflict):
    """A version may not get a label. `reasons` are sentences."""

    code = "promotion_refused"

    def __init__(self, message: str, reasons: Sequence[str] = ()) -> None:
        super().__init__(" ".join([message, *reasons]), param="version")
        self.reasons = tuple(reasons)


class BodyTooLarge(InvalidRequest):
    status, code = 413, "request_too_large"


class UnsupportedMedia(InvalidRequest):
    status, code = 415, "unsupported_media_type"


class Unsupported(InvalidRequest):
    code = "unsupported"


class Blocked(InvalidRequest):
    """A guard stopped a text. `guard` is its name, `policy` that of the policy that has it; the message tells neither
    what the text holds nor how to get around it."""

    code = "guard_blocked"

    def __init__(self, message: str, *, guard: str = "", policy: str = "", param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.guard, self.policy = guard, policy


class TemplateRefused(InvalidRequest):
    """`line` counts from 1 in the template; None where no line is to blame. `where` names the template, such as
    `messages[1]` or `tone@3`."""

    code = "template_refused"

    def __init__(self, message: str, *, line: int | None = None, where: str = "") -> None:
        place = ", ".join(filter(None, [where, f"line {line}" if line is not None else ""]))
        super().__init__(f"{place}: {message}" if place else message, param="template")
        self.what, self.line, self.where = message, line, where


class MissingVariable(InvalidRequest):
    code = "missing_variable"


class UnknownVariable(InvalidRequest):
    code = "unknown_variable"


class BadVariable(InvalidRequest):
    code = "invalid_variable"


class ConfigError(PilothouseError):
    status, code, type = 400, "invalid_config", "invalid_request_error"


class MissingExtra(ConfigError):
    """A feature needs packages that are not installed."""

    status, code = 500, "missing_extra"

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}'. Install it with: pip install 'pilothouse[{extra}]'")
        self.extra = extra


class AccessError(PilothouseError):
    type = "authentication_error"


class Unauthenticated(AccessError):
    status, code = 401, "invalid_api_key"


class Forbidden(AccessError):
    status, code, type = 403, "permission_denied", "permission_error"


class LimitError(PilothouseError):
    """A limit of the caller's own. `retry_after` is in seconds, None where waiting does not help soon.

    `headers` are those of the answer that tell where the limit stands, such as `x-ratelimit-limit-requests`.
    """

    status, code = 429, "limit_exceeded"

    def __init__(
        self, message: str, *, retry_after: float | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.headers = tuple(headers)


class TooManyRequests(LimitError):
    code, type, retryable = "rate_limit_exceeded", "rate_limit_error", True


class BudgetExceeded(LimitError):
    code, type = "insufficient_quota", "insufficient_quota"


class ProviderError(PilothouseError):
    """An upstream model API failed. `provider` is its name in the configuration, `upstream_status` its HTTP status.

    `retry_after` is in seconds, where the provider said so.
    """

    status, code, type = 502, "provider_error", "api_error"

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        upstream_status: int | None = None,
        retry_after: float | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, param=param)
        self.provider = provider
        self.upstream_status = upstream_status
        self.retry_after = retry_after


class ProviderAuth(ProviderError):
    code = "provider_auth"


class RateLimited(ProviderError):
    status, code, type, retryable = 429, "rate_limit_exceeded", "rate_limit_error", True


class ContextTooLong(ProviderError):
    status, code, type = 400, "context_length_exceeded", "invalid_request_error"


class ContentFiltered(ProviderError):
    status, code, type = 400, "content_filter", "invalid_request_error"


class ProviderRejected(ProviderError):
    status, code, type = 400, "invalid_request_error", "invalid_request_error"


class ProviderUnavailable(ProviderError):
    status, code, retryable = 503, "provider_unavailable", True


class ProviderTimeout(ProviderError):
    status, code, retryable = 504, "provider_timeout", True


class ProviderProtocolError(ProviderError):
    code = "provider_protocol_error"


class DocumentError(PilothouseError):
    """A document cannot be read. `source` is its path or address."""

    status, code, type = 422, "unreadable_document", "invalid_request_error"

    def __init__(self, message: str, *, source: str) -> None:
        super().__init__(f"{source}: {message}")
        self.source = source


class DeliveryError(PilothouseError):
    """What is outside did not take what it was to be told. `final` where another attempt would end alike.

    `answered` is the HTTP status, `wait` the seconds that it asks for.
    """

    status, code = 502, "delivery_failed"

    def __init__(
        self, message: str, *, final: bool = False, wait: float | None = None, answered: int | None = None
    ) -> None:
        super().__init__(message)
        self.final = final
        self.wait = wait
        self.answered = answered


class StorageError(PilothouseError):
    status, code = 503, "storage_unavailable"


class ModelFilesError(PilothouseError):
    status, code = 503, "model_files"


class Overloaded(PilothouseError):
    status, code, retryable = 503, "overloaded", True


class Cancelled(PilothouseError):
    status, code = 499, "cancelled"
