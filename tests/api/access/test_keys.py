"""`/api/keys`: what it answers, whom, and within which project."""

import pytest

from pilothouse.access import Keys
from pilothouse.errors import Unauthenticated
from pilothouse.ids import now_us

from ..conftest import As

FULL = {
    "name": "app",
    "role": "editor",
    "expires_us": 4_000_000_000_000_000,
    "policy": {
        "models": ["fast"],
        "endpoints": ["/v1/*"],
        "networks": ["10.0.0.0/8"],
        "cache": False,
        "guards": ["strict"],
    },
    "limits": {"requests_per_minute": 60, "tokens_per_minute": 1000, "parallel": 2},
    "budgets": [{"period": "day", "usd": "1.5", "alert_at": 0.5}, {"tokens": 100}],
}


def test_a_key_from_its_making_to_its_end(as_: As, keyring: Keys) -> None:
    master = as_()
    made = master.post("/api/keys", json=FULL)
    assert made.status_code == 201
    secret, key = made.json()["secret"], made.json()["key"]
    assert {name: key[name] for name in ("name", "role", "expires_us", "policy")} == {
        name: FULL[name] for name in ("name", "role", "expires_us", "policy")
    }
    assert key["limits"]["parallel"] == 2
    assert [(budget["usd"], budget["tokens"]) for budget in key["budgets"]] == [("1.5", None), (None, 100)]
    assert keyring.authenticate(f"Bearer {secret}").key_id == key["id"]

    path = f"/api/keys/{key['id']}"
    changed = master.patch(path, json={"policy": {"models": ["smart"]}, "expires_us": None}).json()
    assert (changed["policy"]["models"], changed["expires_us"], changed["name"]) == (["smart"], None, "app")
    assert master.get(path).json() == changed
    assert master.post(f"{path}/rotate", json={"overlap_seconds": 60}).status_code == 400, "no typo ends the old one"
    rotated = master.post(f"{path}/rotate", json={"overlap_s": 60}).json()
    assert rotated["key"]["old_until_us"] > now_us()
    assert keyring.authenticate(f"Bearer {secret}") is not None
    assert master.post(f"{path}/revoke").json()["state"] == "revoked"
    for each in (secret, rotated["secret"]):
        with pytest.raises(Unauthenticated):
            keyring.authenticate(f"Bearer {each}")
    assert [row["id"] for row in master.get("/api/keys").json()] == ["master"]
    assert len(master.get("/api/keys", params={"revoked": True}).json()) == 2
    for text in (master.get(path).text, master.get("/api/audit").text):
        assert secret not in text
        assert rotated["secret"] not in text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name: Field required"),
        ({"name": "x", "role": "owner"}, "role: Input should be 'admin', 'editor', 'viewer', 'annotator' or 'caller'"),
        ({"name": "x", "policy": {"networks": ["10.0.0.1/8"]}}, "policy.networks"),
        ({"name": "x", "policy": {"models": ["a*b"]}}, "'a*b': a * may only stand at the end"),
        ({"name": "x", "limits": {"parallel": 0}}, "limits.parallel"),
        ({"name": "x", "budgets": [{"period": "day"}]}, "a budget needs 'usd' or 'tokens'"),
        ({"name": "x", "hash": "abc"}, "hash: Extra inputs are not permitted"),
        ({"name": "x", "expires_us": -1}, "expires_us"),
        ({"name": "x", "project_id": "../x"}, "project_id"),
    ],
)
def test_a_bad_key_is_told_where(as_: As, body: dict[str, object], words: str) -> None:
    answer = as_().post("/api/keys", json=body)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]["message"]


def test_what_is_not_there(as_: As) -> None:
    master = as_()
    assert master.get("/api/keys/none").status_code == 404
    assert master.post("/api/keys/none/rotate", json={}).status_code == 404
    assert master.post("/api/keys", json={"name": "x", "team_id": "none"}).status_code == 404
    assert master.post("/api/keys/master/revoke").status_code == 409


def test_a_key_revoked_by_another_process_gets_no_further(as_: As, keyring: Keys) -> None:
    if keyring._engine.dialect.name != "sqlite":
        pytest.skip("a notice takes a moment: see access/test_keys.py")
    admin = as_("admin")
    assert admin.get("/api/keys").status_code == 200
    Keys(keyring._engine).revoke(keyring.list()[-1].id)
    assert admin.get("/api/keys").status_code == 401


@pytest.mark.parametrize("role", ["editor", "viewer", "caller"])
def test_keys_are_for_administrators(as_: As, role: str) -> None:
    client = as_(role)
    for answer in (client.get("/api/keys"), client.post("/api/keys", json={"name": "x", "role": "admin"})):
        assert answer.status_code == 403
        assert f"this one has the role '{role}'" in answer.json()["error"]["message"]


def test_an_administrator_of_a_project_stays_in_it(as_: As) -> None:
    master, shop = as_(), as_("admin", "shop")
    theirs = master.post("/api/keys", json={"name": "of default"}).json()["key"]["id"]
    own = shop.post("/api/keys", json={"name": "of shop"}).json()["key"]
    assert own["project_id"] == "shop"
    assert {row["project_id"] for row in shop.get("/api/keys").json()} == {"shop"}
    assert {row["project_id"] for row in master.get("/api/keys").json()} == {"default", "shop"}
    for answer in (
        shop.get("/api/keys", params={"project_id": "default"}),
        shop.post("/api/keys", json={"name": "x", "project_id": "default"}),
        shop.get("/api/audit", params={"project_id": "default"}),
    ):
        assert answer.status_code == 403
        assert "belongs to project 'shop'" in answer.json()["error"]["message"]
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/rotate"), ("POST", "/revoke")):
        for identifier in (theirs, "master"):
            answer = shop.request(method, f"/api/keys/{identifier}{path}", json={})
            assert answer.status_code == 404
    assert master.get(f"/api/keys/{own['id']}", params={"project_id": "shop"}).status_code == 200
    assert master.get(f"/api/keys/{own['id']}", params={"project_id": "default"}).status_code == 404


def test_a_key_may_be_bound_to_an_address(as_: As, keyring: Keys) -> None:
    master, admin = as_(), as_("admin")
    identifier = keyring.list("default")[-1].id
    master.patch(f"/api/keys/{identifier}", json={"policy": {"networks": ["203.0.113.0/24"]}})
    answer = admin.get("/api/keys", headers={"x-forwarded-for": "203.0.113.5"})
    assert answer.status_code == 403
    assert "It may from: 203.0.113.0/24" in answer.json()["error"]["message"]


def test_the_description_names_every_field(as_: As) -> None:
    described = as_().get("/api/openapi.json").json()
    key = described["components"]["schemas"]["NewKey"]["properties"]
    assert {"name", "role", "project_id", "team_id", "expires_us", "policy", "limits", "budgets"} == set(key)
    assert "requests_per_minute" in described["components"]["schemas"]["Limits"]["properties"]


@pytest.mark.parametrize("query", ["team_id=%00", "before=a%00b"])
def test_what_a_database_cannot_hold_is_the_callers_mistake(as_: As, query: str) -> None:
    answer = as_("admin").get(f"/api/keys?{query}")
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert "cannot hold" in answer.json()["error"]["message"]
