"""`pilothouse jobs` over a real queue."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from click.testing import CliRunner, Result

from pilothouse.cli.context import Context
from pilothouse.cli.jobs import jobs
from pilothouse.errors import NotFound
from pilothouse.settings import Settings
from pilothouse.storage import Jobs, Leases, open_store


class _Platform:
    """What the command needs of the platform."""

    def __init__(self, home: Path) -> None:
        self.store = open_store(Settings(home=home))
        seconds = itertools.count(1_700_000_000_000_000, 1_000_000)
        self.jobs = Jobs(self.store.control, clock=seconds.__next__)
        self.leases = Leases(self.store.control)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[_Platform]:
    platform = _Platform(tmp_path / "home")
    yield platform
    platform.store.close()


def run(platform: _Platform, *arguments: str) -> Result:
    context = Context(Settings(), lambda settings, **_: platform)  # type: ignore[arg-type, return-value]
    return CliRunner(env={"COLUMNS": "200"}).invoke(jobs, arguments, obj=context)


def test_nothing_yet(platform: _Platform) -> None:
    assert "No jobs yet" in run(platform, "list").output
    assert run(platform, "list", "--json").output == "[]\n"
    assert run(platform, "list", "--status", "failed").output == "No job is failed.\n"


def test_list_shows_progress_and_the_last_word(platform: _Platform) -> None:
    platform.jobs.enqueue("rag.ingest", {"folder": "/docs"})
    platform.jobs.enqueue("evals.run", {})
    job = platform.leases.claim()
    assert job is not None
    platform.leases.renew(job, 3, 12, "report.pdf\x1b[2J")
    lines = run(platform, "list").output.splitlines()
    assert lines[0].split() == ["created", "id", "task", "status", "progress", "attempts", "said"]
    assert "evals.run" in lines[1]
    assert "queued" in lines[1]
    assert all(word in lines[2] for word in ("rag.ingest", "running", "3/12", "1 of 3", "report.pdf"))
    assert "\x1b[2J" not in lines[2]


def test_list_as_json_in_pages(platform: _Platform) -> None:
    for n in range(3):
        platform.jobs.enqueue("t", {"n": n})
    first = json.loads(run(platform, "list", "--json", "--limit", "2").output)
    rest = json.loads(run(platform, "list", "--json", "--before", first[-1]["id"]).output)
    assert {row["payload"]["n"] for row in first + rest} == {0, 1, 2}
    assert "lease" not in first[0]


def test_show_tells_how_it_ended(platform: _Platform) -> None:
    platform.jobs.enqueue("t", {"n": 1}, max_attempts=1)
    job = platform.leases.claim()
    assert job is not None
    platform.leases.fail(job, "ValueError: no", "Traceback:\n  here")
    output = run(platform, "show", job.id).output
    assert "status    failed" in output
    assert "said      ValueError: no" in output
    assert 'payload   {"n": 1}' in output
    assert output.endswith("Traceback:\n  here\n")
    assert json.loads(run(platform, "show", job.id, "--json").output)["error"] == "ValueError: no"


def test_cancel_says_what_became_of_the_job(platform: _Platform) -> None:
    running = platform.jobs.enqueue("t", {})
    platform.leases.claim()
    queued = platform.jobs.enqueue("t", {})
    assert run(platform, "cancel", queued.id).output == f"Job {queued.id} is cancelled.\n"
    assert run(platform, "cancel", queued.id).output == f"Job {queued.id} was finished already: cancelled.\n"
    assert f"Job {running.id} is asked to stop" in run(platform, "cancel", running.id).output
    assert "stopping" in run(platform, "list").output


def test_an_unknown_job_is_an_error(platform: _Platform) -> None:
    for command in ("show", "cancel"):
        assert isinstance(run(platform, command, "nope").exception, NotFound)
