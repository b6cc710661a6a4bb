"""Schedules: each firing happens once, whoever looks."""

import threading
from typing import Any

import pytest

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.storage import Job, Jobs, Leases, Schedules, Store

MINUTE = 60_000_000


@pytest.fixture
def schedules(store: Store, clock: Any) -> Schedules:
    return Schedules(store.control, clock)


def finish_all(store: Store, clock: Any) -> None:
    leases = Leases(store.control, clock=clock)
    while job := leases.claim():
        leases.finish(job, None)


def test_a_schedule_enqueues_its_job_when_it_is_due(schedules: Schedules, store: Store, clock: Any) -> None:
    put = schedules.put("nightly", "*/5 * * * *", "rag.ingest", {"folder": "/docs"}, project_id="mine")
    assert schedules.list(project_id="mine") == [put]
    assert schedules.list() == []
    assert schedules.fire_due() == []
    clock.now = put.next_us
    (job,) = schedules.fire_due()
    assert (job.project_id, job.task, job.payload) == ("mine", "rag.ingest", {"folder": "/docs"})
    assert Jobs(store.control).get(job.id, project_id="mine") == job
    (after,) = schedules.list(project_id="mine")
    assert (after.last_us, after.next_us) == (clock.now, put.next_us + 5 * MINUTE)
    assert schedules.fire_due() == []


def test_missed_times_are_made_up_for_once(schedules: Schedules, clock: Any) -> None:
    schedules.put("often", "* * * * *", "t", {})
    clock.now += 100 * MINUTE
    assert len(schedules.fire_due()) == 1
    assert schedules.fire_due() == []


def test_a_firing_does_not_overtake_the_last(schedules: Schedules, store: Store, clock: Any) -> None:
    schedules.put("often", "* * * * *", "t", {})
    clock.now += MINUTE
    (first,) = schedules.fire_due()
    clock.now += MINUTE
    assert [job.id for job in schedules.fire_due()] == [first.id]
    assert len(Jobs(store.control).list()) == 1
    finish_all(store, clock)
    clock.now += MINUTE
    assert [job.id for job in schedules.fire_due()] != [first.id]
    assert len(Jobs(store.control).list()) == 2


def test_many_workers_fire_once(store: Store, clock: Any) -> None:
    for n in range(5):
        Schedules(store.control, clock).put(f"s{n}", "* * * * *", "t", {"n": n})
    clock.now += MINUTE
    fired: list[Job] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        fired.extend(Schedules(store.control, clock).fire_due())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job.payload["n"] for job in fired) == [0, 1, 2, 3, 4]
    assert len(Jobs(store.control).list()) == 5


def test_replacing_and_removing(schedules: Schedules) -> None:
    schedules.put("s", "0 * * * *", "old", {})
    new = schedules.put("s", "30 * * * *", "new", {"a": 1})
    assert schedules.list() == [new]
    schedules.remove("s")
    assert schedules.list() == []
    with pytest.raises(NotFound, match="no schedule 's'"):
        schedules.remove("s")


def test_an_expression_that_cannot_be_read_is_not_kept(schedules: Schedules) -> None:
    with pytest.raises(InvalidRequest, match="minute"):
        schedules.put("s", "99 * * * *", "t", {})
    assert schedules.list() == []
