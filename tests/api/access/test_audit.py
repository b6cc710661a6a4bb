"""`/api/audit`: who changed what."""

from ..conftest import As


def test_a_change_is_found_with_its_state_before_and_after(as_: As) -> None:
    master = as_()
    key = master.post("/api/keys", json={"name": "app"}).json()["key"]
    master.patch(f"/api/keys/{key['id']}", json={"role": "viewer"})
    (entry,) = master.get("/api/audit", params={"action": "key.update"}).json()
    assert (entry["actor"], entry["source"], entry["subject"]) == ("master (master key)", "api", f"key:{key['id']}")
    assert (entry["before"]["role"], entry["after"]["role"]) == ("caller", "viewer")
    assert (entry["after"]["name"], "hash" in entry["after"]) == ("app", False)


def test_filters_and_pages(as_: As) -> None:
    master = as_()
    for n in range(3):
        master.post("/api/teams", json={"id": f"t{n}", "name": "x"})
    page = master.get("/api/audit", params={"subject": "team:default/*", "limit": 2}).json()
    rest = master.get("/api/audit", params={"subject": "team:default/*", "before": page[-1]["id"]}).json()
    assert {entry["subject"] for entry in page + rest} == {f"team:default/t{n}" for n in range(3)}
    assert master.get("/api/audit", params={"since_us": 2**61}).json() == []
    assert master.get("/api/audit", params={"limit": 0}).status_code == 400


def test_a_project_sees_its_own(as_: As) -> None:
    shop = as_("admin", "shop")
    shop.post("/api/teams", json={"id": "ml", "name": "x"})
    assert {entry["project_id"] for entry in shop.get("/api/audit").json()} == {"shop"}
    assert {entry["project_id"] for entry in as_().get("/api/audit").json()} >= {"shop", "*"}


def test_nobody_writes(as_: As) -> None:
    master = as_()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert master.request(method, "/api/audit").status_code == 405
