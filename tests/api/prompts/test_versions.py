"""Prompts over HTTP: made, resolved, promoted, rolled back; names, roles, and what is odd."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Audit, Keys, Tenants
from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.api.caller import in_known_projects
from pilothouse.api.management import management
from pilothouse.api.prompts import versions as api
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import name_fault
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store

As = Callable[..., TestClient]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


@pytest.fixture
def registry(store: Store) -> Prompts:
    return Prompts(store.control)


@pytest.fixture
def as_(store: Store, registry: Prompts) -> As:
    """A client with a key of a role in a project."""
    keys = Keys(store.control)
    keys.set_master("ph-master")
    tenants = Tenants(store.control)
    tenants.create("project", "shop", TenantSettings(name="Shop"))
    routers = [in_known_projects(router, tenants) for router in (api.request_routes(registry), api.routes(registry))]
    app = management(routers, keys, 2_000_000)

    def client(role: Any = "editor", project: str = "default") -> TestClient:
        secret, _ = keys.create(f"{role} of {project}", role, KeySettings(project_id=project))
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    return client


@pytest.fixture
def client(as_: As) -> TestClient:
    return as_()


def told(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def made(client: TestClient, name: str, template: Any = "Hi", **more: Any) -> Any:
    answer = client.post("/api/prompts", json={"name": name, "content": {"template": template}, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_prompt_from_its_first_version_to_its_end(client: TestClient, store: Store) -> None:
    first = made(client, "rag/answer", "Answer {{ q }}", message="first", labels=["production"])
    assert (first["version"], first["labels"], first["content"]["syntax"]) == (1, ["production", "latest"], "jinja")
    assert first["author"].endswith("(editor of default)")
    made(client, "rag/answer", "Answer {{ q }} well", parent=1)
    at = "/api/prompts/rag/answer"
    assert client.get(f"{at}/versions/2").json()["parent"] == 1
    assert [one["version"] for one in client.get(f"{at}/versions?limit=1").json()["data"]] == [2]
    moved = client.put(f"{at}/labels/production", json={"version": 2, "reason": "better", "expected": 1}).json()
    assert (moved["kind"], moved["version"], moved["before"], moved["number"]) == ("promote", 2, 1, 2)
    assert "by now, not to 1" in told(client.put(f"{at}/labels/production", json={"version": 1, "expected": 1}), 409)
    assert client.get(f"{at}/resolved").json()["version"] == 2
    assert client.post(f"{at}/rollback", json={"reason": "worse"}).json()["version"] == 1
    assert client.get(f"{at}/resolved?label=production").json()["version"] == 1
    one = client.get(at).json()
    assert (one["labels"], one["newest_version"]["version"]) == ({"production": 1, "latest": 2}, 2)
    assert one["moves"]["production"]["reason"] == "worse"
    page = client.get(f"{at}/history?limit=2").json()
    rest = client.get(f"{at}/history?before={page['next']}").json()
    assert [move["number"] for move in (*page["data"], *rest["data"])] == [3, 2, 1]
    assert client.patch(at, json={"description": "d", "tags": ["rag"]}).json()["tags"] == ["rag"]
    assert "in use by its labels: production" in told(client.delete(at), 409)
    assert client.delete(f"{at}/labels/production").json()["kind"] == "unlabel"
    assert client.delete(at).json()["archived_us"] > 0
    assert client.get("/api/prompts").json() == {"data": [], "next": None}
    assert client.patch(at, json={"archived": False}).json()["archived_us"] is None
    listed = client.get("/api/prompts?folder=rag/&tag=rag&search=answer").json()["data"]
    assert [(prompt["name"], prompt["newest_version"]["message"]) for prompt in listed] == [("rag/answer", "")]
    top = client.get("/api/prompts?below=false").json()
    assert top == {"data": [], "next": None, "folders": {"rag": 1}}
    actors = {entry.actor for entry in Audit(store.control).list("default") if entry.action.startswith("prompt.")}
    assert actors == {first["author"]}


def test_what_is_included_comes_along(client: TestClient) -> None:
    made(client, "tone", "Be kind.", labels=["production"])
    made(client, "frame", "{% include 'tone' %}", labels=["live"])
    made(client, "answer", "{% include 'frame#live' %} {% include 'tone' %}")
    found = client.get("/api/prompts/answer/resolved?label=latest").json()
    assert {written: part["name"] for written, part in found["includes"].items()} == {
        "frame#live": "frame",
        "tone": "tone",
    }
    client.delete("/api/prompts/tone/labels/production")
    assert "no label 'production'" in told(client.get("/api/prompts/answer/resolved?version=1"), 400)


@pytest.mark.parametrize("name", ["a/b", "Grüße/🧭", "100%", "what? & why", "a+b", "it's", "x" * 256])
def test_names_arrive_as_they_are(client: TestClient, name: str) -> None:
    from urllib.parse import quote

    made(client, name, labels=["production"])
    for safe in ("", "/"):
        at = f"/api/prompts/{quote(name, safe=safe)}"
        assert client.get(at).json()["name"] == name
        assert client.get(f"{at}/versions/1").json()["name"] == name
        assert client.put(f"{at}/labels/staging", json={"version": 1}).json()["name"] == name
        assert client.get(f"{at}/resolved").json()["name"] == name


def test_no_name_holds_what_an_address_ends_in() -> None:
    sources = [path.read_text() for path in Path(api.__file__).parent.glob("*.py")]
    tails = {tail for source in sources for tail in re.findall(r'"/\{name:path\}/([\w-]+)', source)}
    assert {"versions", "rollback", "render"} <= tails
    assert {tail for tail in tails if name_fault(f"a/{tail}") is None} == set()


def test_odd_requests_are_told_what_is_wrong(client: TestClient) -> None:
    def create(**body: Any) -> str:
        return told(client.post("/api/prompts", json={"name": "a", "content": {"template": "x"}, **body}), 400)

    made(client, "a")
    assert "the part '/versions'" in create(name="a/versions/3")
    assert "holds @" in create(name="a@3")
    assert "template: Field required" in create(content={})
    assert "valid dictionary" in create(content=[1])
    assert "NUL" in create(content={"template": "a\0"})
    assert "262,145 characters" in create(content={"template": "x" * 262_145})
    assert "is no label" in create(labels=["Production"])
    assert "parent" in create(parent="1")
    assert "no prompt 'b'" in create(name="c", content={"template": "{% include 'b' %}"})
    client.headers["content-type"] = "application/json"
    for raw, why in (
        (b'{"name": "a", "content": {"template": "\\ud83d"}}', "surrogate"),
        (b'{"name": "a", "content": {"template": "x", "config": {"\\udc00": 1}}}', "surrogate"),
        (b'{"name": "a\\ud83d", "content": {"template": "x"}}', "name"),
        (b'{"name": "a", "message": "\\ud83d", "content": {"template": "x"}}', "message"),
        (b'{"name": "a", "content": {"template": "x", "params": {"temperature": NaN}}}', "nan is no number"),
        (b'{"name": "a", "content": {"template": "x", "params": {"seed": 1' + b"0" * 30 + b"}}}", "64 bits"),
        (b'{"name": "a", "content": ' + b"[" * 100_000, "parsing the body"),
        (b'{"name": "a", "content": {"template": "x", "tools": [' + b'{"a":[' * 900 + b"]}" * 900 + b"]}}", ""),
    ):
        assert why in told(client.post("/api/prompts", content=raw), 400)
    for path in (
        "/api/prompts/b",
        "/api/prompts/b/resolved",
        "/api/prompts/a%00/versions",
        "/api/prompts/",
        "/api/prompts/a/x",
    ):
        told(client.get(path), 404)
    assert "the newest is 1" in told(client.get("/api/prompts/a/versions/2"), 404)
    assert "the newest is 1" in told(client.get(f"/api/prompts/a/versions/{10**30}"), 404)
    told(client.get("/api/prompts/a/versions/x"), 400)
    assert "It has: latest (1)" in told(client.get("/api/prompts/a/resolved"), 404)
    assert "cannot be moved" in told(client.put("/api/prompts/a/labels/latest", json={"version": 1}), 400)
    assert "needs a reason" in told(client.put("/api/prompts/a/labels/x", json={"version": 1, "force": True}), 400)
    for body in ({}, {"version": True}, {"version": 0}, {"version": 1, "expected": -1}, {"version": 1, "odd": 1}):
        told(client.put("/api/prompts/a/labels/x", json=body), 400)
    assert "never moved" in told(client.post("/api/prompts/a/rollback", json={}), 409)


def test_a_second_person_agrees_over_http(as_: As, registry: Prompts) -> None:
    class TwoEyesMore:
        def check(self, *asked: Any) -> list[str]:
            return ["Its evaluation failed."] if asked[2] == 2 else []

        def approvals(self, project: str, name: str, label: str) -> int:
            return int(label == "production")

    registry.guard = TwoEyesMore()
    ana, ben = as_(), as_("admin")
    for template in ("one", "two", "three"):
        made(ana, "a", template)
    refused = ana.put("/api/prompts/a/labels/production", json={"version": 2})
    assert refused.json()["error"]["code"] == "promotion_refused"
    assert "Its evaluation failed." in told(refused, 409)
    asked = ana.put("/api/prompts/a/labels/production", json={"version": 3, "reason": "better"})
    assert (asked.status_code, asked.json()["status"]) == (202, "pending")
    at = f"/api/prompt-requests/{asked.json()['id']}"
    assert ben.get("/api/prompt-requests?prompt=a").json()["data"] == [asked.json()]
    assert "another person" in told(ana.post(f"{at}/approve"), 403)
    assert "viewer" in told(as_("viewer").post(f"{at}/approve"), 403)
    assert ben.post(f"{at}/approve", json={"note": "yes"}).json()["version"] == 3
    assert ben.get(at).json()["status"] == "approved"
    assert "was approved" in told(ben.post(f"{at}/reject"), 409)
    assert [one["status"] for one in ben.get("/api/prompt-requests?status=all").json()["data"]] == ["approved"]
    told(ben.get("/api/prompt-requests/x"), 404)


def test_roles_and_projects(as_: As) -> None:
    editor = as_()
    made(editor, "a/b", labels=["production"])
    served = ("/api/prompts/a/b/resolved", "/api/prompts/a/b/versions/1")
    for role, sees, gets in (("viewer", 200, 200), ("caller", 403, 200), ("annotator", 403, 403)):
        one = as_(role)
        looked = ("/api/prompts", "/api/prompts/a/b", "/api/prompts/a/b/history", "/api/prompts/a/b/versions")
        assert {one.get(path).status_code for path in (*looked, "/api/prompt-requests")} == {sees}, role
        assert {one.get(path).status_code for path in served} == {gets}, role
        assert one.post("/api/prompts", json={"name": "x", "content": {"template": "x"}}).status_code == 403
        assert one.put("/api/prompts/a/b/labels/production", json={"version": 1}).status_code == 403
        assert one.put("/api/prompts/a/b/versions/1", json={}).status_code in (403, 405)
        assert one.delete("/api/prompts/a/b").status_code == 403
        assert one.post("/api/prompts/a/b/rollback", json={}).status_code == 403
    assert told(as_("editor", "shop").get("/api/prompts/a/b"), 404)
    master = TestClient(editor.app, headers={"authorization": "Bearer ph-master"})
    assert master.get("/api/prompts/a/b?project_id=default").status_code == 200
    told(master.post("/api/prompts?project_id=nowhere", json={"name": "a", "content": {"template": "x"}}), 404)
