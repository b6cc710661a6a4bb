"""`/api/organisations`, `/api/projects`, `/api/teams`, `/api/members`: what they answer, and whom."""

import pytest

from pilothouse.access import Keys
from pilothouse.config import Limits

from ..conftest import As

LIMITED = {"name": "Named", "limits": {"parallel": 3}, "budgets": [{"usd": "10"}]}


def test_organisations_and_projects(as_: As) -> None:
    master = as_()
    assert master.post("/api/organisations", json={"id": "acme", **LIMITED}).status_code == 201
    made = master.post("/api/projects", json={"id": "web", "org_id": "acme", **LIMITED})
    assert (made.status_code, made.json()["org_id"]) == (201, "acme")
    assert [row["id"] for row in master.get("/api/organisations").json()] == ["acme", "default"]
    assert [row["id"] for row in master.get("/api/projects").json()] == ["default", "shop", "web"]
    assert [row["id"] for row in master.get("/api/projects", params={"org_id": "acme"}).json()] == ["web"]
    changed = master.patch("/api/projects/web", json={"budgets": []}).json()
    assert (changed["budgets"], changed["limits"]["parallel"]) == ([], 3)
    assert master.get("/api/projects/web").json() == changed
    assert master.patch("/api/organisations/acme", json={"name": "ACME"}).json()["name"] == "ACME"
    assert master.post("/api/projects", json={"id": "web", "name": "x"}).status_code == 409
    assert master.post("/api/projects", json={"id": "x", "name": "x", "org_id": "none"}).status_code == 404
    assert master.post("/api/projects", json={"id": "a/b", "name": "x"}).status_code == 400


def test_what_is_above_a_project_is_not_for_its_administrator(as_: As) -> None:
    shop = as_("admin", "shop")
    assert [row["id"] for row in shop.get("/api/projects").json()] == ["shop"]
    assert [row["id"] for row in shop.get("/api/organisations").json()] == ["default"]
    assert shop.get("/api/projects/shop").status_code == 200
    for answer in (
        shop.get("/api/projects/default"),
        shop.patch("/api/projects/shop", json={"budgets": []}),
        shop.patch("/api/organisations/default", json={"budgets": []}),
        shop.post("/api/projects", json={"id": "x", "name": "x"}),
        shop.post("/api/organisations", json={"id": "x", "name": "x"}),
    ):
        assert answer.status_code == 403


def test_teams(as_: As, keyring: Keys) -> None:
    shop, master = as_("admin", "shop"), as_()
    assert shop.post("/api/teams", json={"id": "ml", **LIMITED}).json()["project_id"] == "shop"
    made = shop.post("/api/keys", json={"name": "app", "team_id": "ml"}).json()
    assert keyring.authenticate(f"Bearer {made['secret']}").levels[2].limits == Limits(parallel=3)
    shop.patch("/api/teams/ml", json={"limits": {"parallel": 1}})
    assert shop.get("/api/teams/ml").json()["limits"]["parallel"] == 1
    assert [row["id"] for row in master.get("/api/teams").json()] == ["ml"]
    assert master.get("/api/teams", params={"project_id": "default"}).json() == []
    assert master.get("/api/teams/ml").status_code == 404
    assert shop.delete("/api/teams/ml").status_code == 409
    shop.post(f"/api/keys/{made['key']['id']}/revoke")
    assert shop.delete("/api/teams/ml").status_code == 204
    assert shop.delete("/api/teams/ml").status_code == 404


def test_the_role_of_a_team(as_: As, keyring: Keys) -> None:
    shop = as_("admin", "shop")
    assert shop.post("/api/teams", json={"id": "ml", "name": "ML", "role": "viewer"}).json()["role"] == "viewer"
    made = shop.post("/api/keys", json={"name": "app", "team_id": "ml"}).json()
    assert made["key"]["role"] is None
    assert keyring.authenticate(f"Bearer {made['secret']}").role == "viewer"
    member = shop.put("/api/members/ada@acme.test", json={"team_id": "ml"}).json()
    assert (member["role"], member["team_id"]) == (None, "ml")
    assert shop.patch("/api/teams/ml", json={"role": None}).json()["role"] is None
    assert shop.post("/api/teams", json={"id": "x", "name": "x", "role": "owner"}).status_code == 400
    assert as_().post("/api/projects", json={"id": "x", "name": "x", "role": "viewer"}).status_code == 400


@pytest.mark.parametrize("subject", ["ada@acme.test", "auth0|5f/7", "a b"])
def test_members(as_: As, subject: str) -> None:
    shop = as_("admin", "shop")
    put = shop.put(f"/api/members/{subject}", json={"role": "viewer"})
    assert (put.json()["subject"], put.json()["project_id"], put.json()["role"]) == (subject, "shop", "viewer")
    assert shop.get("/api/members").json() == [put.json()]
    assert shop.get(f"/api/members/{subject}").json() == put.json()
    assert as_().get("/api/members", params={"project_id": "default"}).json() == []
    assert shop.put(f"/api/members/{subject}", json={"role": "owner"}).status_code == 400
    assert shop.put(f"/api/members/{subject}", json={"role": "viewer", "team_id": "none"}).status_code == 404
    assert shop.delete(f"/api/members/{subject}").status_code == 204
    assert shop.delete(f"/api/members/{subject}").status_code == 404
