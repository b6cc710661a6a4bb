"""The queue as workers see it: order, leases, retries, dead letters, and many claimers at once."""

import subprocess
import sys
from typing import Any

import pytest

from pilothouse.settings import Settings
from pilothouse.storage import Job, Jobs, Leases, Store
from pilothouse.storage.leases import backoff_us

SECOND = 1_000_000


@pytest.fixture
def jobs(store: Store, clock: Any) -> Jobs:
    return Jobs(store.control, clock)


@pytest.fixture
def leases(store: Store, clock: Any) -> Leases:
    return Leases(store.control, seconds=30, patience=0, clock=clock)


def claim(leases: Leases) -> Job:
    job = leases.claim()
    assert job is not None
    return job


def test_nothing_to_claim(leases: Leases) -> None:
    assert leases.claim() is None


def test_a_claim_is_exclusive(jobs: Jobs, leases: Leases, clock: Any) -> None:
    job = jobs.enqueue("t", {"n": 1})
    claimed = claim(leases)
    assert (claimed.id, claimed.status, claimed.attempts, claimed.payload) == (job.id, "running", 1, {"n": 1})
    assert claimed.lease_until_us == clock.now + 30 * SECOND
    assert leases.claim() is None


def test_order_is_priority_then_age(jobs: Jobs, leases: Leases, clock: Any) -> None:
    for name, priority in (("low", -1), ("first", 0), ("second", 0), ("high", 5)):
        clock.forward(1)
        jobs.enqueue(name, {}, priority=priority)
    jobs.enqueue("tomorrow", {}, priority=9, run_at_us=clock.now + 1)
    assert [claim(leases).task for _ in range(4)] == ["high", "first", "second", "low"]
    assert leases.claim() is None
    clock.forward(1)
    assert claim(leases).task == "tomorrow"


def test_finishing_keeps_the_result(jobs: Jobs, leases: Leases, clock: Any) -> None:
    jobs.enqueue("t", {})
    job = claim(leases)
    assert leases.renew(job, 7, 9, "nearly") == "held"
    clock.forward(2)
    assert leases.finish(job, {"files": 3})
    done = jobs.get(job.id)
    assert (done.status, done.result, done.lease, done.finished_us) == ("done", {"files": 3}, None, clock.now)
    assert (done.done, done.total, done.note) == (7, 9, "nearly")


def test_failures_wait_longer_each_time_and_end_as_a_dead_letter(jobs: Jobs, leases: Leases, clock: Any) -> None:
    job = jobs.enqueue("t", {}, max_attempts=3)
    for attempt, wait in ((1, 2), (2, 4)):
        leases.fail(claim(leases), f"attempt {attempt}", "a traceback")
        waiting = jobs.get(job.id)
        assert (waiting.status, waiting.error) == ("queued", f"attempt {attempt}")
        assert waiting.run_at_us == clock.now + wait * SECOND
        assert leases.claim() is None
        clock.forward(wait)
    leases.fail(claim(leases), "attempt 3", "the last traceback")
    dead = jobs.get(job.id)
    assert (dead.status, dead.attempts, dead.error, dead.traceback) == ("failed", 3, "attempt 3", "the last traceback")
    assert leases.claim() is None


def test_a_failure_that_cannot_heal_is_not_retried(jobs: Jobs, leases: Leases) -> None:
    job = jobs.enqueue("t", {}, max_attempts=3)
    leases.fail(claim(leases), "no such folder", retry=False)
    assert jobs.get(job.id).status == "failed"


def test_the_wait_between_attempts_is_bounded() -> None:
    assert [backoff_us(n) // SECOND for n in (1, 2, 3, 9, 10, 1000)] == [2, 4, 8, 512, 600, 600]


def test_a_lease_that_runs_out_is_a_failed_attempt(jobs: Jobs, leases: Leases, clock: Any) -> None:
    job = jobs.enqueue("t", {}, max_attempts=2)
    claim(leases)
    clock.forward(30)
    assert leases.reclaim() == 0
    clock.forward(1)
    assert leases.reclaim() == 1
    assert leases.reclaim() == 0
    back = jobs.get(job.id)
    assert (back.status, back.attempts) == ("queued", 1)
    assert "fell silent" in (back.error or "")
    clock.forward(2)
    claim(leases)
    clock.forward(31)
    leases.reclaim()
    assert jobs.get(job.id).status == "failed"


def test_who_renews_keeps_the_job_whatever_another_host_takes_the_time_for(
    store: Store, jobs: Jobs, leases: Leases, clock: Any
) -> None:
    """That host's clock is a day ahead, or was set while it looked, or nobody could renew for want of the database."""
    jobs.enqueue("t", {})
    job, watched = claim(leases), [0.0]
    ahead = Leases(
        store.control, seconds=30, patience=5, clock=lambda: clock() + 86_400 * SECOND, stopwatch=lambda: watched[0]
    )  # fmt: skip
    for _ in range(5):
        assert ahead.reclaim() == 0
        watched[0] += 4.9
        clock.forward(1)
        assert leases.renew(job, 0, 0, "") == "held"
    assert ahead.reclaim() == 0
    watched[0] += 4.9
    assert ahead.reclaim() == 0
    watched[0] += 0.1
    assert ahead.reclaim() == 1
    assert leases.renew(job, 0, 0, "") == "lost"


def test_renewing_keeps_a_lease_alive(jobs: Jobs, leases: Leases, clock: Any) -> None:
    jobs.enqueue("t", {})
    job = claim(leases)
    for _ in range(5):
        clock.forward(20)
        assert leases.renew(job, 0, 0, "") == "held"
        assert leases.reclaim() == 0


def test_who_lost_the_lease_has_no_say(jobs: Jobs, leases: Leases, clock: Any) -> None:
    jobs.enqueue("t", {})
    late = claim(leases)
    clock.forward(31)
    leases.reclaim()
    clock.forward(2)
    current = claim(leases)
    assert current.id == late.id
    assert leases.renew(late, 1, 1, "") == "lost"
    assert not leases.finish(late, "late")
    assert not leases.fail(late, "late")
    assert not leases.cancelled(late)
    assert not leases.release(late)
    assert jobs.get(late.id) == current
    assert leases.finish(current, "in time")
    assert jobs.get(late.id).result == "in time"


def test_a_released_job_is_as_if_never_claimed(jobs: Jobs, leases: Leases) -> None:
    jobs.enqueue("t", {})
    assert leases.release(claim(leases))
    assert claim(leases).attempts == 1


def test_cancelling_reaches_the_worker(jobs: Jobs, leases: Leases) -> None:
    jobs.enqueue("t", {})
    job = claim(leases)
    assert jobs.cancel(job.id).status == "running"
    assert leases.renew(job, 0, 0, "") == "cancel"
    assert leases.cancelled(job)
    assert jobs.get(job.id).status == "cancelled"


@pytest.mark.parametrize("ending", ["fail", "release", "reclaim"])
def test_a_job_that_was_asked_to_stop_is_not_tried_again(ending: str, jobs: Jobs, leases: Leases, clock: Any) -> None:
    jobs.enqueue("t", {})
    job = claim(leases)
    jobs.cancel(job.id)
    if ending == "fail":
        leases.fail(job, "it failed while stopping")
    elif ending == "release":
        leases.release(job)
    else:
        clock.forward(31)
        leases.reclaim()
    assert jobs.get(job.id).status == "cancelled"


CLAIMER = """
import sys
from pathlib import Path
from pilothouse.settings import Settings
from pilothouse.storage import Leases, open_store
store = open_store(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2] or None))
leases = Leases(store.control)
print("ready", flush=True)
sys.stdin.readline()
while job := leases.claim():
    print(job.payload["n"], flush=True)
    assert leases.finish(job, None)
store.close()
"""


def test_four_processes_never_claim_a_job_twice(store: Store, settings: Settings) -> None:
    jobs = Jobs(store.control)
    for n in range(200):
        jobs.enqueue("t", {"n": n})
    command = [sys.executable, "-c", CLAIMER, str(settings.home), settings.database_url or ""]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    claimers = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for claimer in claimers:
        assert claimer.stdout.readline() == "ready\n"
    for claimer in claimers:
        claimer.stdin.write("go\n")
        claimer.stdin.flush()
    outputs = [claimer.communicate()[0] for claimer in claimers]
    assert [claimer.returncode for claimer in claimers] == [0, 0, 0, 0]
    claimed = [int(n) for output in outputs for n in output.split()]
    assert sorted(claimed) == list(range(200))
    assert {(job.status, job.attempts) for job in jobs.list(limit=1000)} == {("done", 1)}
