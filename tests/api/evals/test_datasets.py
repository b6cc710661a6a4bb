"""Datasets over HTTP: made, listed, changed, imported, exported, compared."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys, Tenants
from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.api.evals import dataset_work, datasets
from pilothouse.api.management import management
from pilothouse.settings import Settings
from pilothouse.storage import Jobs, open_store

As = Callable[..., TestClient]
LINES = b'{"id": "a", "input": "q1", "expected": 1}\n{"id": "b", "input": "q2", "split": "test"}\n'


@pytest.fixture
def as_(tmp_path: Path) -> Iterator[As]:
    """A client with a key of a role in a project."""
    settings = Settings(home=tmp_path)
    store = open_store(settings)
    keys = Keys(store.control)
    keys.set_master("ph-master")
    Tenants(store.control).create("project", "shop", TenantSettings(name="Shop"))
    jobs = Jobs(store.control)
    app = management([dataset_work.routes(store, jobs, settings), datasets.routes(store)], keys, 10_000)

    def client(role: Any = "editor", project: str = "default") -> TestClient:
        secret, _ = keys.create(f"{role} of {project}", role, KeySettings(project_id=project))
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    yield client
    store.close()


@pytest.fixture
def client(as_: As) -> TestClient:
    """An editor's client, and a dataset `d` with two items."""
    made = as_()
    assert made.post("/api/datasets", json={"name": "d"}).status_code == 201
    answer = made.post("/api/datasets/d/import?format=jsonl", content=LINES)
    assert answer.json() == {"version": 1, "added": 2, "changed": 0, "removed": 0, "unchanged": 0}
    return made


def told(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def test_datasets_are_made_listed_described_and_archived(client: TestClient) -> None:
    assert "already" in told(client.post("/api/datasets", json={"name": "d"}), 409)
    assert "control character" in told(client.post("/api/datasets", json={"name": "a\nb"}), 400)
    client.post("/api/datasets", json={"name": "folder/e", "description": "about e", "metadata": {"a": 1}})
    page = client.get("/api/datasets?limit=1").json()
    assert ([one["name"] for one in page["data"]], page["next"]) == (["d"], "d")
    assert [one["name"] for one in client.get("/api/datasets?after=d").json()["data"]] == ["folder/e"]
    one = client.get("/api/datasets/d").json()
    assert (one["version"], one["newest"]["size"], one["splits"]) == (1, 2, {"": 1, "test": 1})
    assert one["newest"]["author"].endswith("(editor of default)")
    assert client.get("/api/datasets/folder/e").json()["description"] == "about e"
    client.patch("/api/datasets/d", json={"archived": True, "description": "old"})
    assert [x["name"] for x in client.get("/api/datasets").json()["data"]] == ["folder/e"]
    assert [x["description"] for x in client.get("/api/datasets?archived=true").json()["data"]] == ["old"]
    assert "archived" in told(client.post("/api/datasets/d/items", json={"add": [{"input": 1}]}), 409)
    assert client.patch(f"/api/datasets/{one['id']}", json={"archived": False}).json()["archived_us"] is None
    assert "no dataset 'x'" in told(client.get("/api/datasets/x"), 404)


def test_items_are_changed_on_what_was_seen(client: TestClient) -> None:
    change = {"add": [{"id": "a", "input": "q1", "expected": 2}, {"question": "q3"}], "remove": ["b"], "base": 1}
    made = client.post("/api/datasets/d/items", json=change).json()
    assert made == {"version": 2, "added": 1, "changed": 1, "removed": 1, "unchanged": 0}
    assert "is 2, not 1" in told(client.post("/api/datasets/d/items", json={"remove": ["a"], "base": 1}), 409)
    wrong = {"add": [{"input": "x"}, {"text": "y"}]}
    assert told(client.post("/api/datasets/d/items", json=wrong), 400).startswith("add, item 2: `input` is missing")
    page = client.get("/api/datasets/d/items?limit=1").json()
    assert (page["version"], page["data"][0]["id"], page["data"][0]["expected"]) == (2, "a", 2)
    rest = client.get(f"/api/datasets/d/items?after={page['next']}").json()
    assert ([one["input"] for one in rest["data"]], rest["next"]) == (["q3"], None)
    old = client.get("/api/datasets/d/items?version=1&split=test").json()["data"]
    assert [one["id"] for one in old] == ["b"]
    assert client.get("/api/datasets/d/items/b").json()["until"] == 2
    assert client.get("/api/datasets/d/items/a?version=1").json()["expected"] == 1
    assert "no item 'c'" in told(client.get("/api/datasets/d/items/c"), 404)
    assert "no version 9" in told(client.get("/api/datasets/d/items?version=9"), 404)
    versions = client.get("/api/datasets/d/versions?limit=1").json()
    assert (versions["data"][0]["number"], versions["next"]) == (2, 2)
    assert [one["number"] for one in client.get("/api/datasets/d/versions?before=2").json()["data"]] == [1]


def test_two_versions_are_compared(client: TestClient) -> None:
    client.post("/api/datasets/d/items", json={"add": [{"id": "a", "input": "q1", "expected": 2}], "remove": ["b"]})
    diff = client.get("/api/datasets/d/diff?from=1").json()
    assert (diff["from"], diff["to"], diff["added"], diff["removed"], diff["changed"]) == (1, 2, 0, 1, 1)
    changed, removed = diff["data"]
    assert (changed["kind"], changed["old"]["expected"], changed["new"]["expected"]) == ("changed", 1, 2)
    assert (removed["id"], removed["new"]) == ("b", None)
    back = client.get("/api/datasets/d/diff?from=2&to=0&limit=1").json()
    assert (back["removed"], len(back["data"]), back["next"]) == (1, 1, None)


def test_what_is_exported_is_imported_again(client: TestClient) -> None:
    answer = client.get("/api/datasets/d/export")
    assert answer.headers["content-type"] == "application/jsonl"
    assert [json.loads(line)["id"] for line in answer.text.splitlines()] == ["a", "b"]
    again = client.post("/api/datasets/d/import", content=answer.content, headers={"content-type": "application/jsonl"})
    assert again.json()["unchanged"] == 2
    assert client.get("/api/datasets/d/export?split=test").text.count("\n") == 1


@pytest.mark.parametrize(
    ("query", "kind", "body", "ids"),
    [
        ("", "text/csv; charset=utf-8", b"question,label\nwhy,because\n", None),
        ("?columns=input=text,expected=label", "text/csv", b"text,label\nwhy,because\n", None),
        ("", "application/json", b'{"data": [{"id": "i", "input": "why", "expectedOutput": "because"}]}', "i"),
        ("", "application/x-ndjson", b'{"input": [{"role": "user", "content": "why"}], "ideal": "because"}', None),
    ],
    ids=["csv", "named columns", "langfuse", "openai"],
)
def test_files_of_others(client: TestClient, query: str, kind: str, body: bytes, ids: str | None) -> None:
    columns = "&columns=expected=label" if b"question,label" in body else ""
    address = f"/api/datasets/d/import{query or '?replace=true'}{columns}{'&replace=true' if query else ''}"
    assert client.post(address, content=body, headers={"content-type": kind}).json()["removed"] == 2
    (item,) = client.get("/api/datasets/d/items").json()["data"]
    assert item["expected"] == "because"
    assert "why" in json.dumps(item["input"])
    assert ids is None or item["id"] == ids


def test_parquet_comes_in(client: TestClient, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"input": ["p1", "p2"], "context": [["x"], []]}), tmp_path / "x.parquet")
    kind = {"content-type": "application/vnd.apache.parquet"}
    body = (tmp_path / "x.parquet").read_bytes()
    assert client.post("/api/datasets/d/import", content=body, headers=kind).json()["added"] == 2
    assert "is no Parquet file" in told(client.post("/api/datasets/d/import", content=b"PAR1", headers=kind), 400)


@pytest.mark.parametrize(
    ("query", "body", "status", "said"),
    [
        ("format=jsonl", b'{"input": 1}\n{"input": 2}\n{"inptu": 3}\n', 400, "body, line 3: `input` is missing"),
        ("format=jsonl", b'{"input": 1}\n{"input": ', 400, "body, line 2: is no JSON"),
        ("format=csv", b"input\n\xff\n", 400, "body, line 2: is not UTF-8"),
        ("format=json", b"7", 400, "is neither a list"),
        ("format=jsonl&columns=question=input", b'{"input": 1}', 400, "'question' is nothing an item has"),
        ("format=xml", b"", 400, "format"),
        ("", b"{}", 400, "Say what the body is"),
        ("format=jsonl&base=0", LINES, 409, "is 1, not 0"),
        ("format=jsonl", b" " * 10_001, 413, "limit"),
    ],
    ids=["no input", "no json", "no text", "no list", "columns", "format", "nothing said", "base", "too large"],
)
def test_of_a_file_that_is_wrong_nothing_is_kept(
    client: TestClient, query: str, body: bytes, status: int, said: str
) -> None:
    assert said in told(client.post(f"/api/datasets/d/import?{query}", content=body), status)
    assert client.get("/api/datasets/d").json()["version"] == 1
    packed = client.post("/api/datasets/d/import?format=jsonl", content=LINES, headers={"content-encoding": "gzip"})
    assert "without a content-encoding" in told(packed, 400)


@pytest.mark.parametrize("odd", ["\\u0000", "\\ud800", "\\u202e"], ids=["nul", "half", "turned"])
def test_odd_texts_are_kept_or_refused(client: TestClient, odd: str) -> None:
    """Sent as JSON escapes, wherever a text may stand: what cannot be kept is the caller's error."""
    bodies = {
        "/api/datasets": '{"name": "%s", "description": "%s", "metadata": {"%s": "%s"}}',
        "/api/datasets/d/items": '{"add": [{"input": "%s", "expected": {"%s": 1}}], "remove": ["%s"], "note": "%s"}',
        "/api/datasets/%s/items": '{"add": []}',
        "/api/datasets/d/sample": '{"by": "%s", "filters": {"user_id": "%s"}}',
        "/api/datasets/d/split": '{"shares": {"%s": 1}}',
        "/api/datasets/d/scrub": '{"patterns": {"%s": "%s"}}',
    }
    for path, body in bodies.items():
        for _ in range(2):
            answer = client.post(path.replace("%s", "x"), content=body.replace("%s", odd))
            assert answer.status_code < 500, (path, answer.text)
    assert client.get("/api/datasets/d/export").status_code == 200


def test_who_may_what(as_: As, client: TestClient) -> None:
    looking, elsewhere = as_("viewer"), as_("editor", "shop")
    assert looking.get("/api/datasets/d/items").status_code == 200
    assert looking.post("/api/datasets/d/items", json={"remove": ["a"]}).status_code == 403
    assert looking.post("/api/datasets/d/import?format=jsonl", content=LINES).status_code == 403
    assert as_("caller").get("/api/datasets").status_code == 403
    assert elsewhere.get("/api/datasets").json()["data"] == []
    assert elsewhere.get("/api/datasets/d").status_code == 404
