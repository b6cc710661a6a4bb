"""`/api/diff`: an order becomes a job."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys, Tenants
from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.api.lifecycle.diff import TASK, routes
from pilothouse.api.management import management
from pilothouse.settings import Settings
from pilothouse.storage import Jobs, Store, open_store

ORDER: dict[str, Any] = {"before": "model:a", "after": "model:b", "dataset": "d", "evaluators": ["exact"]}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(Settings(home=tmp_path))
    yield made
    made.close()


@pytest.fixture
def keys(store: Store) -> Keys:
    made = Keys(store.control)
    made.set_master("ph-master")
    Tenants(store.control).create("project", "shop", TenantSettings(name="Shop"))
    return made


@pytest.fixture
def client(store: Store, keys: Keys, tmp_path: Path) -> TestClient:
    settings = Settings(home=tmp_path, config=tmp_path / "none.yaml")
    app = management([routes(Jobs(store.control), settings)], keys, 100_000)
    return TestClient(app, headers={"authorization": "Bearer ph-master"}, raise_server_exceptions=False)


def test_an_order_waits_as_a_job_of_its_project(client: TestClient, store: Store, tmp_path: Path) -> None:
    told = client.post("/api/diff?project_id=shop", json=ORDER)
    assert told.status_code == 202, told.text
    job = Jobs(store.control).get(told.json()["id"], project_id="shop")
    assert job.task == TASK
    assert job.payload == {"home": str(tmp_path), "config": None, "project": "shop", "order": ORDER, "key_id": ""}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"after": "b"}, "Write it as model:NAME"), ({"dataset": None}, "name 'dataset' or 'recorded'"),
        ({"evaluators": ["exakt"]}, "exact"), ({"gates": ["exact"]}, "is no gate"),
        ({"after": "prompt:/etc/passwd"}, "empty part"), ({"after": "config:/etc/passwd"}, "names a file"),
        ({"after": {"config": {"providers": {"openai": {"api_key": "sk-1"}}}}}, "Write secrets as references"),
    ],
    ids=range(7),
)  # fmt: skip
def test_what_is_wrong_is_told_at_once(client: TestClient, change: dict[str, Any], why: str) -> None:
    told = client.post("/api/diff", json={**ORDER, **change})
    assert told.status_code == 400, told.text
    assert why in told.json()["error"]["message"]


def test_a_configuration_is_tried_by_those_who_may_change_it(client: TestClient, keys: Keys) -> None:
    def as_(role: Any, project: str) -> dict[str, str]:
        secret, _ = keys.create(f"{role} of {project}", role, KeySettings(project_id=project))
        return {"authorization": f"Bearer {secret}"}

    order = {**ORDER, "after": "config:3"}
    assert client.post("/api/diff", json=order, headers=as_("editor", "shop")).status_code == 403
    assert client.post("/api/diff", json=ORDER, headers=as_("editor", "shop")).status_code == 202
    assert client.post("/api/diff", json=order, headers=as_("editor", "default")).status_code == 202
    assert client.post("/api/diff", json=ORDER, headers=as_("viewer", "shop")).status_code == 403
