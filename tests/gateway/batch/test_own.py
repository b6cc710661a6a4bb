"""The lane of our own, over a provider written in the test: expiry, a lost lease, cancelling, the gate."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.config import BatchConfig, Config
from pilothouse.errors import PilothouseError, ProviderRejected, StorageError
from pilothouse.gateway.batch.hold import Ended, Held
from pilothouse.gateway.batch.own import Gate, OwnLane
from pilothouse.gateway.batch.rooms import BatchRooms
from pilothouse.principal import EMBEDDED
from pilothouse.storage import Store
from pilothouse.storage.batch_leases import BatchLeases
from pilothouse.storage.batches import WINDOW_US, Batch, BatchStore
from pilothouse.storage.files import FileStore
from pilothouse.types import ChatChunk, ChatRequest, Usage

from ..conftest import gateway_of
from ..scripted import Recording, whole
from .batching import CHAT, ask


@dataclass
class Upstream:
    """Answers once `open` is set; `most` is how many it was asked at once."""

    name: str = "up"
    operations: frozenset[str] = frozenset({"chat"})
    asked: list[str] = field(default_factory=list)
    failures: list[PilothouseError] = field(default_factory=list)
    running: int = 0
    most: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self.asked.append(request.last_user_text())
        self.running += 1
        self.most = max(self.most, self.running)
        self.begun.set()
        try:
            await self.open.wait()
        finally:
            self.running -= 1
        if self.failures:
            raise self.failures.pop()
        if "bad" in request.last_user_text():
            raise ProviderRejected("no")
        yield whole("fine", Usage(2, 1))


class Lane:
    """A lane over a store, and the batch that it works on."""

    def __init__(self, store: Store, count: int, parallel: int = 4) -> None:
        self.up = Upstream()
        config = {
            "providers": {"up": {"kind": "openai"}},
            "models": {"m": {"deployments": [{"provider": "up", "model": "x"}]}},
        }
        gateway = gateway_of(Config.model_validate(config), {"up": self.up})  # type: ignore[dict-item]
        self.files, self.leases = FileStore(store.control), BatchLeases(store.control)
        self.batches = BatchStore(store.control)
        self.settings = BatchConfig(parallel=parallel)
        self.live = 0
        self.waits: list[float] = []
        self.now = 0
        self.gate = Gate(lambda: self.settings, lambda: self.live)
        writer = self.files.begin("default", "batch", "in")
        writer.add("\n".join(json.dumps(ask(n, "m")) for n in range(count)).encode())
        file = self.files.complete("default", writer)
        self.batches.create("default", key_id="", client_ip="", endpoint=CHAT, input_file_id=file.id)
        self.held = Held(self.leases, self.claim())
        unasked: Any = None  # budgets and prices are those of the lane of a vendor
        self.lane = OwnLane(
            BatchRooms(
                gateway, self.files, self.leases, unasked, unasked, Recording(), lambda key, project: EMBEDDED,
                lambda: self.live,
            ),
            self.gate, sleep=self.sleep, clock=lambda: self.held.batch.created_us + self.now,
        )  # fmt: skip

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def claim(self) -> Batch:
        batch = self.leases.claim()
        assert batch is not None
        begun = self.leases.begin(batch, 0, "m", "own", None)
        assert begun is not None
        return begun

    async def run(self) -> Ended | None:
        return await self.held.run(self.lane.run(self.held))

    def codes(self) -> list[Any]:
        lines = [json.loads(line) for line in self.leases.lines(self.held.batch, failed=True)]
        return [line["error"] and line["error"]["code"] for line in lines]


async def test_no_more_at_once_than_the_configuration_says(store: Store) -> None:
    lane = Lane(store, 20, parallel=3)
    running = asyncio.create_task(lane.run())
    while lane.up.running < 3:
        lane.up.begun.clear()
        await lane.up.begun.wait()
    lane.up.open.set()
    assert await running == Ended("completed")
    assert (lane.up.most, len(lane.up.asked)) == (3, 20)


async def test_what_has_a_result_is_not_asked_again(store: Store) -> None:
    lane = Lane(store, 10)
    lane.up.open.set()
    await lane.run()
    assert await lane.run() == Ended("completed")
    assert len(lane.up.asked) == 10


async def test_a_database_that_is_away_for_a_moment_fails_no_request(store: Store) -> None:
    lane = Lane(store, 1)
    lane.up.open.set()
    lane.up.failures = [StorageError("away") for _ in range(3)]
    assert await lane.run() == Ended("completed")
    assert lane.codes() == []
    lane = Lane(store, 1)
    lane.up.open.set()
    lane.up.failures = [StorageError("away") for _ in range(4)]
    assert await lane.run() == Ended("completed")
    assert lane.codes() == [None]
    assert [len(lane.up.asked), lane.waits] == [4, [2.0, 4.0, 8.0]]


async def test_what_was_not_asked_in_time_expires(store: Store) -> None:
    lane = Lane(store, 9, parallel=2)
    running = asyncio.create_task(lane.run())
    await lane.up.begun.wait()
    lane.now = WINDOW_US
    lane.up.open.set()
    assert await running == Ended("expired")
    assert lane.codes() == ["batch_expired"] * (9 - len(lane.up.asked))
    assert len(lane.up.asked) <= 2
    assert lane.leases.done(lane.held.batch) == set(range(9))


async def test_who_lost_the_lease_stops_and_writes_nothing(store: Store) -> None:
    lane = Lane(store, 8, parallel=2)
    running = asyncio.create_task(lane.run())
    await lane.up.begun.wait()
    lane.leases.release(lane.held.batch)
    other = lane.claim()  # another process
    lane.up.open.set()
    assert await running is None
    assert lane.held.standing == "lost"
    assert lane.leases.done(other) == set()
    assert len(lane.up.asked) < 8


async def test_cancelling_stops_what_is_being_asked(store: Store) -> None:
    lane = Lane(store, 8, parallel=2)
    running = asyncio.create_task(lane.run())
    await lane.up.begun.wait()
    lane.held.note("cancel")
    assert await running is None
    assert lane.held.standing == "cancel"
    assert lane.up.running == 0


async def test_a_process_that_stops_lets_what_is_being_asked_end(store: Store) -> None:
    lane = Lane(store, 8, parallel=2)
    running = asyncio.create_task(lane.run())
    await lane.up.begun.wait()
    closing = asyncio.create_task(lane.gate.close(10))
    lane.up.open.set()
    await closing
    asked = len(lane.up.asked)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asked <= 2
    assert len(lane.leases.done(lane.held.batch)) <= asked
    assert lane.up.running == 0
