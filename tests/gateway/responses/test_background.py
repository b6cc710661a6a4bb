"""Responses in the background: leases, cancelling from elsewhere, time limits, and a store that fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.errors import StorageError
from pilothouse.gateway.dialects.responses import response_request
from pilothouse.gateway.responses.background import Background, Tell
from pilothouse.gateway.responses.turn import Turn
from pilothouse.storage import Store
from pilothouse.storage.responses import ResponseStore, StoredResponse
from pilothouse.types import ChatChunk

DONE = ChatChunk(b'{"id": "resp_theirs", "status": "completed", "model": "m", "output": [], "created_at": 1}')


def turn() -> Turn:
    return Turn(response_request({"model": "m", "input": "x"}), [{"id": "msg_1"}], "resp_1", background=True)


async def answered(made: Turn, call: Call, tell: Tell) -> ChatChunk:
    made.ended(DONE)
    return DONE


async def endless(made: Turn, call: Call, tell: Tell) -> ChatChunk:
    await asyncio.Event().wait()
    return DONE


@pytest.fixture
def kept(store: Store) -> ResponseStore:
    return ResponseStore(store.observe)


async def ended(kept: ResponseStore, identity: str) -> Any:
    async with asyncio.timeout(30):
        while True:
            found = await asyncio.to_thread(kept.get, "default", identity)
            if found.status != "in_progress":
                return found


async def test_the_answer_is_kept_under_the_id_that_was_given_out(kept: ResponseStore, call: Call) -> None:
    begun = await Background(kept, answered).start(turn(), call)
    found = await ended(kept, begun["id"])
    assert (found.status, found.response["id"], found.response["background"]) == ("completed", begun["id"], True)
    assert found.response["created_at"] == begun["created_at"]
    assert found.input == [{"id": "msg_1"}]


class Patient(ResponseStore):
    """Its leases last, however short they are: only how often they are renewed goes by their length."""

    def put(self, project_id: str, stored: StoredResponse, lease: float | None = None) -> None:
        super().put(project_id, stored, lease and 60.0)

    def renew(self, project_id: str, response_id: str, lease: float) -> bool:
        return super().renew(project_id, response_id, 60.0)


async def test_what_another_worker_cancelled_stops_at_the_next_renewal(kept: ResponseStore, call: Call) -> None:
    stopped = asyncio.Event()

    async def working(made: Turn, call: Call, tell: Tell) -> ChatChunk:
        try:
            return await endless(made, call, tell)
        finally:
            stopped.set()

    background = Background(Patient(kept._engine), working, lease=0.03)
    begun = await background.start(turn(), call)
    assert (await asyncio.to_thread(kept.cancel, "default", begun["id"])).status == "cancelled"
    await asyncio.wait_for(stopped.wait(), 30)
    await background.aclose()
    assert kept.get("default", begun["id"]).status == "cancelled"


async def test_a_lease_is_renewed_while_the_work_goes_on(kept: ResponseStore, call: Call) -> None:
    renewed = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Watched(ResponseStore):
        def renew(self, project_id: str, response_id: str, lease: float) -> bool:
            loop.call_soon_threadsafe(renewed.set)
            return super().renew(project_id, response_id, lease)

    background = Background(Watched(kept._engine), endless, lease=0.03)
    begun = await background.start(turn(), call)
    await asyncio.wait_for(renewed.wait(), 30)
    await background.aclose()
    found = kept.get("default", begun["id"])
    assert found.status == "failed"
    assert "stopped" in found.response["error"]["message"]


async def test_what_has_not_begun_when_the_server_stops_is_told_too(kept: ResponseStore, call: Call) -> None:
    background = Background(kept, endless)
    begun = await background.start(turn(), call)
    await background.aclose()
    assert kept.get("default", begun["id"]).status == "failed"


@pytest.mark.parametrize(
    ("answer", "words"), [(endless, "time limit"), (lambda made, call, tell: 1 / 0, "log has the request id")]
)
async def test_what_ended_it_is_told(
    kept: ResponseStore, call: Call, answer: Callable[[Turn, Call, Tell], Awaitable[ChatChunk]], words: str
) -> None:
    begun = await Background(kept, answer, timeout=0.01).start(turn(), call)
    found = await ended(kept, begun["id"])
    assert found.status == "failed"
    assert words in found.response["error"]["message"]


async def test_nothing_is_begun_that_could_not_be_fetched(kept: ResponseStore, call: Call) -> None:
    class Broken(ResponseStore):
        def put(self, *_: Any) -> None:
            raise StorageError("The database is away.")

    with pytest.raises(StorageError):
        await Background(Broken(kept._engine), answered).start(turn(), call)
