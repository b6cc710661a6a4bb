"""`/api/experiments` over a real store: what it takes, what it refuses, and who may."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.access.audit import Actor
from pilothouse.api.management import management
from pilothouse.api.prompts import experiments
from pilothouse.config import Config
from pilothouse.lifecycle.experiments.rooms import open_experiments
from pilothouse.prompts.content import content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store

from ..conftest import As

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

DESIGN: dict[str, Any] = {
    "name": "shorter", "target": {"prompt": "answer"}, "primary": "score:quality",
    "arms": [{"name": "control", "weight": 9}, {"name": "v2", "version": 2}],
}  # fmt: skip


@pytest.fixture
def as_(store: Store, keyring: Keys) -> As:
    prompts = Prompts(store.control)
    for number in (1, 2):
        labels = ["production"] if number == 1 else []
        prompts.create("default", "answer", content_of({"template": f"{number}"}), by=Actor("a", "api"), labels=labels)
    app = management([experiments.routes(open_experiments(store, prompts, Config))], keyring, 100_000)

    def client(role: Any = None, project: str = "default") -> TestClient:
        secret = "ph-master"
        if role is not None:
            from pilothouse.access.shapes import KeySettings

            secret, _ = keyring.create(f"{role}", role, KeySettings(project_id=project))
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    return client


def test_from_a_draft_to_its_end(as_: As) -> None:
    client = as_("editor")
    made = client.post("/api/experiments", json=DESIGN)
    assert made.status_code == 201
    assert (made.json()["status"], made.json()["about"]) == ("draft", "prompt:answer#production")
    assert made.json()["shares"] == {"control": 0.9, "v2": 0.1}
    assert client.post("/api/experiments", json=DESIGN).json()["error"]["code"] == "conflict"
    started = client.post("/api/experiments/shorter/start").json()
    assert (started["status"], started["versions"], started["serving"]) == ("running", {"control": 1, "v2": 2}, True)
    looked = client.post("/api/experiments/shorter/look").json()
    assert looked["look"]["arms"][0] == {"name": "control", "units": 0, "calls": 0, "share": 0.9}
    assert looked["look"]["compared"][0]["p"] is None
    assert client.get(f"/api/experiments/{started['id']}").json() == looked
    assert client.get("/api/experiments/shorter/looks").json()["data"] == [looked["look"]]
    ended = client.post("/api/experiments/shorter/decide", json={"arm": "v2", "reason": "enough"}).json()
    assert (ended["status"], ended["outcome"]["kind"]) == ("decided", "chosen")
    assert ended["outcome"]["note"] == "The label 'production' was moved to version 2."
    assert client.post("/api/experiments/shorter/stop", json={}).status_code == 409
    page = client.get("/api/experiments?status=decided&limit=1").json()
    assert [one["name"] for one in page["data"]] == ["shorter"]
    assert client.get(f"/api/experiments?before={page['next']}").json() == {"data": [], "next": None}


def test_started_at_once_and_refused_where_the_target_is_taken(as_: As) -> None:
    client = as_()
    assert client.post("/api/experiments?start=true", json=DESIGN).json()["status"] == "running"
    other = client.post("/api/experiments?start=true", json={**DESIGN, "name": "other"})
    assert other.status_code == 409
    assert "The experiment 'shorter' runs on prompt:answer#production" in other.json()["error"]["message"]
    assert client.get("/api/experiments/other").json()["status"] == "draft"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"target": {"prompt": "answer", "label": "latest"}}, "target.prompt.label"),
    ({"target": {"corpus": "x"}}, "target.prompt.prompt"),
    ({"target": 3}, "target.prompt"),
    ({"arms": "all"}, "arms"),
    ({"minimum_effect": "lots"}, "minimum_effect"),
    ({"minimum_units": 1e300}, "minimum_units"),
    ({"name": "a\0b"}, "name"),
    ({"primary": "score:" + "x" * 10_000}, "primary"),
]


def test_a_wrong_design_is_told_with_its_place(as_: As) -> None:
    client = as_()
    for change, param in WRONG:
        answer = client.post("/api/experiments", json={**DESIGN, **change})
        assert answer.status_code == 400, change
        assert answer.json()["error"]["param"].startswith(param), answer.json()


def test_odd_names_and_bodies_are_refused_and_nothing_of_other_projects_is_seen(as_: As) -> None:
    client = as_()
    client.post("/api/experiments", json=DESIGN)
    for path in ("none", "%00", "%F0%9F%98%80", "x" * 3000, "%ED%A0%80"):
        assert client.get(f"/api/experiments/{path}").status_code == 404
    assert client.post("/api/experiments/shorter/decide", json={"arm": "v2"}).status_code == 409
    assert client.post("/api/experiments/shorter/start", json={"force": True}).status_code == 400
    assert client.post("/api/experiments/shorter/start", content=b'{"reason": "\\ud800"}').status_code == 400
    assert client.post("/api/experiments/shorter/start", content=b'{"reason": "\xff"}').status_code == 400
    assert client.get("/api/experiments?limit=0").status_code == 400
    assert as_("admin", "shop").get("/api/experiments/shorter").status_code == 404
    assert as_("viewer").post("/api/experiments/shorter/start").status_code == 403
    assert as_("viewer").get("/api/experiments/shorter").json()["status"] == "draft"
    assert as_("caller").get("/api/experiments").status_code == 403
