"""A replay over HTTP, as a job that really runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pilothouse.api.lifecycle.replay import routes
from pilothouse.call import Span
from pilothouse.config import Config
from pilothouse.ids import new_id, now_us
from pilothouse.lifecycle.live import LiveConfig
from pilothouse.lifecycle.replay_job import TASK
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.settings import Settings
from pilothouse.storage import Jobs, LocalExecutor, SnapshotStore, Spool, Store, open_store
from pilothouse.types import Usage

WANTED = {
    "providers": {"pool": {"kind": "openai", "api_key": "sk-secret", "base_url": "http://10.0.0.5/v1"}},
    "models": {"fast": {"deployments": [{"provider": "pool", "model": "small"}]}},
    "prices": [{"provider": "pool", "model": "small", "input": 3, "output": 0}],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def client(store: Store, settings: Settings) -> Iterator[TestClient]:
    live = LiveConfig(SnapshotStore(store.control), None, lambda config: lambda snapshot: None)
    live.put(Config.model_validate(WANTED), author="ana", source="api")
    app = FastAPI()
    app.include_router(routes(live, Jobs(store.control), settings))
    with TestClient(app) as client:
        yield client


def record(store: Store, settings: Settings) -> None:
    spool = Spool.open(settings.home, 10_000_000)
    drainer, start = Drainer(spool, store, settings.home), now_us() - 60_000_000
    span = Span(
        id="call", trace_id=new_id(start), project_id="default", name="chat fast", kind="llm", start_us=start,
        end_us=start + 500_000, operation="chat", request_model="fast", deployment="pool/small",
        usage=Usage(1000, 10), cost_nano=1_000_000,
    )  # fmt: skip
    SpoolRecorder(spool).record(span)
    drainer.flush()
    drainer.stop()
    spool.close()


def test_a_replay_is_a_job_whose_result_is_the_report(client: TestClient, store: Store, settings: Settings) -> None:
    record(store, settings)
    body: Any = WANTED | {"providers": {"pool": {**WANTED["providers"]["pool"], "api_key": "(hidden)"}}}  # type: ignore[index]
    started = client.post("/api/replay", json=body)
    assert started.status_code == 200, started.text
    assert "sk-secret" not in started.text
    with LocalExecutor(store.control, tasks={TASK: "pilothouse.lifecycle.replay_job:replay_task"}):
        job = Jobs(store.control).wait(started.json()["id"], timeout=60)
    assert job.status == "done", job.error
    assert job.result["calls"] == 1
    assert (job.result["before"]["cost_nano"], job.result["after"]["cost_nano"]) == (1_000_000, 3_000_000)
