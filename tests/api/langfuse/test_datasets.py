"""Datasets, items and runs as Langfuse's clients ask for them, over a store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.access.shapes import KeySettings
from pilothouse.api.langfuse import datasets as langfuse_datasets
from pilothouse.api.management import management
from pilothouse.call import Span
from pilothouse.evals.datasets.experiments import external_runs
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.scores import Score, Scores
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store, open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

Json = dict[str, Any]
P, TRACE, STEP = "default", "0" * 31 + "1", "0" * 15 + "2"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


@pytest.fixture
def keys(store: Store) -> Keys:
    return Keys(store.control)


@pytest.fixture
def app(store: Store, keys: Keys) -> Any:
    return management([langfuse_datasets.routes(store, external_runs(store))], keys, 10_000)


def client_of(app: Any, keys: Keys, role: Any) -> TestClient:
    secret, _ = keys.create(role, role, KeySettings(project_id=P))
    made = TestClient(app, base_url="http://test/api/public", raise_server_exceptions=False)
    made.auth = ("pk-any", secret)  # type: ignore[assignment]
    return made


@pytest.fixture
def client(app: Any, keys: Keys) -> TestClient:
    return client_of(app, keys, "editor")


@pytest.fixture
def made(client: TestClient) -> Json:
    return client.post("/v2/datasets", json={"name": "folder/d", "description": "x", "metadata": {"a": 1}}).json()


def put(client: TestClient, **item: Any) -> Json:
    answer = client.post("/dataset-items", json={"datasetName": "folder/d", **item})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def test_datasets_are_made_once_and_listed_by_pages(client: TestClient, made: Json) -> None:
    assert (made["name"], made["description"], made["metadata"], made["projectId"]) == ("folder/d", "x", {"a": 1}, P)
    again = client.post("/v2/datasets", json={"name": "folder/d", "description": "y", "metadata": [1]}).json()
    assert (again["id"], again["description"], again["metadata"]) == (made["id"], "y", [1])
    client.post("/v2/datasets", json={"name": "e"})
    page = client.get("/v2/datasets?limit=1&page=2").json()
    assert page["meta"] == {"page": 2, "limit": 1, "totalItems": 2, "totalPages": 2}
    assert [one["name"] for one in page["data"]] == ["folder/d"]
    assert client.get("/v2/datasets/folder%2Fd").json()["id"] == made["id"]
    assert client.get(f"/v2/datasets/{made['id']}").status_code == 404
    assert "not supported" in client.post("/v2/datasets", json={"name": "s", "inputSchema": {}}).text


def test_items_are_put_changed_archived_and_taken_back(client: TestClient, made: Json, store: Store) -> None:
    item = put(client, id="a", input={"q": 1}, expectedOutput="one", metadata="text", sourceTraceId=TRACE)
    assert (item["status"], item["datasetId"], item["sourceTraceId"]) == ("ACTIVE", made["id"], TRACE)
    assert (item["metadata"], item["mediaReferences"]) == ("text", [])
    changed = put(client, id="a", expectedOutput="two", input=None)
    assert (changed["input"], changed["expectedOutput"], changed["metadata"]) == ({"q": 1}, "two", "text")
    other = put(client, input="q2")
    assert len(other["id"]) == 32
    assert [one["id"] for one in client.get(f"/dataset-items?sourceTraceId={TRACE}").json()["data"]] == ["a"]
    assert put(client, id="a", status="ARCHIVED")["status"] == "ARCHIVED"
    assert put(client, id="a", expectedOutput="three")["status"] == "ARCHIVED"
    page = client.get("/dataset-items?datasetName=folder/d&limit=1").json()
    assert (page["meta"]["totalItems"], page["data"][0]["id"]) == (1, other["id"])
    assert client.get("/dataset-items/a").json()["expectedOutput"] == "three"
    assert put(client, id="a", status="ACTIVE")["status"] == "ACTIVE"
    assert client.delete(f"/dataset-items/{other['id']}").status_code == 200
    whole = client.get("/datasets/folder%2Fd").json()
    assert ([one["id"] for one in whole["items"]], whole["runs"]) == (["a"], [])
    datasets = Datasets(store)
    first = datasets.version(P, datasets.get(P, "folder/d"), 1)
    at = f"{first.created_us // 1_000_000}"
    assert client.get("/dataset-items?datasetName=folder/d&version=1999-01-01T00:00:00Z").json()["data"] == []
    assert client.get(f"/dataset-items?datasetName=folder/d&version={at}").status_code == 400
    assert client.get("/dataset-items").status_code == 400
    assert client.post("/dataset-items", json={"datasetName": "none", "input": 1}).status_code == 404
    assert client.post("/dataset-items", json={"datasetName": "folder/d", "status": "GONE"}).status_code == 400


def test_items_of_two_datasets_with_the_same_id_are_told_apart(client: TestClient, made: Json, store: Store) -> None:
    put(client, id="1", input="of d")
    datasets = Datasets(store)
    other = datasets.create(P, "e")
    datasets.change(P, other, [NewItem(key="1", input="of e", context=("p",), split="test")])
    (mine,) = client.get("/dataset-items?datasetName=folder/d").json()["data"]
    (theirs,) = client.get("/dataset-items?datasetName=e").json()["data"]
    assert (mine["id"], theirs["id"]) == (f"{made['id']}/1", f"{other.id}/1")
    assert client.get(f"/dataset-items/{theirs['id']}").json()["input"] == "of e"
    assert (theirs["context"], theirs["split"]) == (["p"], "test")
    assert put(client, id=mine["id"], expectedOutput="x")["input"] == "of d"


def test_a_run_is_one_of_ours(client: TestClient, made: Json, store: Store, tmp_path: Path) -> None:
    put(client, id="a", input="q", expectedOutput="e")
    given = {"runName": "first/try", "datasetItemId": "a", "traceId": TRACE, "observationId": STEP}
    linked = client.post(
        "/dataset-run-items", json={**given, "runDescription": "d", "metadata": {"commit": "c"}}
    ).json()
    assert (linked["datasetRunName"], linked["datasetItemId"], linked["traceId"]) == ("first/try", "a", TRACE)
    assert linked["observationId"] == STEP
    assert client.post("/dataset-run-items", json=given).json()["id"] == linked["id"]
    spool = Spool.open(tmp_path, 2**24)
    drainer = Drainer(spool, store, tmp_path)
    SpoolRecorder(spool, drainer.wake).record(
        Span(id=STEP, trace_id=TRACE, project_id=P, name="s", kind="chain", start_us=10**15, end_us=10**15 + 5,
             output={"value": "answer"})
    )  # fmt: skip
    drainer.flush()
    spool.close()
    Scores(store).put(P, [Score(id="1", trace_id=TRACE, name="exact", value=1.0)])
    run = client.get("/datasets/folder%2Fd/runs/first%2Ftry").json()
    assert (run["description"], run["metadata"], run["datasetName"]) == ("d", {"commit": "c"}, "folder/d")
    assert [one["id"] for one in run["datasetRunItems"]] == [linked["id"]]
    outcome = external_runs(store).runs.outcome(P, run["id"], "a")
    assert (outcome.case.output, outcome.case.expected, outcome.verdicts[0].score) == ("answer", "e", 1.0)
    runs = client.get("/datasets/folder%2Fd/runs").json()
    assert ([one["name"] for one in runs["data"]], runs["meta"]["totalItems"]) == (["first/try"], 1)
    listed = client.get("/dataset-run-items", params={"datasetId": made["id"], "runName": "first/try"}).json()
    assert [one["id"] for one in listed["data"]] == [linked["id"]]
    assert client.delete("/datasets/folder%2Fd/runs/first%2Ftry").json()["message"]
    assert client.get("/datasets/folder%2Fd/runs/first%2Ftry").status_code == 404
    assert client.post("/dataset-run-items", json={**given, "datasetItemId": "x"}).status_code == 404
    assert client.post("/dataset-run-items", json={**given, "traceId": None}).status_code == 400


def test_datasets_are_for_those_who_may_change_things(app: Any, keys: Keys, client: TestClient, made: Json) -> None:
    viewer, caller = client_of(app, keys, "viewer"), client_of(app, keys, "caller")
    assert viewer.get("/v2/datasets").status_code == 200
    assert viewer.post("/v2/datasets", json={"name": "x"}).status_code == 403
    assert caller.post("/dataset-items", json={"datasetName": "folder/d", "input": 1}).status_code == 403
