"""The local executor with real child processes: results, failures, death, cancelling, several executors."""

import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from pilothouse.errors import StorageError
from pilothouse.ids import now_us
from pilothouse.storage import Job, Jobs, Leases, LocalExecutor, Store
from pilothouse.storage.leases import Standing

PATIENCE = 60.0
TASKS = {
    name: f"sample_tasks:{name}"
    for name in (
        "double", "fail", "refuse", "answer_with_object", "die_once", "exit_early", "until_cancelled", "deaf", "record",
        "call_off",
    )
}  # fmt: skip


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
def jobs(store: Store) -> Jobs:
    return Jobs(store.control)


def executor(store: Store, **options: Any) -> LocalExecutor:
    leases = options.pop("leases", None) or Leases(store.control, backoff=lambda attempts: 0)
    options = {"poll": 0.02, "beat": 0.02, "processes": 1} | options
    return LocalExecutor(store.control, tasks=TASKS, leases=leases, **options)


class Running:
    """A task that announced itself: its payload, its pid once it runs, its lock while it lives."""

    def __init__(self, folder: Path) -> None:
        self.payload = {"lock": str(folder / "lock"), "started": str(folder / "started")}
        os.mkfifo(self.payload["started"])
        self._fifo = os.open(self.payload["started"], os.O_RDWR)

    def pid(self) -> int:
        """Waits until the task runs."""
        ready, _, _ = select.select([self._fifo], [], [], PATIENCE)
        assert ready, "the task did not start"
        return int(os.read(self._fifo, 32))

    def wait_until_dead(self) -> None:
        with Path(self.payload["lock"]).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    def close(self) -> None:
        os.close(self._fifo)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.close()


def test_a_job_runs_in_another_process_and_keeps_its_result(store: Store, jobs: Jobs) -> None:
    job = jobs.enqueue("double", {"n": 21})
    executor(store).run_until_idle()
    done = jobs.get(job.id)
    assert (done.status, done.attempts) == ("done", 1)
    assert done.result["doubled"] == 42
    assert done.result["pid"] != os.getpid()
    assert (done.done, done.total, done.note) == (3, 3, "step 3")
    assert 0 < (done.started_us or 0) <= (done.finished_us or 0)


def test_a_failing_task_is_tried_again_and_becomes_a_dead_letter(store: Store, jobs: Jobs) -> None:
    job = jobs.enqueue("fail", {}, max_attempts=2)
    executor(store).run_until_idle()
    dead = jobs.get(job.id)
    assert (dead.status, dead.attempts) == ("failed", 2)
    assert dead.error == "ValueError: the disk ate ? it"
    assert "sample_tasks.py" in (dead.traceback or "")


def test_an_error_of_the_caller_is_not_tried_again(store: Store, jobs: Jobs) -> None:
    job = jobs.enqueue("refuse", {}, max_attempts=5)
    executor(store).run_until_idle()
    dead = jobs.get(job.id)
    assert (dead.status, dead.attempts, dead.error) == ("failed", 1, "There is no such folder.")


def test_an_unknown_task_fails_with_the_names_there_are(store: Store, jobs: Jobs) -> None:
    job = jobs.enqueue("rag.injest", {})
    executor(store).run_until_idle()
    dead = jobs.get(job.id)
    assert dead.status == "failed"
    assert "No pilothouse.tasks named 'rag.injest'" in (dead.error or "")


def test_a_result_that_is_no_json_is_an_error(store: Store, jobs: Jobs) -> None:
    job = jobs.enqueue("answer_with_object", {}, max_attempts=1)
    executor(store).run_until_idle()
    assert "object" in (jobs.get(job.id).error or "")


def test_a_killed_process_is_a_failed_attempt_and_the_next_one_succeeds(
    store: Store, jobs: Jobs, tmp_path: Path
) -> None:
    job = jobs.enqueue("die_once", {"marker": str(tmp_path / "marker")})
    executor(store).run_until_idle()
    done = jobs.get(job.id)
    assert (done.status, done.attempts, done.result) == ("done", 2, "survived")


def test_what_killed_the_process_is_said(store: Store, jobs: Jobs, tmp_path: Path) -> None:
    killed = jobs.enqueue("die_once", {"marker": str(tmp_path / "marker")}, max_attempts=1)
    left = jobs.enqueue("exit_early", {}, max_attempts=1)
    executor(store).run_until_idle()
    assert jobs.get(killed.id).error == "Its process was killed by SIGKILL. The system does that when memory runs out."
    assert jobs.get(left.id).error == "Its process exited with code 7 before it was done."


def test_cancelling_a_running_job_stops_it(store: Store, jobs: Jobs, running: Running) -> None:
    job = jobs.enqueue("until_cancelled", running.payload)
    with executor(store):
        running.pid()
        assert jobs.cancel(job.id).status == "running"
        ended = jobs.wait(job.id, timeout=PATIENCE, poll=0.01)
    assert (ended.status, ended.attempts) == ("cancelled", 1)


def test_a_task_may_call_its_job_off(store: Store, jobs: Jobs) -> None:
    job = jobs.enqueue("call_off", {})
    with executor(store):
        ended = jobs.wait(job.id, timeout=PATIENCE, poll=0.01)
    assert (ended.status, ended.attempts, ended.error) == ("cancelled", 1, None)


def test_a_job_that_does_not_stop_is_killed(store: Store, jobs: Jobs, running: Running) -> None:
    job = jobs.enqueue("deaf", running.payload)
    with executor(store, cancel_grace=0.0):
        running.pid()
        jobs.cancel(job.id)
        assert jobs.wait(job.id, timeout=PATIENCE, poll=0.01).status == "cancelled"
    running.wait_until_dead()


def test_stopping_puts_running_jobs_back(store: Store, jobs: Jobs, running: Running) -> None:
    job = jobs.enqueue("deaf", running.payload)
    work = executor(store)
    work.start()
    running.pid()
    work.stop(grace=0.0)
    running.wait_until_dead()
    back = jobs.get(job.id)
    assert (back.status, back.attempts) == ("queued", 0)


def test_a_lost_lease_ends_the_process_and_changes_nothing(store: Store, jobs: Jobs, running: Running) -> None:
    job = jobs.enqueue("deaf", running.payload)
    with executor(store):
        running.pid()
        tomorrow = Leases(store.control, patience=0, clock=lambda: now_us() + 86_400_000_000)
        # A row that is being renewed at this very moment is passed over.
        assert any(tomorrow.reclaim() for _ in range(1000))
        running.wait_until_dead()
        after = jobs.get(job.id)
    assert (after.status, after.attempts) == ("queued", 1)
    assert "fell silent" in (after.error or "")


def test_several_executors_run_every_job_once(store: Store, jobs: Jobs, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for n in range(8):
        jobs.enqueue("record", {"log": str(log), "n": n})
    workers = [executor(store, processes=2) for _ in range(2)]
    threads = [threading.Thread(target=worker.run_until_idle) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, log.read_text().split())) == list(range(8))


def test_the_queue_goes_on_after_an_error_nobody_thought_of(
    store: Store, jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    class Flaky(Leases):
        """The first claim and the first reclaim fail."""

        def __init__(self, engine: Engine) -> None:
            super().__init__(engine)
            self.failures = {"claim", "reclaim"}

        def fail_once(self, name: str) -> None:
            if name in self.failures:
                self.failures.remove(name)
                raise RuntimeError(f"{name} fell over")

        def claim(self) -> Job | None:
            self.fail_once("claim")
            return super().claim()

        def reclaim(self) -> int:
            self.fail_once("reclaim")
            return super().reclaim()

    job = jobs.enqueue("double", {"n": 1})
    executor(store, leases=Flaky(store.control)).run_until_idle()
    assert jobs.get(job.id).status == "done"
    assert "claim fell over" in caplog.text
    assert "reclaim fell over" in caplog.text


def test_an_error_that_nobody_expected_and_that_lasts_is_told_once(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Leases):
        """Says something else each time, as an error with a time in it does."""

        def __init__(self, engine: Engine) -> None:
            super().__init__(engine)
            self.claims, self.reclaims, self.tried = 0, 0, threading.Event()

        def count(self) -> None:
            if min(self.claims, self.reclaims) >= 5:
                self.tried.set()

        def claim(self) -> Job | None:
            self.claims += 1
            self.count()
            raise RuntimeError(f"claim {self.claims} fell over")

        def reclaim(self) -> int:
            self.reclaims += 1
            self.count()
            raise RuntimeError(f"reclaim {self.reclaims} fell over")

    leases = Broken(store.control)
    with executor(store, leases=leases):
        assert leases.tried.wait(PATIENCE)
    told = [record for record in caplog.records if record.exc_info]
    assert sorted(record.getMessage().split()[0] for record in told) == ["A", "The"]
    assert "claim 1 fell over" in caplog.text
    assert "claim 2 fell over" not in caplog.text


def test_a_job_waits_out_a_database_that_is_away(store: Store, jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    class Away(Leases):
        """The database cannot be reached the first time that each thing is said."""

        def __init__(self, engine: Engine) -> None:
            super().__init__(engine)
            self.said: set[str] = set()

        def first_time(self, name: str) -> None:
            if name not in self.said:
                self.said.add(name)
                raise StorageError("the database is away")

        def claim(self) -> Job | None:
            self.first_time("claim")
            return super().claim()

        def renew(self, job: Job, done: int, total: int, note: str) -> Standing:
            self.first_time("renew")
            return super().renew(job, done, total, note)

        def finish(self, job: Job, result: Any) -> bool:
            self.first_time("finish")
            return super().finish(job, result)

    job = jobs.enqueue("double", {"n": 1})
    away = Away(store.control)
    executor(store, leases=away).run_until_idle()
    assert (jobs.get(job.id).status, jobs.get(job.id).attempts) == ("done", 1)
    assert away.said == {"claim", "renew", "finish"}
    assert caplog.text.count("the database is away") == 3


@pytest.fixture
def other_process(settings: Any) -> Iterator[subprocess.Popen[bytes]]:
    """An executor in a process of its own, over the same databases."""
    script = (
        "import sys; from pathlib import Path; from pilothouse.settings import Settings\n"
        "from pilothouse.storage import LocalExecutor, Leases, open_store\n"
        "store = open_store(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2] or None))\n"
        "tasks = {'until_cancelled': 'sample_tasks:until_cancelled'}\n"
        "leases = Leases(store.control, seconds=0.3, patience=60)  # it takes none back from itself\n"
        "LocalExecutor(store.control, tasks=tasks, leases=leases, poll=0.02, beat=0.05).run_until_idle()\n"
    )
    command = [sys.executable, "-c", script, str(settings.home), settings.database_url or ""]
    with subprocess.Popen(command) as process:
        yield process
        process.kill()


def test_when_an_executor_is_killed_its_children_die_and_another_takes_its_jobs(
    store: Store, jobs: Jobs, running: Running, request: pytest.FixtureRequest
) -> None:
    job = jobs.enqueue("until_cancelled", running.payload)
    process = request.getfixturevalue("other_process")
    first = running.pid()
    os.kill(process.pid, signal.SIGKILL)
    running.wait_until_dead()
    with executor(store):
        assert running.pid() != first
        jobs.cancel(job.id)
        assert jobs.wait(job.id, timeout=PATIENCE, poll=0.01).attempts == 2
