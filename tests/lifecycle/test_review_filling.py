"""Review queues fill by themselves: those that are due, by one process, and a broken one hinders no other."""

from pathlib import Path

import msgspec

from pilothouse.lifecycle.review_filling import ReviewFilling
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.storage.turns import Turn

from .conftest import START, ask


async def test_due_queues_are_filled_in_turn(tmp_path: Path) -> None:
    from pilothouse.observe import Drainer, SpoolRecorder
    from pilothouse.storage import Spool

    settings = Settings(home=tmp_path)
    store = open_store(settings)
    spool = Spool.open(settings.home, 2**26)
    drainer = Drainer(spool, store, settings.home)
    recorder = SpoolRecorder(spool, drainer.wake)
    for i in range(3):
        recorder.record(ask(i))
    drainer.flush()
    drainer.stop()
    spool.close()
    now = START + 60_000_000
    queues = Reviews(store, lambda: now).queues
    every = QueueSettings(criteria=(Criterion("clear"),), rules=({"why": "random", "share": 1.0},), every_s=600)
    queues.create("default", "a broken one", "likert", msgspec.structs.replace(every, rules=({"why": "gone"},)))
    queue = queues.create("default", "sample", "likert", every)
    turns = [Turn(store.control, "reviews", seconds=600, holder=name, clock=lambda: now) for name in "ab"]
    one, other = (ReviewFilling(store, turn, lambda: now) for turn in turns)
    assert await one.tick() == 3
    assert await other.tick() == await one.tick() == 0
    assert queues.get("default", queue.id).filled_us == now
    assert queues.due() == []
    now += 600_000_000
    assert len(queues.due()) == 2
    turns[0].end()
    assert await other.tick() == 0
    assert queues.due() == []
    store.close()
