"""Prompts as Langfuse's clients ask for them, in the very form in which they do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Actor, Keys
from pilothouse.access.shapes import KeySettings
from pilothouse.api.langfuse import prompts as langfuse_prompts
from pilothouse.api.management import management, needed
from pilothouse.prompts.content import Content
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.templates.rendering import render
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store

Json = dict[str, Any]
P, BY = "default", Actor("ann", "test")


class Guarded:
    """Lets no version 1 become `production`, and another only with a second person."""

    def check(self, project: str, name: str, version: int, label: str, current: int | None) -> list[str]:
        return ["evaluate it first."] if (label, version) == ("production", 1) else []

    def approvals(self, project: str, name: str, label: str) -> int:
        return int(label == "production")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


@pytest.fixture
def prompts(store: Store) -> Prompts:
    return Prompts(store.control)


@pytest.fixture
def client(store: Store, prompts: Prompts) -> TestClient:
    keys = Keys(store.control)
    secret, _ = keys.create("editor", "editor", KeySettings(project_id=P))
    app = management([langfuse_prompts.routes(prompts)], keys, 100_000)
    made = TestClient(app, base_url="http://test/api/public/v2", raise_server_exceptions=False)
    made.auth = ("pk-lf-any", secret)  # type: ignore[assignment]
    return made


def create(client: TestClient, **body: Any) -> Json:
    answer = client.post(
        "/prompts", json={"labels": [], "tags": None, "config": {}, "type": "text", "commitMessage": None, **body}
    )
    assert answer.status_code == 200, answer.text
    made: Json = answer.json()
    return made


def test_a_text_is_made_read_and_labelled(client: TestClient, prompts: Prompts) -> None:
    config = {"model": "gpt-5-mini", "temperature": 0.2, "languages": ["en"]}
    made = create(
        client, name="support/answer", prompt="Answer {{question}}", labels=["production"], tags=["b", "a"],
        config=config, commitMessage="first",
    )  # fmt: skip
    assert made["labels"] == ["production", "latest"]
    assert {key: made[key] for key in ("name", "version", "type", "prompt", "config", "tags", "commitMessage")} == {
        "name": "support/answer", "version": 1, "type": "text", "prompt": "Answer {{question}}", "config": config,
        "tags": ["a", "b"], "commitMessage": "first",
    }  # fmt: skip
    content = prompts.get(P, "support/answer").content
    assert (content.model, content.params) == ("gpt-5-mini", {"temperature": 0.2})
    create(client, name="support/answer", prompt="Reply to {{question}}", labels=["production", "latest"])
    for path in (
        "/support%2Fanswer",
        "/support/answer",
        "/support%2Fanswer?label=production",
        "/support%2Fanswer?version=2",
    ):
        found = client.get(f"/prompts{path}").json()
        assert (found["version"], found["labels"], found["tags"]) == (2, ["production", "latest"], ["a", "b"])
    assert client.get("/prompts/support%2Fanswer?version=1").json()["labels"] == []
    answer = client.patch("/prompts/support%2Fanswer/versions/1", json={"newLabels": ["staging", "tenant-1"]})
    assert (answer.status_code, answer.json()["labels"]) == (200, ["staging", "tenant-1"])
    client.patch("/prompts/support%2Fanswer/versions/2", json={"newLabels": ["staging"]})
    assert client.get("/prompts/support/answer?version=1").json()["labels"] == ["tenant-1"]


def test_what_is_not_there_is_a_404_in_json(client: TestClient) -> None:
    create(client, name="a", prompt="x")
    for path in ("/b", "/a", "/a?label=nowhere", "/a?version=2"):
        answer = client.get(f"/prompts{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert "It has: latest (1)" in client.get("/prompts/a").text
    assert client.patch("/prompts/a/versions/7", json={"newLabels": ["x"]}).status_code == 404
    both = client.get("/prompts/a?version=1&label=latest")
    assert (both.status_code, both.json()["error"]["message"]) == (400, "Name a version or a label, not both.")
    for prompt in (3, ["x"], None):
        wrong = client.post("/prompts", json={"name": "a", "prompt": prompt})
        assert wrong.json()["error"]["message"] == "prompt: a text, or a list of messages, each an object"


def test_a_chat_keeps_its_placeholders_and_renders_here(client: TestClient, prompts: Prompts) -> None:
    given = [
        {"role": "system", "content": "You are a {{criticlevel}} critic", "type": "chatmessage"},
        {"name": "history", "type": "placeholder"},
        {"role": "user", "content": "Do you like {{movie}}?"},
    ]
    create(client, name="critic", type="chat", prompt=given, labels=["production"])
    told = client.get("/prompts/critic").json()["prompt"]
    assert told == [*given[:2], {**given[2], "type": "chatmessage"}]
    content = prompts.get(P, "critic").content
    made = render(content, {"criticlevel": "expert", "movie": "Dune", "history": [{"role": "user", "content": "Hi"}]})
    assert [message["content"] for message in made.as_messages] == [
        "You are a expert critic",
        "Hi",
        "Do you like Dune?",
    ]


def test_tags_of_composition_are_inclusions_here(client: TestClient, prompts: Prompts) -> None:
    create(client, name="tone/brief", prompt="Be brief,\n{{name}}.", labels=["production"])
    tags = (
        "A @@@langfusePrompt:name=tone/brief|label=production@@@ B\n@@@langfusePrompt:name=tone/brief|version=1@@@\nC"
    )
    made = create(client, name="answer", prompt=tags)
    assert made["prompt"] == "A Be brief,\n{{name}}. B\nBe brief,\n{{name}}.\nC"
    assert made["resolutionGraph"]["dependencies"] == [{"name": "tone/brief", "version": 1, "parent": "answer"}] * 2
    raw = client.get("/prompts/answer?label=latest&resolve=false").json()
    assert (raw["prompt"], raw["resolutionGraph"]) == (tags, None)
    kept = prompts.newest(P, "answer")
    here = render(kept.content, {"name": "Ann"}, fetch=lambda _: prompts.newest(P, "tone/brief"))
    assert here.text == made["prompt"].replace("{{name}}", "Ann")
    create(client, name="tone/brief", prompt="Short.", labels=["production"])
    assert client.get("/prompts/answer?label=latest").json()["prompt"] == "A Short. B\nBe brief,\n{{name}}.\nC"
    circle = {"name": "tone/brief", "prompt": "@@@langfusePrompt:name=answer|label=latest@@@"}
    answer = client.post("/prompts", json=circle)
    assert (answer.status_code, "includes itself" in answer.text) == (400, True)


def test_prompts_of_other_syntaxes_are_read(client: TestClient, prompts: Prompts) -> None:
    def given(name: str, **content: Any) -> Json:
        prompts.create(P, name, Content(**content), by=BY, labels=["production"])
        found: Json = client.get(f"/prompts/{name}").json()
        return found

    format_ = given(
        "format", template='Say {what} as {{"json": 1}}{# lint #}', syntax="format", model="m", params={"top_p": 1}
    )
    assert (format_["prompt"], format_["config"]) == ('Say {{what}} as {"json": 1}', {"model": "m", "top_p": 1})
    jinja = given("jinja", template="{% include 'format' %} {% if x %}{{ x }}{% endif %}")
    assert (jinja["prompt"], jinja["syntax"]) == ('Say {{what}} as {"json": 1} {% if x %}{{ x }}{% endif %}', "jinja")
    parts = given("parts", template=[{"role": "user", "content": [{"type": "text", "text": "x"}]}])
    alone = given("alone", template="A\n {{> format}} \nB {{> format}}\n", syntax="mustache")
    assert alone["prompt"] == 'A\nSay {{what}} as {"json": 1}B Say {{what}} as {"json": 1}\n'
    assert "no mere text" in parts["error"]["message"]


def test_protected_labels_are_refused_with_the_reasons(client: TestClient, prompts: Prompts) -> None:
    prompts.guard = Guarded()
    create(client, name="a", prompt="x")
    answer = client.patch("/prompts/a/versions/1", json={"newLabels": ["staging", "production"]})
    assert (answer.status_code, "evaluate it first" in answer.text) == (409, True)
    assert answer.json()["error"]["message"].startswith("Version 1 of 'a' may not become 'production'.")
    assert client.get("/prompts/a?version=1").json()["labels"] == ["latest"]
    assert client.post("/prompts", json={"name": "a", "prompt": "y", "labels": ["production"]}).status_code == 409
    create(client, name="a", prompt="y")
    answer = client.patch("/prompts/a/versions/2", json={"newLabels": ["production"]})
    assert (answer.status_code, "Another person must agree" in answer.text) == (409, True)
    assert [one.version for one in prompts.pending(P, "a")] == [2]


def test_the_list_has_pages_and_filters(client: TestClient) -> None:
    create(client, name="b", type="chat", prompt=[{"role": "user", "content": "x"}], config=[1], tags=["t"])
    create(client, name="folder/a", prompt="x", labels=["production"])
    create(client, name="folder/a", prompt="y")
    page = client.get("/prompts?page=2&limit=1").json()
    assert page["meta"] == {"page": 2, "limit": 1, "totalItems": 2, "totalPages": 2}
    (one,) = page["data"]
    assert (one["name"], one["type"], one["versions"], sorted(one["labels"])) == (
        "folder/a", "text", [1, 2], ["latest", "production"],
    )  # fmt: skip
    assert [one["lastConfig"] for one in client.get("/prompts?tag=t").json()["data"]] == [[1]]
    for query, many in (
        ("name=folder", 0),
        ("name=folder/a", 1),
        ("label=production", 1),
        ("toUpdatedAt=2020-01-01", 0),
    ):
        assert client.get(f"/prompts?{query}").json()["meta"]["totalItems"] == many, query
    assert client.get("/prompts?filter=[]").status_code == 400


def test_deleting_archives_and_loses_nothing(client: TestClient, prompts: Prompts) -> None:
    create(client, name="a", prompt="x", labels=["production"])
    assert (client.delete("/prompts/a").status_code, client.delete("/prompts/a?version=1").status_code) == (409, 409)
    assert client.delete("/prompts/a?label=production").status_code == 204
    assert client.delete("/prompts/a").status_code == 204
    assert client.get("/prompts/a?label=latest").status_code == 404
    assert prompts.get(P, "a", version=1).content.template == "x"


def test_what_cannot_be_is_told(client: TestClient) -> None:
    bodies: list[Any] = [
        {}, [], {"name": "a"}, {"name": "a", "prompt": 3}, {"name": "a", "prompt": "x", "type": "chat"},
        {"name": "a", "prompt": ["x"], "type": "chat"}, {"name": "a", "prompt": [], "type": "chat"},
        {"name": "a", "prompt": [{"type": "placeholder", "name": "no name"}], "type": "chat"},
        {"name": "a", "prompt": [{"role": "wizard", "content": "x"}], "type": "chat"},
        {"name": "", "prompt": "x"}, {"name": "a/versions/3", "prompt": "x"}, {"name": "a", "prompt": "\0"},
        {"name": "a", "prompt": "\ud800"}, {"name": "a", "prompt": "x", "labels": ["Not One"]},
        {"name": "a", "prompt": "x", "tags": [3]}, {"name": "a", "prompt": "x", "tags": ['"']},
        {"name": "a", "prompt": "x", "config": {"k": "\0"}},
        {"name": "a", "prompt": "@@@langfusePrompt:name=none|version=3@@@"}, {"name": "a", "prompt": "x" * 90_000 * 3},
    ]  # fmt: skip
    for body in bodies:
        content, kind = json.dumps(body), {"content-type": "application/json"}
        answer = client.post("/prompts", content=content, headers=kind)
        assert answer.status_code in (400, 413), (body, answer.text)
        assert answer.json()["error"]["message"]
    assert client.get("/prompts").json()["data"] == []


def test_who_may() -> None:
    assert needed("POST", "/api/public/v2/prompts") == "write"
    assert needed("PATCH", "/api/public/v2/prompts/a/versions/1") == "write"
    assert needed("GET", "/api/public/v2/prompts/a") == "resolve"
    assert needed("GET", "/api/public/v2/prompts") == "read"
    assert needed("DELETE", "/api/public/v2/prompts/a") == "write"
