"""Kept answers: what is read is what was put, chains are whole, projects are apart, leases and retention hold."""

from typing import Any

import pytest
from sqlalchemy import func, select

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.storage import Store
from pilothouse.storage.responses import ResponseStore, StoredResponse
from pilothouse.storage.tables import responses

from .conftest import Clock


@pytest.fixture
def kept(store: Store, clock: Clock) -> ResponseStore:
    return ResponseStore(store.observe, retention=100, clock=clock)


def answer(name: str, previous: str | None = None, status: str = "completed", **more: Any) -> StoredResponse:
    said = [{"id": f"in_{name}", "type": "message", "role": "user", "content": "¿qué?"}]
    output = [{"id": f"out_{name}", "type": "message", "role": "assistant", "content": []}]
    response = {"id": name, "status": status, "output": output if status == "completed" else [], **more}
    return StoredResponse(name, "m", said, response, previous)


def test_what_is_read_is_what_was_put(kept: ResponseStore) -> None:
    stored = answer("resp_1", metadata={"a": "b"})
    kept.put("p", stored)
    assert kept.get("p", "resp_1") == stored


def test_projects_are_apart(kept: ResponseStore) -> None:
    kept.put("p", answer("resp_1"))
    kept.put("q", answer("resp_1", metadata={"of": "q"}))
    for ask in (kept.get, kept.delete, kept.chain, kept.cancel):
        with pytest.raises(NotFound, match="resp_1"):
            ask("other", "resp_1")
    kept.delete("p", "resp_1")
    assert kept.get("q", "resp_1").response["metadata"] == {"of": "q"}


def test_a_deleted_one_is_gone(kept: ResponseStore) -> None:
    kept.put("p", answer("resp_1"))
    kept.delete("p", "resp_1")
    with pytest.raises(NotFound):
        kept.get("p", "resp_1")
    with pytest.raises(NotFound):
        kept.delete("p", "resp_1")


def test_a_chain_is_every_item_oldest_first(kept: ResponseStore) -> None:
    for number in range(5):
        kept.put("p", answer(f"resp_{number}", f"resp_{number - 1}" if number else None))
    ids = [item["id"] for item in kept.chain("p", "resp_4")]
    assert ids == [f"{kind}_resp_{n}" for n in range(5) for kind in ("in", "out")]


def test_a_chain_with_a_link_missing_is_not_found(kept: ResponseStore) -> None:
    kept.put("p", answer("resp_1"))
    kept.put("p", answer("resp_2", "resp_1"))
    kept.delete("p", "resp_1")
    with pytest.raises(NotFound, match="resp_1") as caught:
        kept.chain("p", "resp_2")
    assert caught.value.param == "previous_response_id"


def test_a_running_answer_cannot_be_gone_on_from(kept: ResponseStore) -> None:
    kept.put("p", answer("resp_1", status="in_progress"), lease=10)
    with pytest.raises(InvalidRequest, match="not complete"):
        kept.chain("p", "resp_1")


def test_a_running_answer_is_settled_once(kept: ResponseStore) -> None:
    kept.put("p", answer("resp_1", status="queued"), lease=10)
    assert kept.settle("p", answer("resp_1"))
    assert kept.get("p", "resp_1").status == "completed"
    assert not kept.settle("p", answer("resp_1", status="failed"))
    assert kept.get("p", "resp_1").status == "completed"


def test_a_cancelled_answer_stays_cancelled(kept: ResponseStore) -> None:
    kept.put("p", answer("resp_1", status="in_progress"), lease=10)
    assert kept.cancel("p", "resp_1").status == "cancelled"
    assert not kept.renew("p", "resp_1", 10)
    assert not kept.settle("p", answer("resp_1"))
    assert kept.get("p", "resp_1").status == "cancelled"


def test_cancelling_what_has_ended_changes_nothing(kept: ResponseStore) -> None:
    kept.put("p", answer("resp_1"))
    assert kept.cancel("p", "resp_1") == answer("resp_1")


def test_an_answer_whose_process_is_gone_has_failed(kept: ResponseStore, clock: Clock) -> None:
    kept.put("p", answer("resp_1", status="in_progress"), lease=10)
    clock.forward(8)
    assert kept.renew("p", "resp_1", 10)
    clock.forward(9)
    assert kept.get("p", "resp_1").status == "in_progress"
    clock.forward(1)
    found = kept.get("p", "resp_1")
    assert found.status == "failed"
    assert "stopped" in found.response["error"]["message"]


def test_an_expired_one_is_gone_and_later_deleted(kept: ResponseStore, clock: Clock, store: Store) -> None:
    kept.put("p", answer("resp_1"))
    clock.forward(99)
    assert kept.get("p", "resp_1")
    clock.forward(1)
    for ask in (kept.get, kept.delete):
        with pytest.raises(NotFound):
            ask("p", "resp_1")
    clock.forward(3600)
    kept.put("p", answer("resp_2"))
    with store.observe.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(responses)) == 1
