"""`DELETE /api/traces` over a real store: for administrators, noted in the audit log, of one project."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Audit, Keys
from pilothouse.api.management import management
from pilothouse.api.observe.deletions import routes
from pilothouse.api.observe.traces import routes as trace_routes
from pilothouse.call import Span
from pilothouse.lifecycle.deletions import DELETED, Deletions
from pilothouse.observe import Drainer, Prices, SpoolRecorder, Traces
from pilothouse.observe.privacy.erasures import user_hash
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = Settings(home=tmp_path / "home")
    store = open_store(settings)
    spool = Spool.open(settings.home, 10_000_000)
    for trace_id, user, project in (("aa11", "ada", "default"), ("bb22", "bob", "default"), ("cc33", "ada", "other")):
        span = Span(
            id="root", trace_id=trace_id, project_id=project, name="chat", kind="llm", user_id=user,
            start_us=1_700_000_000_000_000, end_us=1_700_000_000_250_000, input={"messages": []},
        )  # fmt: skip
        SpoolRecorder(spool).record(span)
    Drainer(spool, store, settings.home).stop()
    yield store
    spool.close()
    store.close()


@pytest.fixture
def keys(store: Store) -> Keys:
    return Keys(store.control)


@pytest.fixture
def client(store: Store, keys: Keys) -> Iterator[TestClient]:
    app = management([routes(Deletions(store)), trace_routes(Traces(store), Prices())], keys, 1000)
    with TestClient(app, headers={"authorization": f"Bearer {keys.in_process()}"}) as client:
        yield client


def left(store: Store) -> list[str]:
    return [row.trace_id for project in ("default", "other") for row in Traces(store).list(project).rows]


def test_a_user_is_deleted_in_one_project_and_noted_without_the_name(client: TestClient, store: Store) -> None:
    gone = client.delete("/api/traces", params={"user": "ada"})
    assert gone.status_code == 200
    assert gone.json() == {"traces": 1, "spans": 1, "payloads": 1, "scores": 0, "elsewhere": 0}
    assert left(store) == ["bb22", "cc33"]
    (entry,) = Audit(store.control).list("default")
    assert (entry.action, entry.subject, entry.after) == (DELETED, f"user:{user_hash('ada')}", gone.json())
    assert client.delete("/api/traces", params={"user": "ada", "project_id": "other"}).json()["traces"] == 1
    assert left(store) == ["bb22"]


def test_a_trace_is_deleted_by_its_whole_id(client: TestClient, store: Store) -> None:
    assert client.delete("/api/traces/bb").json()["traces"] == 0
    assert client.delete("/api/traces/bb22").json()["traces"] == 1
    assert client.get("/api/traces/bb22").status_code == 404
    assert left(store) == ["aa11", "cc33"]
    assert [entry.subject for entry in Audit(store.control).list("default")] == ["trace:bb22", "trace:bb"]


@pytest.mark.parametrize(
    ("path", "status"), [("/api/traces", 400), ("/api/traces?user=", 400), ("/api/traces/a%20b", 400)]
)
def test_what_names_nothing(client: TestClient, store: Store, path: str, status: int) -> None:
    assert client.delete(path).status_code == status
    assert len(left(store)) == 3


def test_only_administrators_may(client: TestClient, keys: Keys) -> None:
    for role, status in (("editor", 403), ("viewer", 403), ("caller", 403), ("admin", 200)):
        secret, _ = keys.create(role, role)
        headers = {"authorization": f"Bearer {secret}"}
        assert client.delete("/api/traces/bb22", headers=headers).status_code == status, role
