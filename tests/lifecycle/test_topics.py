"""Topics are found by themselves: of an even sample, by the encoder that is here, and they stay what they are."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from pilothouse.lifecycle import topics as module
from pilothouse.lifecycle.topics import TopicWork
from pilothouse.monitoring import TopicsConfig
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.privacy.erasing import Erasing
from pilothouse.observe.topics.kept import State, Topics
from pilothouse.observe.topics.questions import Questions
from pilothouse.observe.topics.sample import rank
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store, open_store
from pilothouse.storage.tables import projects
from pilothouse.storage.turns import Turn
from pilothouse.testing.hashing import HashingEncoder

from ..observe.making import full_span

DAY_US, HOUR_US = 86_400_000_000, 3_600_000_000
NOW = 20_784 * DAY_US + 12 * HOUR_US
ASKED = ("refund for the broken order {n}", "reset my password quickly {n}", "weather forecast tomorrow city {n}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


@contextmanager
def recording(store: Store, home: Path) -> Iterator[SpoolRecorder]:
    spool = Spool.open(home, 10**8)
    drainer = Drainer(spool, store, home)
    yield SpoolRecorder(spool)
    drainer.flush()
    drainer.stop()
    spool.close()


def ask(store: Store, home: Path, numbers: Iterable[int], kinds: Sequence[str] = ASKED, **changes: Any) -> None:
    """Traces, a minute apart, backwards from now on."""
    with recording(store, home) as recorder:
        for n in numbers:
            text = kinds[n % len(kinds)].format(n=n)
            asked = {"messages": [{"role": "user", "content": text}]}
            start = NOW - (n + 2) * 60_000_000
            recorder.record(full_span(**{"trace_id": f"t{n:03}", "start_us": start, "input": asked} | changes))


class Worker:
    """The work over a store, with a clock to turn and an encoder that counts what it is given."""

    def __init__(self, store: Store, encoder: HashingEncoder | None = None, **config: Any) -> None:
        self.now, self.model, self.encoded = NOW, "hashing-64", 0
        self.encoder = encoder or HashingEncoder()
        self.config = TopicsConfig(**config)
        turn = Turn(store.control, "topics", seconds=600.0, clock=lambda: self.now)
        self.work = TopicWork(store, self, lambda: self.model, lambda: self.config, turn, lambda: self.now)

    async def __call__(self, texts: Sequence[str]) -> Any:
        self.encoded += len(texts)
        return self.encoder.encode(texts)

    async def tick(self, hours: float = 0) -> int:
        self.now += int(hours * HOUR_US)
        return await self.work.tick()


async def test_topics_are_found_and_stay_the_same(store: Store, tmp_path: Path) -> None:
    ask(store, tmp_path, range(90))
    worker, kept = Worker(store), Topics(store)
    assert await worker.tick() == 90
    found = kept.all("default")
    assert sorted(one.words[0] for one in found) == ["refund", "reset", "weather forecast"]
    assert [one.size for one in found] == [30, 30, 30]
    refund = next(one for one in found if one.words[0] == "refund")
    assert all(int(trace[1:]) % 3 == 0 for trace in refund.examples)
    assert kept.counts("default", 0, NOW) == {one.id: 30 for one in found}
    assert kept.state("default") == State(NOW - 60_000_000, NOW, "")
    assert await worker.tick() == 0  # not due
    ask(store, tmp_path, range(90, 150), project_id="default")
    assert await worker.tick(2) == 0  # older than where it came to, by more than an hour
    assert await worker.tick(2) == 0
    assert {one.id: one.words for one in kept.all("default")} == {one.id: one.words for one in found}


async def test_late_traces_of_the_last_hour_are_found(store: Store, tmp_path: Path) -> None:
    ask(store, tmp_path, range(0, 40, 2))
    worker = Worker(store)
    assert await worker.tick() == 20
    ask(store, tmp_path, range(1, 41, 2))
    assert await worker.tick(1) == 20
    assert worker.encoded == 40


async def test_a_day_has_a_sample_of_the_smallest_ranks(store: Store, tmp_path: Path) -> None:
    worker, questions = Worker(store, per_day=20), Questions(store)
    worker.now = NOW - 30 * 60_000_000
    ask(store, tmp_path, range(40, 100))
    await worker.tick()
    ask(store, tmp_path, range(40))
    await worker.tick(1)
    names = sorted((f"t{n:03}" for n in range(100)), key=rank)
    assert sorted(questions.traces("default", 0, NOW)) == sorted(names[:20])
    assert worker.encoded < 60


async def test_one_process_does_it_for_all(store: Store, tmp_path: Path) -> None:
    ask(store, tmp_path, range(30))
    first, second = Worker(store), Worker(store)
    assert [await first.tick(), await second.tick()] == [30, 0]
    assert second.encoded == 0


async def test_every_project_has_its_own(store: Store, tmp_path: Path) -> None:
    with store.control.begin() as connection:
        connection.execute(insert(projects), {
            "project_id": "shop", "org_id": "acme", "name": "Shop", "created_us": 1, "limits": "{}", "budgets": "[]",
        })  # fmt: skip
    ask(store, tmp_path, range(30))
    ask(store, tmp_path, range(30), ASKED[:2], project_id="shop")
    assert await Worker(store).tick() == 60
    assert {len(Topics(store).all(project)) for project in ("default", "shop")} == {3, 2}


async def test_too_few_questions_make_no_topics(store: Store, tmp_path: Path) -> None:
    ask(store, tmp_path, range(19))
    worker = Worker(store)
    assert await worker.tick() == 19
    assert (Topics(store).all("default"), Topics(store).state("default").trouble) == ([], "few")
    ask(store, tmp_path, range(19, 21))
    await worker.tick(1)
    assert Topics(store).state("default").trouble == ""
    with store.observe.connect() as connection:
        gone = [*connection.exec_driver_sql("SELECT trace_id FROM traces LIMIT 10").scalars()]
    for trace in gone:
        Erasing(store).trace("default", trace)
    await worker.tick(1)
    assert (Topics(store).all("default"), Topics(store).state("default").trouble) == ([], "few")


async def test_without_its_encoder_it_waits_and_another_one_begins_anew(store: Store, tmp_path: Path) -> None:
    ask(store, tmp_path, range(30))
    worker = Worker(store)
    worker.model = None
    assert await worker.tick() == 0
    assert (worker.encoded, Topics(store).state("default").trouble) == (0, "encoder")
    worker.model = "hashing-64"
    assert await worker.tick(1) == 30
    before = Questions(store).between("default", 0, NOW)
    worker.encoder, worker.model = HashingEncoder(64, "other"), "hashing-64other"
    assert await worker.tick(1) == 30
    after = Questions(store).between("default", 0, NOW)
    assert (before.model, after.model, after.traces) == ("hashing-64", "hashing-64other", before.traces)
    assert not np.allclose(before.vectors, after.vectors)


async def test_switched_off_it_forgets_all_of_it(store: Store, tmp_path: Path) -> None:
    ask(store, tmp_path, range(30))
    worker = Worker(store)
    await worker.tick()
    worker.config = TopicsConfig(enabled=False)
    assert await worker.tick(1) == 0
    assert Questions(store).traces("default", 0, NOW) == Topics(store).all("default") == []
    assert Topics(store).state("default") == State()


async def test_it_runs_until_it_is_told_to_stop(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST", 0.0)
    ask(store, tmp_path, range(30))
    worker, seen = Worker(store), asyncio.Event()
    monkeypatch.setattr(module, "make_topics", lambda *_: seen.set())
    task = asyncio.create_task(worker.work.run())
    await asyncio.wait_for(seen.wait(), 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert Turn(store.control, "topics", seconds=1.0, clock=lambda: NOW).take()
