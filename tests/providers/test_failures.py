from email.utils import formatdate

import pytest

from pilothouse import errors
from pilothouse.ids import now_us
from pilothouse.providers.failures import describe_error, error_kind, retry_after


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (401, "", errors.ProviderAuth),
        (402, "", errors.ProviderAuth),
        (403, "", errors.ProviderAuth),
        (429, "rate_limit_exceeded", errors.RateLimited),
        (429, "insufficient_quota You exceeded your current quota", errors.ProviderAuth),
        (429, "too many tokens per minute", errors.RateLimited),
        (400, "context_length_exceeded", errors.ContextTooLong),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", errors.ContextTooLong),
        (413, "request exceeds the maximum context", errors.ContextTooLong),
        (400, "The response was filtered by Azure's content management policy", errors.ContentFiltered),
        (400, "bad temperature", errors.ProviderRejected),
        (404, "model_not_found", errors.ProviderRejected),
        (422, "", errors.ProviderRejected),
        (307, "", errors.ProviderRejected),
        (408, "", errors.ProviderTimeout),
        (504, "", errors.ProviderTimeout),
        (500, "context length cache broke", errors.ProviderUnavailable),
        (529, "overloaded_error", errors.ProviderUnavailable),
        (0, "overloaded_error Overloaded", errors.ProviderUnavailable),
        (0, "rate_limit_error", errors.RateLimited),
        (0, "authentication_error", errors.ProviderAuth),
        (0, "invalid_request_error no", errors.ProviderRejected),
        (0, "who knows", errors.ProviderUnavailable),
    ],
)
def test_error_kind(status, words, kind):
    assert error_kind(status, words) is kind


@pytest.mark.parametrize(
    ("raw", "message", "code"),
    [
        (b'{"error":{"message":"No.","type":"t","code":"c"}}', "No.", "c t"),
        (b'{"error":{"message":"No.","code":429}}', "No.", "429"),
        (b'{"error":"No.","error_type":"overloaded"}', "No.", "overloaded"),
        (b'[{"error":{"code":503,"message":"No.","status":"UNAVAILABLE"}}]', "No.", "503 UNAVAILABLE"),
        (b'{"message":"No."}', "No.", ""),
        (b'{"detail":[{"loc":["body"],"msg":"missing"}]}', '[{"loc":["body"],"msg":"missing"}]', ""),
        (b'{"error":{}}', "", ""),
        (b'"No."', "No.", ""),
        (b"[]", "[]", ""),
        (b"upstream connect error", "upstream connect error", ""),
        (b"<html><head><TITLE>502 Bad\nGateway</TITLE></head><body>x</body></html>", "502 Bad\nGateway", ""),
        (b"\xff\xfe", "\ufffd\ufffd", ""),
        (b"", "", ""),
    ],
)
def test_describe_error(raw, message, code):
    assert describe_error(raw) == (message, code)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": formatdate(0, usegmt=True)}, 0.0),
        ({}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after(headers) == seconds


def test_retry_after_a_date_ahead():
    header = formatdate(now_us() / 1e6 + 3600, usegmt=True)
    assert 3500 < retry_after({"retry-after": header}) <= 3600
