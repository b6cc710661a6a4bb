"""Upstreams that misbehave on the wire, behind a real `pilothouse up`: what clients get, and what it costs them."""

import pytest

from .conftest import INPUT, OUTPUT
from .raw import WORDS, RawUpstream
from .running import Up

BEFORE = [
    ("refuse", 503, "provider_unavailable"),
    ("hang", 504, "provider_timeout"),
    ("status-429", 429, "rate_limit_exceeded"),
    ("status-500", 503, "provider_unavailable"),
    ("status-529", 503, "provider_unavailable"),
]
BUDGET = {"budgets": [{"period": "total", "usd": 1}]}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("what", "status", "code"), BEFORE)
def test_a_failure_before_the_answer_is_told_and_free(
    up: Up, raw: RawUpstream, what: str, status: int, code: str, stream: bool
) -> None:
    secret, key_id = up.new_key("app", **BUDGET)
    answer = up.chat(what, key=secret, stream=stream)
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (status, code)
    assert answer.headers["x-request-id"] == error["request_id"]
    assert "Traceback" not in error["message"]
    (entry,) = up.entries(key_id, 1)
    assert (entry["nano"], entry["input_tokens"]) == (0, 0)
    budget = up.budget(key_id)
    assert (budget["nano"], budget["held_nano"]) == (0, 0)


@pytest.mark.parametrize(
    ("what", "stream"),
    [*((what, stream) for what, _, _ in BEFORE for stream in (False, True)), ("mute", True), ("half", False)],
)
def test_a_failure_before_the_answer_goes_to_the_fallback(up: Up, what: str, stream: bool) -> None:
    secret, key_id = up.new_key("app", **BUDGET)
    answer = up.chat(f"{what}-safe", key=secret, stream=stream)
    assert (answer.status, answer.text) == (200, " ".join(WORDS))
    assert answer.headers["x-pilothouse-deployment"] == "raw/good"
    (entry,) = up.entries(key_id, 1)
    assert entry["nano"] == 1000 * INPUT + 500 * OUTPUT
    assert entry["deployment"] == "raw/good"


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("half", "provider_unavailable"),
        ("reset", "provider_unavailable"),
        ("stall", "provider_timeout"),
    ],
)
def test_a_stream_that_breaks_ends_in_an_error_and_costs_what_came(
    up: Up, raw: RawUpstream, what: str, code: str
) -> None:
    secret, key_id = up.new_key("app", **BUDGET)
    raw.release.set()
    answer = up.chat(what, key=secret, stream=True)
    assert answer.status == 200
    assert "[DONE]" not in answer.events
    assert answer.events[-1]["error"]["code"] == code
    said = answer.text.split()
    assert said == WORDS[: len(said)]
    (entry,) = up.entries(key_id, 1)
    assert entry["estimated"]
    assert entry["input_tokens"] > 0
    assert entry["output_tokens"] >= len(said)
    assert entry["nano"] == entry["input_tokens"] * INPUT + entry["output_tokens"] * OUTPUT > 0
    assert up.budget(key_id)["held_nano"] == 0


def test_half_a_json_body_is_no_answer(up: Up) -> None:
    answer = up.chat("half")
    assert answer.status in (502, 503)
    assert answer.json["error"]["type"] == "api_error"


@pytest.mark.parametrize("stream", [False, True])
def test_without_usage_the_text_is_counted(up: Up, stream: bool) -> None:
    secret, key_id = up.new_key("app", **BUDGET)
    assert up.chat("silent", key=secret, stream=stream).text == " ".join(WORDS)
    (entry,) = up.entries(key_id, 1)
    assert entry["estimated"]
    assert entry["output_tokens"] >= len(WORDS)
    assert entry["nano"] == entry["input_tokens"] * INPUT + entry["output_tokens"] * OUTPUT
