"""Review over HTTP: who may do what, blind pairs, votes, agreement, exports, and clear answers to what is wrong."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.access.shapes import KeySettings
from pilothouse.api.evals import reviews
from pilothouse.api.management import management
from pilothouse.settings import Settings
from pilothouse.storage import open_store

ROOT = "/api/reviews/queues"
POINTS = {
    "name": "support",
    "criteria": [{"name": "faithful", "description": "As the context says."}, {"name": "clear"}],
}
PAIR = {"input": "Why?", "outputs": ["of the first", "of the second"], "systems": ["secret-old", "secret-new"]}
As = Callable[[Any, str], TestClient]


@pytest.fixture
def as_(tmp_path: Path) -> Iterator[As]:
    store = open_store(Settings(home=tmp_path))
    keys = Keys(store.control)
    app = management([reviews.routes(store)], keys, 1_000_000)

    def client(role: Any, name: str) -> TestClient:
        secret, _ = keys.create(name, role, KeySettings())
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    yield client
    store.close()


def error_of(answer: Any, status: int = 400) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


def test_two_annotators_a_dispute_and_who_decides(as_: As) -> None:
    editor, ada, bob, eve = as_("editor", "ed"), *(as_("annotator", name) for name in ("ada", "bob", "eve"))
    made = editor.post(ROOT, json={**POINTS, "annotators": 2, "rules": [{"why": "guard"}], "instructions": "Read."})
    assert made.status_code == 201
    assert (made.json()["rules"], made.json()["annotators"]) == ([{"why": "guard"}], 2)
    given = [{"input": f"q{i}", "output": f"a{i}", "context": ["c"]} for i in range(2)]
    assert editor.post(f"{ROOT}/support/fill", json={"items": given}).json() == {
        "added": 2, "found": 2, "unreadable": 0, "rules": [],
    }  # fmt: skip
    seen = ada.get(ROOT).json()["data"]
    assert [(queue["name"], "rules" in queue) for queue in seen] == [("support", False)]
    for who, points in ((ada, 1), (bob, 4)):
        for _ in range(2):
            item = who.post(f"{ROOT}/support/next").json()["item"]
            assert (item["kind"], item["instructions"], item["output"]) == ("likert", "Read.", f"a{item['input'][1]}")
            votes = {"faithful": points if item["input"] == "q0" else 3, "clear": {"value": 5, "comment": "yes"}}
            told = who.post(f"{ROOT}/support/items/{item['id']}/vote", json={"votes": votes, "seconds": 4}).json()
    assert told["status"] == "done"
    assert ada.post(f"{ROOT}/support/next").json() == {"item": None}
    first = eve.post(f"{ROOT}/support/next", json={"role": "decide"}).json()["item"]
    assert [one["name"] for one in first["criteria"]] == ["faithful"]
    assert sorted(vote["value"] for vote in first["said"]["faithful"]) == [1, 4]
    assert "ada #" not in json.dumps(first)
    at = f"{ROOT}/support/items/{first['id']}"
    refused = error_of(ada.post(f"{at}/vote", json={"votes": {"faithful": 2}, "role": "decide"}), 409)
    assert "another person decides" in refused["message"]
    assert eve.post(f"{at}/vote", json={"votes": {"faithful": 2}, "role": "decide"}).json()["status"] == "done"
    told = editor.get(f"{ROOT}/support/agreement").json()["criteria"]
    assert [(one["criterion"], one["items"], one["alike"]["value"]) for one in told] == [
        ("faithful", 2, 0.5), ("clear", 2, 1.0),
    ]  # fmt: skip
    done = editor.get(f"{ROOT}/support/progress").json()
    assert (done["items"], done["votes"]) == (
        {"total": 2, "open": 0, "disputed": 0, "done": 2},
        {"asked": 4, "given": 4},
    )
    assert len(done["annotators"]) == 3
    (mine,) = bob.get(f"{ROOT}/support/progress").json()["annotators"]
    assert (mine["voted"], mine["seconds"], mine["annotator"][:5]) == (2, 4.0, "bob #")
    item = editor.get(at).json()
    assert (item["status"], {vote["role"] for vote in item["votes"]}) == ("done", {"vote", "decide"})
    listed = editor.get(f"{ROOT}/support/items", params={"status": "done", "limit": 1}).json()
    assert (len(listed["data"]), listed["next"], "input" in listed["data"][0]) == (1, 1, False)
    lines = editor.get(f"{ROOT}/support/export", params={"what": "labels"})
    assert lines.headers["content-type"] == "application/jsonl"
    labels = [json.loads(line) for line in lines.text.splitlines()]
    assert {(one["criterion"], one["label"], one["decided"]) for one in labels} == {
        ("faithful", 2, True), ("faithful", 3, False), ("clear", 5, False),
    }  # fmt: skip
    assert editor.get(f"{ROOT}/support/export", params={"format": "csv"}).text.startswith("queue,item,")


def test_a_pair_is_blind_until_it_is_done(as_: As) -> None:
    editor, ada = as_("editor", "ed"), as_("annotator", "ada")
    criteria = [{"name": "better"}]
    editor.post(ROOT, json={"name": "pairs", "kind": "pairwise", "criteria": criteria, "annotators": 2})
    editor.post(f"{ROOT}/pairs/fill", json={"items": [PAIR]})
    before = ada.post(f"{ROOT}/pairs/next")
    assert "secret" not in before.text
    item = before.json()["item"]
    assert {item["a"], item["b"]} == set(PAIR["outputs"])
    vote = {"votes": {"better": "a"}}
    assert "secret" not in ada.post(f"{ROOT}/pairs/items/{item['id']}/vote", json=vote).text
    for path in (f"items/{item['id']}", "items"):
        assert "secret" not in editor.get(f"{ROOT}/pairs/{path}").text
    back = ada.post(f"{ROOT}/pairs/undo").json()["item"]
    assert (back["a"], back["votes"]) == (item["a"], {"better": {"value": "a", "comment": ""}})
    ada.post(f"{ROOT}/pairs/items/{item['id']}/vote", json=vote)
    mine = editor.post(f"{ROOT}/pairs/next").json()["item"]
    same = "a" if mine["a"] == item["a"] else "b"
    editor.post(f"{ROOT}/pairs/items/{item['id']}/vote", json={"votes": {"better": same}})
    told = editor.get(f"{ROOT}/pairs/items/{item['id']}").json()
    assert told["systems"] == PAIR["systems"]
    (row,) = (json.loads(line) for line in editor.get(f"{ROOT}/pairs/export?what=preferences").text.splitlines())
    assert (row["chosen"], row["votes_for_chosen"]) == (item["a"], 2)


def test_skip_and_corrections(as_: As) -> None:
    editor, ada = as_("editor", "ed"), as_("annotator", "ada")
    editor.post(ROOT, json=POINTS)
    editor.post(f"{ROOT}/support/fill", json={"items": [{"input": "q", "output": "a"}]})
    item = ada.post(f"{ROOT}/support/next").json()["item"]["id"]
    assert ada.post(f"{ROOT}/support/items/{item}/skip").json() == {"item": item, "status": "skipped"}
    assert ada.post(f"{ROOT}/support/next").json() == {"item": None}
    assert ada.post(f"{ROOT}/support/undo").json()["item"]["id"] == item
    made = ada.post(f"{ROOT}/support/items/{item}/correct", json={"text": "Better."})
    assert (made.status_code, made.json()["item_key"]) == (201, f"review-{item}")


def test_what_roles_may_not(as_: As) -> None:
    editor, viewer, ada, caller = (as_(role, role) for role in ("editor", "viewer", "annotator", "caller"))
    editor.post(ROOT, json=POINTS)
    assert viewer.get(f"{ROOT}/support").json()["rules"] == []
    assert "role admin, editor or annotator" in error_of(viewer.post(f"{ROOT}/support/next"), 403)["message"]
    for path in ("agreement", "items", "export", "items/x"):
        assert "this one has the role 'annotator'" in error_of(ada.get(f"{ROOT}/support/{path}"), 403)["message"]
    for method, path, body in (
        ("POST", "", POINTS), ("PATCH", "/support", {"annotators": 3}), ("POST", "/support/fill", {"rules": True}),
    ):  # fmt: skip
        error_of(ada.request(method, f"{ROOT}{path}", json=body), 403)
    error_of(caller.get(ROOT), 403)


def test_settings_change_and_what_is_wrong_is_told(as_: As) -> None:
    editor = as_("editor", "ed")
    editor.post(ROOT, json=POINTS)
    changed = editor.patch(f"{ROOT}/support", json={"annotators": 3, "rules": [{"why": "random", "share": 0.1}]}).json()
    assert (changed["annotators"], changed["rules"][0]["share"], changed["spread"]) == (3, 0.1, 1)
    assert editor.post(f"{ROOT}/support/fill", json={"rules": True}).json()["rules"] == [0]
    assert editor.patch(f"{ROOT}/support", json={"archived": True}).json()["archived_us"]
    assert editor.get(ROOT).json()["data"] == []
    assert [one["name"] for one in editor.get(ROOT, params={"archived": True}).json()["data"]] == ["support"]
    assert "archived" in error_of(editor.post(f"{ROOT}/support/next"), 409)["message"]
    for body, status, said in (
        (POINTS, 409, "a queue 'support' already"), ({"name": "x", "criteria": []}, 400, "criteria"),
        ({**POINTS, "name": "x", "rules": [{"why": "odd"}]}, 400, "Rule 1: Invalid enum value 'odd'"),
        ({**POINTS, "name": "x", "annotators": 0}, 400, "'annotators' must lie between 1 and 50"),
        ({**POINTS, "name": "x", "kind": "pairwise", "rules": [{"why": "guard"}]}, 400, "has no rules"),
        ({**POINTS, "name": "x", "odd": 1}, 400, "Extra inputs"),
    ):  # fmt: skip
        assert said in error_of(editor.post(ROOT, json=body), status)["message"]
    for fill, status, said in (
        ({}, 400, "Name one of"), ({"rules": True, "run": "x"}, 400, "Name one of"), ({"run": "x"}, 404, "no run 'x'"),
        ({"traces": ["none"]}, 404, "no trace"), ({"items": [1]}, 400, "Item 1: is no JSON object"),
    ):  # fmt: skip
        assert said in error_of(editor.post(f"{ROOT}/support/fill", json=fill), status)["message"]
    assert "no review queue 'none'" in error_of(editor.get(f"{ROOT}/none"), 404)["message"]
    assert "no item 'none'" in error_of(editor.get(f"{ROOT}/support/items/none"), 404)["message"]
