"""Runs that other programs make are looked at while they go on, and closed once nothing new comes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.evals.datasets.experiments import external_runs
from pilothouse.evals.datasets.external import ExternalRuns, Link
from pilothouse.lifecycle.reported import ReportedRuns
from pilothouse.observe.scores import Score, Scores
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.turns import Turn

P = "default"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


@pytest.fixture
def runs(store: Store) -> ExternalRuns:
    return external_runs(store)


def test_a_run_is_over_once_nothing_new_came_for_ten_minutes(store: Store, runs: ExternalRuns) -> None:
    now = [0.0]
    work = ReportedRuns(runs, Turn(store.control, "test", seconds=60), lambda: now[0])
    run = runs.begin(P, None, "r", source="langfuse")
    runs.link(P, run, Link("a", "t1"))
    looks = {0: 0, 300: 0, 599: 0}
    for at, closed in looks.items():
        now[0] = at
        assert work.look() == closed
    Scores(store).put(P, [Score(id="1", trace_id="t1", name="exact", value=1.0)])
    now[0] = 600
    assert work.look() == 0
    assert runs.runs.outcome(P, run.id, "a").verdicts[0].score == 1.0
    now[0] = 700
    runs.link(P, run, Link("b", "t2"))
    assert work.look() == 0
    now[0] = 1299
    assert work.look() == 0
    now[0] = 1300
    assert work.look() == 1
    assert runs.runs.get(P, run.id).status == "done"
    now[0] = 9999
    assert work.look() == 0
    runs.begin(P, None, "r", source="langfuse")
    assert work.look() == 0
    assert runs.runs.get(P, run.id).status == "running"


async def test_it_runs_by_itself(store: Store, runs: ExternalRuns) -> None:
    run = runs.begin(P, None, "r", source="langfuse")
    runs.link(P, run, Link("a", "t1"))
    Scores(store).put(P, [Score(id="1", trace_id="t1", name="exact", value=1.0)])
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Watched(ReportedRuns):
        def look(self) -> int:
            closed = super().look()
            loop.call_soon_threadsafe(looked.set)
            return closed

    task = asyncio.create_task(Watched(runs, Turn(store.control, "test", seconds=60)).run())
    await looked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert runs.runs.outcome(P, run.id, "a").verdicts[0].evaluator == "exact"
