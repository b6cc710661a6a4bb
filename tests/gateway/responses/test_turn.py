"""What is said of an answer beyond what the provider said, and what is kept of it."""

import msgspec
import pytest

from pilothouse.errors import InvalidRequest, PilothouseError, ProviderUnavailable, RateLimited
from pilothouse.gateway.dialects.responses import response_request
from pilothouse.gateway.responses.turn import Turn, response_key
from pilothouse.types import ChatChunk, Json


def event(name: str, number: int, **fields: object) -> ChatChunk:
    raw = msgspec.json.encode({"type": name, **fields, "sequence_number": number, "unknown": True})
    return ChatChunk(raw, event=name.encode())


def turn(**fields: object) -> Turn:
    return Turn(response_request({"model": "m", "input": "x"}), [{"id": "msg_1"}], "resp_1", **fields)  # type: ignore[arg-type]


BEGUN: Json = {"id": "resp_1", "status": "in_progress", "output": []}
ENDED: Json = {"id": "resp_1", "status": "completed", "output": [{"id": "msg_2"}], "model": "m-1"}


def test_events_pass_as_they_are_where_nothing_is_to_be_said() -> None:
    made = turn()
    events = [
        event("response.created", 0, response=BEGUN), event("response.in_progress", 1, response=BEGUN),
        event("response.output_text.delta", 2, delta="x"), event("response.completed", 3, response=ENDED),
    ]  # fmt: skip
    assert [made.told(chunk) for chunk in events] == [chunk.raw for chunk in events]
    assert msgspec.json.decode(made.last_event()) == msgspec.json.decode(events[-1].raw)
    stored = made.stored()
    assert (stored.id, stored.model, stored.input, stored.response) == ("resp_1", "m-1", [{"id": "msg_1"}], ENDED)


def test_an_answer_has_the_id_of_its_request() -> None:
    """Two answers out of one cache, or of two accounts upstream, are two responses here."""
    made = turn()
    data = msgspec.json.decode(made.told(event("response.created", 0, response={**BEGUN, "id": "resp_theirs"})))
    assert data["response"]["id"] == "resp_1"
    assert made.stored().id == "resp_1"
    key = "0123456789abcdef" * 2
    assert response_key(f"req_{key}") == key
    assert response_key("req_of-their-own") != response_key("req_of-their-own")


def test_what_the_provider_was_not_told_is_said() -> None:
    made = turn(previous_id="resp_0")
    for name in ("response.created", "response.in_progress", "response.completed"):
        data = msgspec.json.decode(made.told(event(name, 0, response=BEGUN)))
        assert data["response"]["previous_response_id"] == "resp_0"
        assert data["unknown"] is True
    assert made.stored().previous_id == "resp_0"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProviderUnavailable("oh"), "server_error"),
        (RateLimited("oh"), "rate_limit_exceeded"),
        (InvalidRequest("oh"), "invalid_prompt"),
    ],
)
def test_a_failure_ends_the_stream_in_its_own_shape(error: PilothouseError, code: str) -> None:
    made = turn()
    assert not made.fail(error), "nothing was begun"
    made.told(event("response.created", 0, response=BEGUN))
    made.told(event("response.output_text.delta", 1, delta="x"))
    assert made.fail(error)
    assert msgspec.json.decode(made.failed(error, "req_1")) == {
        "type": "response.failed", "sequence_number": 2,
        "response": {**BEGUN, "status": "failed", "error": {"code": code, "message": "oh"}},
    }  # fmt: skip
    assert made.stored().status == "failed"
