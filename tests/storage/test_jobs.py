"""The queue as those see it who give work."""

from typing import Any

import pytest

from pilothouse.errors import NotFound
from pilothouse.storage import Jobs, Leases, Store


@pytest.fixture
def jobs(store: Store, clock: Any) -> Jobs:
    return Jobs(store.control, clock)


def test_an_enqueued_job_is_there(jobs: Jobs, clock: Any) -> None:
    payload = {"folder": "/docs", "deep": {"list": [1, 2.5, None, "ü\0"]}}
    job = jobs.enqueue("rag.ingest", payload, priority=3)
    assert jobs.get(job.id) == job
    assert (job.task, job.payload, job.status, job.priority) == ("rag.ingest", payload, "queued", 3)
    assert (job.attempts, job.max_attempts, job.run_at_us, job.created_us) == (0, 3, clock.now, clock.now)
    assert not job.finished


def test_an_unknown_job_is_not_found(jobs: Jobs) -> None:
    for ask in (jobs.get, jobs.cancel):
        with pytest.raises(NotFound, match="no job 'nope'"):
            ask("nope")


def test_projects_do_not_see_each_other(jobs: Jobs) -> None:
    theirs = jobs.enqueue("t", {}, project_id="theirs", dedupe_key="same")
    mine = jobs.enqueue("t", {}, dedupe_key="same")
    assert theirs.id != mine.id
    assert [job.id for job in jobs.list()] == [mine.id]
    for ask in (jobs.get, jobs.cancel):
        with pytest.raises(NotFound):
            ask(theirs.id)
    assert jobs.get(theirs.id, project_id="theirs").status == "queued"


def test_listing_goes_from_new_to_old_in_pages(jobs: Jobs, clock: Any) -> None:
    ids = []
    for n in range(5):
        clock.forward(1)
        ids.append(jobs.enqueue("t", {"n": n}).id)
    jobs.cancel(ids[0])
    page = jobs.list(limit=2)
    assert [job.id for job in page] == [ids[4], ids[3]]
    assert [job.id for job in jobs.list(limit=2, before=page[-1].id)] == [ids[2], ids[1]]
    assert [job.id for job in jobs.list(status="cancelled")] == [ids[0]]
    other = jobs.enqueue("another", {})
    assert [job.id for job in jobs.list(task="another")] == [other.id]


def test_a_dedupe_key_holds_while_the_job_is_unfinished(jobs: Jobs, store: Store, clock: Any) -> None:
    first = jobs.enqueue("t", {"n": 1}, dedupe_key="k")
    assert jobs.enqueue("t", {"n": 2}, dedupe_key="k") == first
    leases = Leases(store.control, clock=clock)
    running = leases.claim()
    assert running is not None
    assert jobs.enqueue("t", {"n": 3}, dedupe_key="k").id == first.id
    leases.finish(running, None)
    assert jobs.enqueue("t", {"n": 4}, dedupe_key="k").id != first.id


def test_cancelling_a_queued_job_ends_it(jobs: Jobs, store: Store, clock: Any) -> None:
    job = jobs.cancel(jobs.enqueue("t", {}).id)
    assert (job.status, job.finished, job.finished_us) == ("cancelled", True, clock.now)
    assert Leases(store.control, clock=clock).claim() is None


def test_cancelling_a_finished_job_changes_nothing(jobs: Jobs, store: Store, clock: Any) -> None:
    leases = Leases(store.control, clock=clock)
    jobs.enqueue("t", {})
    job = leases.claim()
    assert job is not None
    leases.finish(job, {"answer": 42})
    assert jobs.cancel(job.id) == jobs.get(job.id)
    assert (jobs.get(job.id).status, jobs.get(job.id).result) == ("done", {"answer": 42})


def test_waiting_gives_up_in_the_end(jobs: Jobs) -> None:
    job = jobs.enqueue("t", {})
    assert jobs.wait(job.id, timeout=0.0).status == "queued"
    jobs.cancel(job.id)
    assert jobs.wait(job.id).status == "cancelled"


def test_pending_counts_what_is_due_running_or_to_be_retried(jobs: Jobs, store: Store, clock: Any) -> None:
    leases = Leases(store.control, clock=clock)
    jobs.enqueue("later", {}, run_at_us=clock.now + 1)
    assert jobs.pending() == 0
    jobs.enqueue("now", {})
    assert jobs.pending() == 1
    job = leases.claim()
    assert job is not None
    assert jobs.pending() == 1
    leases.fail(job, "not yet")
    assert jobs.pending() == 1, "it waits for its next attempt"
    clock.forward(1e6)
    assert jobs.pending() == 2


def test_purge_forgets_what_finished_long_ago(jobs: Jobs, store: Store, clock: Any) -> None:
    old, open_job = jobs.enqueue("t", {}), jobs.enqueue("t", {})
    jobs.cancel(old.id)
    clock.forward(10)
    recent = jobs.enqueue("t", {})
    jobs.cancel(recent.id)
    assert jobs.purge(clock.now) == 1
    assert {job.id for job in jobs.list()} == {open_job.id, recent.id}
