"""Lines of a batch's files, read and written."""

import json
from typing import Any

import pytest

from pilothouse.errors import InvalidRequest, NotFound, PilothouseError
from pilothouse.gateway.batch.lines import (
    ENDPOINTS,
    MOST_ITEMS,
    Item,
    answer_line,
    check_items,
    error_line,
    items_of,
    refusal_line,
    request_of,
)

from .batching import CHAT, ask

ITEM = Item(3, "mine", {})


def test_items_are_numbered_over_the_lines_that_are_not_empty() -> None:
    lines = [json.dumps(ask(0)).encode(), b"", b"  \r", json.dumps(ask(7)).encode() + b"\r"]
    checked = check_items(lines, CHAT)
    assert (checked.total, checked.models, checked.errors) == (2, {"chat": 1}, [])
    assert [(item.number, item.custom_id) for item in items_of(lines)] == [(0, "item-0"), (1, "item-7")]


def test_too_many_requests() -> None:
    lines = (json.dumps(ask(n)).encode() for n in range(MOST_ITEMS + 5))
    (error,) = check_items(lines, CHAT).errors
    assert (error["code"], error["line"]) == ("too_many_tasks", MOST_ITEMS + 1)


def test_no_more_errors_are_kept_than_people_read() -> None:
    assert len(check_items([b"nonsense"] * 1000, CHAT).errors) == 100


@pytest.mark.parametrize(
    "line",
    [b"[" * 100_000, b"\xff\xfe", b'{"custom_id": 3}', b'{"custom_id": "", "method": "POST", "url": "/", "body": {}}',
     b"null", b'{"custom_id": "' + b"x" * 600 + b'", "method": "POST", "url": "/v1/chat/completions", "body": {}}'],
)  # fmt: skip
def test_hostile_lines_are_errors_of_their_line(line: bytes) -> None:
    (error,) = check_items([line], CHAT).errors
    assert error["line"] == 1


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_bodies_are_checked_as_those_of_live_calls(endpoint: str) -> None:
    with pytest.raises(PilothouseError):
        request_of(endpoint, {"model": "m"})
    with pytest.raises(InvalidRequest, match="stream"):
        request_of(endpoint, {"model": "m", "stream": True})


@pytest.mark.parametrize("name", ["background", "previous_response_id"])
def test_a_response_of_a_batch_stands_alone(name: str) -> None:
    with pytest.raises(InvalidRequest, match=name):
        request_of("/v1/responses", {"model": "m", "input": "x", name: "resp_1"})


def test_the_documented_shape_of_results() -> None:
    def read(line: bytes) -> Any:
        return json.loads(line)

    answer = read(answer_line("batch_ab", ITEM, "req_1", b'{"object": "chat.completion"}'))
    assert answer == {
        "id": "batch_req_ab_3", "custom_id": "mine", "error": None,
        "response": {"status_code": 200, "request_id": "req_1", "body": {"object": "chat.completion"}},
    }  # fmt: skip
    refused = read(refusal_line("batch_ab", ITEM, "req_1", NotFound("gone"), CHAT))
    assert refused["response"]["status_code"] == 404
    assert refused["response"]["body"]["error"]["message"] == "gone"
    native = read(refusal_line("batch_ab", ITEM, "req_1", NotFound("gone"), "/v1/messages"))
    assert native["response"]["body"]["type"] == "error"
    unasked = read(error_line("batch_ab", ITEM, "batch_expired", "late"))
    assert (unasked["response"], unasked["error"]) == (None, {"code": "batch_expired", "message": "late"})
