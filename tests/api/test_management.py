"""Who gets through to the management routes, with how much, and how errors look."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from pydantic import BaseModel

from pilothouse.access import Keys, Tenants
from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.api.management import management, needed
from pilothouse.errors import InvalidRequest
from pilothouse.principal import Role
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings
from pilothouse.storage import open_store

LIMIT = 1000


class Note(BaseModel):
    text: str


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    store = open_store(Settings(home=tmp_path))
    yield Keys(store.control)
    store.close()


@pytest.fixture
def client(keys: Keys) -> Iterator[TestClient]:
    """An administrator's, over one route that takes a note and one that fails."""
    router = APIRouter(prefix="/api")

    @router.post("/notes")
    def keep(note: Note) -> int:
        return len(note.text.encode())

    @router.post("/names")
    def name(note: Note) -> None:
        raise InvalidRequest(f"No '{note.text}' here.")

    @router.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError("secret")

    headers = {"authorization": f"Bearer {keys.in_process()}"}
    with TestClient(management([router], keys, LIMIT), headers=headers, raise_server_exceptions=False) as client:
        yield client


def test_an_administrator_gets_through(client: TestClient) -> None:
    assert client.post("/api/notes", json={"text": "four"}).json() == 4


@pytest.mark.parametrize(("path", "told"), [("notes", "half of a surrogate pair"), ("names", "No '?' here")])
def test_half_of_a_surrogate_pair_is_the_callers_mistake(client: TestClient, path: str, told: str) -> None:
    answer = client.post(f"/api/{path}", content=b'{"text": "\\ud800"}', headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert told in answer.json()["error"]["message"]


def test_others_are_refused_before_their_body_is_read(client: TestClient, keys: Keys) -> None:
    def untold() -> Iterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    caller, _ = keys.create("caller")
    for header, status, code in (
        ("Bearer ph-nobody", 401, "invalid_api_key"),
        (f"Bearer {caller}", 403, "permission_denied"),
    ):
        answer = client.post("/api/notes", content=untold(), headers={"authorization": header})
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert client.get("/api/nothing", headers={"authorization": header}).status_code == status


def test_a_large_body_is_refused_whether_or_not_its_length_is_told(client: TestClient) -> None:
    def untold() -> Iterator[bytes]:
        for _ in range(3):
            yield b" " * LIMIT

    for content in (b" " * (LIMIT + 1), untold()):
        answer = client.post("/api/notes", content=content)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
        assert f"the limit of {LIMIT}" in answer.text or f"the limit is {LIMIT}" in answer.text


@pytest.mark.parametrize(
    ("content", "words", "param"),
    [
        (b"", "the request body: Field required", None),
        (b'{"text": ', "not valid JSON: Expecting value (character 9)", None),
        (b"[]", "the request body: Input should be", None),
        (b"{}", "text: Field required", "text"),
        (b'{"text": 5}', "text: Input should be a valid string", "text"),
        (b'{"text": "\xff"}', "POST /api/notes: There was an error parsing the body.", None),
    ],
)
def test_a_bad_body_is_told_with_the_place(client: TestClient, content: bytes, words: str, param: str | None) -> None:
    answer = client.post("/api/notes", content=content, headers={"content-type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_request_error", param)
    assert words in error["message"]


def test_a_body_that_curl_calls_a_form_is_told_as_what_to_send_it(client: TestClient) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    error = client.post("/api/notes", content=b'{"text": "x"}', headers=headers).json()["error"]
    assert "send content-type: application/json, not application/x-www-form-urlencoded" in error["message"]


def test_other_errors_have_the_same_shape(client: TestClient) -> None:
    missing = client.get("/api/nothing")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    wrong = client.get("/api/notes")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    broken = client.get("/api/broken")
    assert (broken.status_code, broken.json()["error"]["code"]) == (500, "internal_error")
    assert "secret" not in broken.text


def test_the_pages_are_open_and_ask_for_the_key(client: TestClient) -> None:
    described = client.get("/api/openapi.json", headers={"authorization": ""}).json()
    assert described["paths"]["/api/notes"]["post"]["security"] == [{"HTTPBearer": []}]


def test_a_body_with_an_unknown_field_is_refused_by_every_route(tmp_path: Path) -> None:
    """Also in what a body holds, such as limits. Bodies of another type, such as YAML, have no schema here, those of
    Langfuse's clients may have whatever their next version adds, and a chat's messages whatever the wire has."""
    embedded = Embedded(Settings(home=tmp_path))
    try:
        described = embedded.client.request("GET", "/api/openapi.json")
        with pytest.raises(InvalidRequest, match="top_k: Extra inputs are not permitted"):
            embedded.client.request("POST", "/api/rag/corpora/docs/search", {"query": "tide", "top_k": 3})
    finally:
        embedded.close()
    schemas = described["components"]["schemas"]
    ours = [path for name, path in described["paths"].items() if not name.startswith("/api/public/")]
    operations = [operation for path in ours for operation in path.values()]
    bodies = [o["requestBody"]["content"].get("application/json", {}) for o in operations if "requestBody" in o]
    wanted = {name for body in bodies for name in _named(body)}
    for _ in range(4):
        wanted |= {name for one in wanted for name in _named(schemas[one])}
    assert {"NewKey", "Limits", "Membership", "_Search", "_Rollback"} <= wanted
    open_ones = {name for name in wanted if "properties" in schemas[name]} - {
        name for name in wanted if schemas[name].get("additionalProperties") is False
    }
    assert open_ones == {"Message"}


def _named(schema: object) -> set[str]:
    """The schemas that one refers to."""
    return set(re.findall(r"#/components/schemas/([\w.-]+)", json.dumps(schema)))


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/api/traces", "read"),
        ("HEAD", "/api/jobs", "read"),
        ("POST", "/api/jobs/1/cancel", "write"),
        ("POST", "/api/rag/corpora/docs/search", "read"),
        ("POST", "/api/rag/corpora/docs/ask", "write"),
        ("POST", "/api/rag/corpora/docs/ingest", "administer"),
        ("POST", "/api/rag/corpora/a/b/search", "write"),
        ("GET", "/api/keys", "administer"),
        ("GET", "/api/keys/1", "administer"),
        ("PUT", "/api/members/ada", "administer"),
        ("GET", "/api/audit", "administer"),
        ("GET", "/api/members", "administer"),
        ("GET", "/api/budgets", "read"),
        ("GET", "/api/ledger/spend", "read"),
        ("GET", "/api/teams/ml", "read"),
        ("PATCH", "/api/teams/ml", "administer"),
        ("DELETE", "/api/teams/ml", "administer"),
        ("GET", "/api/projects", "read"),
        ("POST", "/api/organisations", "administer"),
        ("POST", "/api/route", "call"),
        ("GET", "/api/keysmith", "read"),
        ("GET", "/api/reviews/queues", "attend"),
        ("GET", "/api/reviews/queues/support", "attend"),
        ("GET", "/api/reviews/queues/support/progress", "attend"),
        ("GET", "/api/reviews/queues/support/export", "read"),
        ("GET", "/api/reviews/queues/support/items", "read"),
        ("POST", "/api/reviews/queues", "write"),
        ("PATCH", "/api/reviews/queues/support", "write"),
        ("POST", "/api/reviews/queues/support/fill", "write"),
        ("POST", "/api/reviews/queues/support/next", "review"),
        ("POST", "/api/reviews/queues/support/undo", "review"),
        ("POST", "/api/reviews/queues/support/items/1/vote", "review"),
        ("POST", "/api/reviews/queues/support/items/1/correct", "review"),
        ("POST", "/api/reviews/queues/a/b/next", "write"),
        ("POST", "/api/approvals", "call"),
        ("GET", "/api/approvals/1", "resolve"),
        ("GET", "/api/approvals", "read"),
        ("POST", "/api/approvals/1", "write"),
    ],
)
def test_what_a_request_needs(method: str, path: str, action: str) -> None:
    assert needed(method, path) == action


@pytest.mark.parametrize(
    ("role", "reads", "writes"), [("admin", 404, 200), ("editor", 404, 200), ("viewer", 404, 403), ("caller", 403, 403)]
)
def test_roles(client: TestClient, keys: Keys, role: Role, reads: int, writes: int) -> None:
    secret, _ = keys.create("x", role)
    headers = {"authorization": f"Bearer {secret}"}
    assert client.get("/api/nothing", headers=headers).status_code == reads
    assert client.post("/api/notes", json={"text": "four"}, headers=headers).status_code == writes


def test_what_all_projects_share_is_not_for_keys_of_a_project(client: TestClient, keys: Keys) -> None:
    Tenants(keys._engine).create("project", "shop", TenantSettings(name="Shop"))
    for project, status in (("shop", 403), ("default", 404)):
        secret, _ = keys.create("x", "admin", KeySettings(project_id=project))
        for path in ("/api/config", "/api/config/history", "/api/replay", "/api/rag/corpora/docs/ingest"):
            answer = client.get(path, headers={"authorization": f"Bearer {secret}"})
            assert answer.status_code == status, path
