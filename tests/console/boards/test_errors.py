"""What errors are summed up as."""

import pytest

from pilothouse.console.boards.errors import kind_of


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("provider_timeout", "Timeouts"), ("APITimeoutError", "Timeouts"), ("ReadTimeout", "Timeouts"),
        ("DeadlineExceeded", "Timeouts"), ("rate_limit_exceeded", "Rate limits"), ("RateLimitError", "Rate limits"),
        ("insufficient_quota", "Rate limits"), ("ThrottlingException", "Rate limits"), ("429", "Rate limits"),
        ("ResourceExhausted", "Rate limits"), ("provider_protocol_error", "Malformed outputs"),
        ("JSONDecodeError", "Malformed outputs"), ("ValidationError", "Malformed outputs"),
        ("OutputParserException", "Malformed outputs"), ("content_filter", "Guard triggers"),
        ("ContentFilterFinishReasonError", "Guard triggers"), ("InputGuardrailTripwireTriggered", "Guard triggers"),
        ("ValueError", None), ("provider_unavailable", None),
    ],
)  # fmt: skip
def test_codes_of_ours_and_exceptions_of_the_libraries(code: str, kind: str | None) -> None:
    assert kind_of(code) == kind
